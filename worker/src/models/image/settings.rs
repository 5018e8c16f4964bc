//! `preprocessor_config.json`: what a model's authors have their images go
//! through.
//!
//! Names, defaults and meanings are those of transformers' image processors. What
//! is asked for and not known here is refused: the model would see other pixels
//! than it was trained on, and nobody would notice.

use serde_json::{Map, Value};

use super::keys::{Keys, Size};
use super::resample::Filter;

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

impl Keys<'_> {
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
}

/// Side of the processors that a file leaves open.
const SIDE: u64 = 224;

/// From this side on, ConvNext's processor does not crop.
const CONVNEXT_SIDE: u64 = 384;

/// Share of the shortest edge that it keeps.
const CONVNEXT_SHARE: f64 = 224.0 / 256.0;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn with(key: &str, value: Value) -> Value {
        let mut file = json!({ "image_mean": [0.5, 0.5, 0.5], "image_std": [0.2, 0.2, 0.2] });
        file[key] = value;
        file
    }

    fn read(file: &Value) -> Result<Settings, String> {
        Settings::read(file.to_string().as_bytes())
    }

    #[test]
    fn what_is_asked_for_and_not_known_is_refused_by_its_key() {
        for (key, value) in [
            ("do_pad", json!(true)),
            ("do_flip_channel_order", json!(true)),
            ("pad_size", json!({ "height": 1, "width": 1 })),
            ("image_processor_type", json!("SiglipImageProcessor")),
            ("feature_extractor_type", json!(7)),
            ("data_format", json!("channels_last")),
            ("resample", json!(0)),
            ("resample", json!("bicubic")),
            ("size", json!({ "longest_edge": 224 })),
            ("size", json!({ "shortest_edge": 224, "longest_edge": 512 })),
            ("size", json!([224, 224])),
            ("size", json!(0)),
            ("size", json!(1_000_000)),
            ("crop_size", json!({ "shortest_edge": 224 })),
            ("crop_size", json!(-1)),
            ("do_center_crop", json!(false)),
            ("do_center_crop", json!("no")),
            ("do_resize", json!(1)),
            ("rescale_factor", json!("1/255")),
            ("image_mean", json!([0.5])),
            ("image_mean", json!(null)),
            ("image_std", json!([0.2, 0.0, 0.2])),
        ] {
            let refused = read(&with(key, value.clone())).unwrap_err();
            assert!(
                refused.starts_with(&format!("{key}: ")),
                "{key} {value}: {refused}"
            );
        }
        for convnext in [
            json!({ "do_resize": false }),
            json!({ "do_center_crop": true }),
            json!({ "size": { "height": 224, "width": 224 } }),
            json!({ "size": 224, "crop_pct": 1.5 }),
        ] {
            let mut file = with("image_processor_type", json!("ConvNextImageProcessor"));
            let key = convnext
                .as_object()
                .unwrap()
                .keys()
                .next_back()
                .unwrap()
                .clone();
            file.as_object_mut()
                .unwrap()
                .extend(convnext.as_object().unwrap().clone());
            let refused = read(&file).unwrap_err();
            assert!(refused.contains(':'), "{key}: {refused}");
        }
    }

    #[test]
    fn what_asks_for_nothing_is_read_over() {
        let plain = read(&with("image_processor_type", json!("CLIPImageProcessor"))).unwrap();
        for (key, value) in [
            ("do_pad", json!(false)),
            ("size", json!(null)),
            ("_valid_processor_keys", json!(["images", "do_resize"])),
            ("processor_class", json!("CLIPProcessor")),
            ("do_convert_rgb", json!(true)),
            ("data_format", json!("channels_first")),
            ("image_processor_type", json!("CLIPImageProcessorFast")),
        ] {
            assert_eq!(read(&with(key, value)).unwrap(), plain, "{key}");
        }
        assert_eq!(plain.resize, Resize::ShortestEdge(224));
        assert_eq!(
            (plain.filter, plain.crop),
            (Filter::Bicubic, Some((224, 224)))
        );
    }

    #[test]
    fn a_processor_to_a_square_does_not_crop_by_default() {
        let vit = read(&with("image_processor_type", json!("ViTImageProcessor"))).unwrap();
        assert_eq!((vit.resize, vit.crop), (Resize::To(224, 224), None));
        assert_eq!(vit.filter, Filter::Bilinear);
    }
}
