//! `preprocessor_config.json`: what a model's authors have their images go
//! through.
//!
//! Names, defaults and meanings are those of transformers' image processors. What
//! is asked for and not known here is refused: the model would see other pixels
//! than it was trained on, and nobody would notice.

use serde_json::{Map, Value};

use super::resample::Filter;

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

/// How a picture is brought to size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resize {
    /// Not at all; the crop alone decides.
    Not,
    /// To this width and height, whatever it was.
    To(u64, u64),
    /// The shorter edge to this length, the other in proportion.
    ShortestEdge(u64),
}

/// What a file asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Settings {
    pub(super) resize: Resize,
    pub(super) filter: Filter,
    /// Width and height of the centre that is kept, or all.
    pub(super) crop: Option<(u64, u64)>,
    pub(super) rescale: Option<f64>,
    /// Mean and deviation of each channel.
    pub(super) normalize: Option<([f64; 3], [f64; 3])>,
}

/// The processors that are known, by what they do where the file is silent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Shortest edge, then the centre.
    Centred,
    /// To a square.
    Plain,
    /// The centre of something larger, or a square from 384 on.
    ConvNext,
}

impl Kind {
    fn of(file: &Map<String, Value>) -> Result<Self, String> {
        let key = "image_processor_type";
        let named = [key, "feature_extractor_type"]
            .into_iter()
            .find_map(|key| Some((key, file.get(key).filter(|value| !value.is_null())?)));
        let Some((key, value)) = named else {
            return Ok(Self::Centred);
        };
        let name = value.as_str().unwrap_or_default();
        // Of a fast processor the slow one's arithmetic is followed.
        match name.strip_suffix("Fast").unwrap_or(name) {
            "CLIPImageProcessor" | "CLIPFeatureExtractor" | "BitImageProcessor" => {
                Ok(Self::Centred)
            }
            "ViTImageProcessor" | "ViTFeatureExtractor" => Ok(Self::Plain),
            "ConvNextImageProcessor" | "ConvNextFeatureExtractor" => Ok(Self::ConvNext),
            _ => Err(format!("{key}: {value} is not known")),
        }
    }
}

impl Settings {
    /// Reads a file.
    ///
    /// # Errors
    /// The key at fault, and why.
    pub(super) fn read(json: &[u8]) -> Result<Self, String> {
        let file: Map<String, Value> =
            serde_json::from_slice(json).map_err(|fault| fault.to_string())?;
        let file = Keys(&file);
        file.check()?;
        let kind = Kind::of(file.0)?;
        let (resize, crop) = match kind {
            Kind::ConvNext => file.convnext()?,
            _ => file.sized(kind)?,
        };
        let filter = match file.get("resample") {
            None if kind == Kind::Centred => Filter::Bicubic,
            None => Filter::Bilinear,
            Some(value) => {
                let known = value.as_u64().and_then(Filter::by_number);
                known.ok_or_else(|| format!("resample: {value} is not known"))?
            }
        };
        let settings = Self {
            resize,
            filter,
            crop,
            rescale: match file.flag("do_rescale", true)? {
                true => Some(file.number("rescale_factor")?.unwrap_or(1.0 / 255.0)),
                false => None,
            },
            normalize: match file.flag("do_normalize", true)? {
                true => Some((file.channels("image_mean")?, file.deviations()?)),
                false => None,
            },
        };
        settings.size()?;
        Ok(settings)
    }

    /// Width and height of what comes out, of any picture.
    pub(super) fn size(&self) -> Result<(u64, u64), String> {
        match (self.crop, self.resize) {
            (Some(size), _) => Ok(size),
            (None, Resize::To(width, height)) => Ok((width, height)),
            (None, _) => {
                Err("do_center_crop: without it, pictures would come in different sizes".to_owned())
            }
        }
    }
}

struct Keys<'a>(&'a Map<String, Value>);

impl<'a> Keys<'a> {
    /// The value of a key; null is as good as absent.
    fn get(&self, key: &str) -> Option<&'a Value> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    /// Refuses a key that may ask for something.
    fn check(&self) -> Result<(), String> {
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

    fn flag(&self, key: &str, absent: bool) -> Result<bool, String> {
        let value = self.get(key).map(|value| {
            value
                .as_bool()
                .ok_or_else(|| format!("{key}: {value} is no boolean"))
        });
        value.unwrap_or(Ok(absent))
    }

    fn number(&self, key: &str) -> Result<Option<f64>, String> {
        let number = |value: &Value| {
            value
                .as_f64()
                .ok_or_else(|| format!("{key}: {value} is no number"))
        };
        self.get(key).map(number).transpose()
    }

    fn channels(&self, key: &str) -> Result<[f64; 3], String> {
        let values = self.get(key).ok_or_else(|| format!("{key}: missing"))?;
        let list: Option<Vec<f64>> = values
            .as_array()
            .and_then(|list| list.iter().map(Value::as_f64).collect());
        let list = list.and_then(|list| list.try_into().ok());
        list.ok_or_else(|| format!("{key}: {values} are not three numbers"))
    }

    fn deviations(&self) -> Result<[f64; 3], String> {
        let key = "image_std";
        let deviations = self.channels(key)?;
        match deviations.iter().all(|deviation| *deviation != 0.0) {
            true => Ok(deviations),
            false => Err(format!("{key}: divides by zero")),
        }
    }

    /// Resize and crop of the processors that have both.
    fn sized(&self, kind: Kind) -> Result<(Resize, Option<(u64, u64)>), String> {
        let resize = match (self.flag("do_resize", true)?, self.size("size")?, kind) {
            (false, ..) => Resize::Not,
            (true, None, Kind::Plain) => Resize::To(SIDE, SIDE),
            (true, None, _) => Resize::ShortestEdge(SIDE),
            (true, Some(Size::One(side)), Kind::Plain) => Resize::To(side, side),
            (true, Some(Size::One(side) | Size::ShortestEdge(side)), _) => {
                Resize::ShortestEdge(side)
            }
            (true, Some(Size::Both(width, height)), _) => Resize::To(width, height),
        };
        let crop = match (
            self.flag("do_center_crop", kind == Kind::Centred)?,
            self.size("crop_size")?,
        ) {
            (false, _) => None,
            (true, None) => Some((SIDE, SIDE)),
            (true, Some(Size::One(side))) => Some((side, side)),
            (true, Some(Size::Both(width, height))) => Some((width, height)),
            (true, Some(Size::ShortestEdge(_))) => {
                return Err("crop_size: shortest_edge is no size of a crop".to_owned());
            }
        };
        Ok((resize, crop))
    }

    fn convnext(&self) -> Result<(Resize, Option<(u64, u64)>), String> {
        if !self.flag("do_resize", true)? {
            return Err("do_resize: without it, pictures would come in different sizes".to_owned());
        }
        if self.flag("do_center_crop", false)? {
            return Err("do_center_crop: not a step of this processor".to_owned());
        }
        let side = match self.size("size")? {
            None => CONVNEXT_SIDE,
            Some(Size::One(side) | Size::ShortestEdge(side)) => side,
            Some(Size::Both(..)) => {
                return Err("size: this processor takes a shortest_edge".to_owned());
            }
        };
        if side >= CONVNEXT_SIDE {
            return Ok((Resize::To(side, side), None));
        }
        let share = self.number("crop_pct")?.unwrap_or(CONVNEXT_SHARE);
        if !(share > 0.0 && share <= 1.0) {
            return Err(format!("crop_pct: {share} is not within 0 and 1"));
        }
        let edge = side as f64 / share;
        // The cast cuts, as Python's int does.
        Ok((Resize::ShortestEdge(edge as u64), Some((side, side))))
    }

    fn size(&self, key: &str) -> Result<Option<Size>, String> {
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

/// Side of the processors that a file leaves open.
const SIDE: u64 = 224;

/// From this side on, ConvNext's processor does not crop.
const CONVNEXT_SIDE: u64 = 384;

/// Share of the shortest edge that it keeps.
const CONVNEXT_SHARE: f64 = 224.0 / 256.0;

enum Size {
    One(u64),
    ShortestEdge(u64),
    Both(u64, u64),
}
