//! From a picture to the numbers that a model reads, as the model's own
//! `preprocessor_config.json` says.
//!
//! Steps and arithmetic are those of transformers' slow image processors: resize,
//! crop to the centre, rescale, normalise, channels first.

use image::RgbImage;

use super::resample;
use super::settings::{Resize, Settings};

const CHANNELS: usize = 3;
const LEVELS: usize = 256;

/// One model's way of preparing images.
#[derive(Clone, Debug)]
pub struct Preprocessor {
    settings: Settings,
    width: usize,
    height: usize,
    /// What a level of a channel becomes.
    values: [[f32; LEVELS]; CHANNELS],
}

impl Preprocessor {
    /// Reads `preprocessor_config.json`.
    ///
    /// # Errors
    /// The key that asks for what is not known here.
    pub fn from_json(json: &[u8]) -> Result<Self, String> {
        let settings = Settings::read(json)?;
        let (width, height) = settings.size()?;
        let factor = settings.rescale.unwrap_or(1.0);
        let (mean, deviation) = settings.normalize.unwrap_or(([0.0; 3], [1.0; 3]));
        let value = |channel: usize, level: usize| {
            ((level as f64 * factor - mean[channel]) / deviation[channel]) as f32
        };
        Ok(Self {
            settings,
            width: width as usize,
            height: height as usize,
            values: std::array::from_fn(|channel| {
                std::array::from_fn(|level| value(channel, level))
            }),
        })
    }

    /// Height and width of every picture that it has resized.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        (self.height, self.width)
    }

    /// Bytes of every picture that it has resized.
    #[must_use]
    pub fn bytes(&self) -> usize {
        CHANNELS * self.height * self.width
    }

    /// Resizes and crops a picture of at least one pixel: RGB, row-major. It stays
    /// in eight bits, a quarter of what the model reads, while it waits.
    #[must_use]
    pub fn resize(&self, picture: &RgbImage) -> Vec<u8> {
        let (width, height) = self.sides(picture.width().into(), picture.height().into());
        let across = Centre::of(width, self.width as u64);
        let down = Centre::of(height, self.height as u64);
        let kept = resample::window(
            picture,
            self.settings.filter,
            (width, height),
            across.from..across.from + across.length,
            down.from..down.from + down.length,
        );
        if across.length == self.width as u64 && down.length == self.height as u64 {
            return kept;
        }
        let mut padded = vec![0; self.bytes()];
        let line = self.width * CHANNELS;
        let lines = padded.chunks_exact_mut(line).skip(down.before as usize);
        let start = across.before as usize * CHANNELS;
        let length = across.length as usize * CHANNELS;
        for (line, kept) in lines.zip(kept.chunks_exact(length)) {
            line[start..start + length].copy_from_slice(kept);
        }
        padded
    }

    /// Appends what the model reads of a resized picture: 3 × height × width.
    pub fn pixels(&self, resized: &[u8], pixels: &mut Vec<f32>) {
        for (channel, values) in self.values.iter().enumerate() {
            let levels = resized.iter().skip(channel).step_by(CHANNELS);
            pixels.extend(levels.map(|level| values[usize::from(*level)]));
        }
    }

    /// Width and height of a picture before it is cropped.
    fn sides(&self, width: u64, height: u64) -> (u64, u64) {
        match self.settings.resize {
            Resize::Not => (width, height),
            Resize::To(width, height) => (width, height),
            Resize::ShortestEdge(edge) if width <= height => (edge, edge * height / width),
            Resize::ShortestEdge(edge) => (edge * width / height, edge),
        }
    }
}

/// Where the centre of one side lies.
struct Centre {
    /// Pixels left out before it.
    from: u64,
    /// Pixels of the picture in it.
    length: u64,
    /// Black pixels before these.
    before: u64,
}

impl Centre {
    /// Of an odd rest, the smaller half is cut before, but the larger is padded
    /// before: so transformers' `center_crop` does.
    fn of(length: u64, wanted: u64) -> Self {
        Self {
            from: length.saturating_sub(wanted) / 2,
            length: length.min(wanted),
            before: wanted.saturating_sub(length).div_ceil(2),
        }
    }
}
