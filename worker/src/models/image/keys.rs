//! The keys of a preprocessor's file, read one by one.

use serde_json::{Map, Value};

/// Longest side that a model may ask for; none is near it.
const MAX_SIDE: u64 = 4096;

/// Keys that change no pixel here. Every image becomes RGB, whatever
/// `do_convert_rgb` says: transformers fails on others without it.
const INERT: [&str; 9] = [
    "auto_map",
    "default_to_square",
    "device",
    "disable_grouping",
    "do_convert_rgb",
    "feature_extractor_type",
    "image_processor_type",
    "processor_class",
    "return_tensors",
];

const KNOWN: [&str; 12] = [
    "crop_pct",
    "crop_size",
    "data_format",
    "do_center_crop",
    "do_normalize",
    "do_rescale",
    "do_resize",
    "image_mean",
    "image_std",
    "resample",
    "rescale_factor",
    "size",
];

/// A file's keys.
#[derive(Clone, Copy)]
pub(super) struct Keys<'a>(pub(super) &'a Map<String, Value>);

/// A length of sides, in the forms that a file has it.
pub(super) enum Size {
    One(u64),
    ShortestEdge(u64),
    Both(u64, u64),
}

impl<'a> Keys<'a> {
    /// The value of a key; null is as good as absent.
    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    /// Refuses a key that may ask for something.
    pub(super) fn check(&self) -> Result<(), String> {
        for (key, value) in self.0 {
            let key = key.as_str();
            let silent = matches!(value, Value::Null | Value::Bool(false)) || key.starts_with('_');
            if !silent && !INERT.contains(&key) && !KNOWN.contains(&key) {
                return Err(format!("{key}: this key is not known"));
            }
        }
        match self.get("data_format") {
            Some(format) if format != "channels_first" => {
                Err(format!("data_format: {format} is not known"))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn flag(&self, key: &str, absent: bool) -> Result<bool, String> {
        let value = self.get(key).map(|value| {
            value
                .as_bool()
                .ok_or_else(|| format!("{key}: {value} is no boolean"))
        });
        value.unwrap_or(Ok(absent))
    }

    pub(super) fn number(&self, key: &str) -> Result<Option<f64>, String> {
        let number = |value: &Value| {
            value
                .as_f64()
                .ok_or_else(|| format!("{key}: {value} is no number"))
        };
        self.get(key).map(number).transpose()
    }

    pub(super) fn channels(&self, key: &str) -> Result<[f64; 3], String> {
        let values = self.get(key).ok_or_else(|| format!("{key}: missing"))?;
        let list: Option<Vec<f64>> = values
            .as_array()
            .and_then(|list| list.iter().map(Value::as_f64).collect());
        let list = list.and_then(|list| list.try_into().ok());
        list.ok_or_else(|| format!("{key}: {values} are not three numbers"))
    }

    pub(super) fn deviations(&self) -> Result<[f64; 3], String> {
        let key = "image_std";
        let deviations = self.channels(key)?;
        match deviations.iter().all(|deviation| *deviation != 0.0) {
            true => Ok(deviations),
            false => Err(format!("{key}: divides by zero")),
        }
    }

    pub(super) fn size(&self, key: &str) -> Result<Option<Size>, String> {
        let side = |value: &Value| {
            let side = value.as_u64().filter(|side| (1..=MAX_SIDE).contains(side));
            side.ok_or_else(|| format!("{key}: {value} is not within 1 and {MAX_SIDE}"))
        };
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let Some(sides) = value.as_object() else {
            return side(value).map(|side| Some(Size::One(side)));
        };
        let named = |name: &str| sides.get(name).map(side).transpose();
        let size = match (
            named("shortest_edge")?,
            named("width")?,
            named("height")?,
            sides.len(),
        ) {
            (Some(edge), None, None, 1) => Size::ShortestEdge(edge),
            (None, Some(width), Some(height), 2) => Size::Both(width, height),
            _ => return Err(format!("{key}: {value} is not known")),
        };
        Ok(Some(size))
    }
}
