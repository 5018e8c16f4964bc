//! Pillow's resize, to the bit: the models' own processors call it, and a kernel
//! that rounds elsewhere moves pixels by several levels.
//!
//! The arithmetic is that of Pillow's `src/libImaging/Resample.c`: weights of 22
//! bits, the horizontal pass first, rounding and clipping to eight bits after each
//! pass. Only the part of the result that is asked for is computed, so that what a
//! crop leaves out costs nothing: the shortest edge of a picture of 65,535 × 1
//! pixels would otherwise become one of 14 million × 224.

use std::ops::Range;

use image::RgbImage;

const CHANNELS: usize = 3;

/// Bits behind the point of a weight: what is left of 32 beside the eight of a
/// pixel and two for what overshoots.
const WEIGHT_BITS: u32 = 32 - 8 - 2;

/// A filter of `Image.Resampling`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    Lanczos,
    Bilinear,
    /// Catmull-Rom's, by its usual name.
    Bicubic,
}

impl Filter {
    /// By its number in Pillow, which is how the files name it.
    pub(super) fn by_number(number: u64) -> Option<Self> {
        match number {
            1 => Some(Self::Lanczos),
            2 => Some(Self::Bilinear),
            3 => Some(Self::Bicubic),
            _ => None,
        }
    }

    /// Distance from which on it is zero.
    fn support(self) -> f64 {
        match self {
            Self::Lanczos => 3.0,
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
        }
    }

    fn at(self, x: f64) -> f64 {
        let x = x.abs();
        match self {
            Self::Lanczos if x < 3.0 => sinc(x) * sinc(x / 3.0),
            Self::Bilinear if x < 1.0 => 1.0 - x,
            Self::Bicubic if x < 1.0 => ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0,
            Self::Bicubic if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * A,
            _ => 0.0,
        }
    }
}

/// The cubic's parameter.
const A: f64 = -0.5;

fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    let x = x * std::f64::consts::PI;
    x.sin() / x
}

/// What one pixel of the result is made of.
struct Taps {
    /// The first pixel that counts.
    start: usize,
    weights: Vec<i32>,
}

/// The taps of pixels `window` of `outer`, out of `inner` pixels.
fn taps(filter: Filter, inner: usize, outer: u64, window: Range<u64>) -> Vec<Taps> {
    let scale = inner as f64 / outer as f64;
    // It widens where the picture shrinks, and stays where it grows.
    let stretch = scale.max(1.0);
    let support = filter.support() * stretch;
    window
        .map(|at| {
            let centre = (at as f64 + 0.5) * scale;
            // Both casts cut, and what is below zero becomes it.
            let start = (centre - support + 0.5) as usize;
            let end = ((centre + support + 0.5) as usize).min(inner);
            let weight = |x: usize| filter.at((x as f64 - centre + 0.5) * (1.0 / stretch));
            let weights: Vec<f64> = (start..end).map(weight).collect();
            let sum: f64 = weights.iter().sum();
            let fixed = |weight: &f64| (weight / sum * f64::from(1 << WEIGHT_BITS)).round() as i32;
            Taps {
                start,
                weights: weights.iter().map(fixed).collect(),
            }
        })
        .collect()
}

fn level(sum: i32) -> u8 {
    (sum >> WEIGHT_BITS).clamp(0, 255) as u8
}

/// Half a level, so that what follows rounds.
const HALF: i32 = 1 << (WEIGHT_BITS - 1);

/// Rows `rows` and columns `columns` of `picture` resized to `width` × `height`:
/// RGB, row-major. A side that keeps its length is copied.
pub(super) fn window(
    picture: &RgbImage,
    filter: Filter,
    (width, height): (u64, u64),
    columns: Range<u64>,
    rows: Range<u64>,
) -> Vec<u8> {
    let (inner_width, inner_height) = (picture.width() as usize, picture.height() as usize);
    let across =
        (width != inner_width as u64).then(|| taps(filter, inner_width, width, columns.clone()));
    let down =
        (height != inner_height as u64).then(|| taps(filter, inner_height, height, rows.clone()));
    // The rows that the second pass reads.
    let needed = match &down {
        None => rows.start as usize..rows.end as usize,
        Some(down) => {
            let end = |taps: &Taps| taps.start + taps.weights.len();
            down.first().map_or(0, |first| first.start)..down.last().map_or(0, end)
        }
    };
    let line = inner_width * CHANNELS;
    let lines = picture.as_raw()[needed.start * line..needed.end * line].chunks_exact(line);
    let narrow_line = (columns.end - columns.start) as usize * CHANNELS;
    let mut narrow = Vec::with_capacity(needed.len() * narrow_line);
    for line in lines {
        match &across {
            None => {
                let start = columns.start as usize * CHANNELS;
                narrow.extend_from_slice(&line[start..start + narrow_line]);
            }
            Some(across) => {
                for taps in across {
                    narrow.extend(pixel(line, taps));
                }
            }
        }
    }
    let Some(down) = down else {
        return narrow;
    };
    let mut result = Vec::with_capacity(down.len() * narrow_line);
    let mut sums = vec![0; narrow_line];
    for taps in &down {
        sums.fill(HALF);
        let lines = narrow[(taps.start - needed.start) * narrow_line..].chunks_exact(narrow_line);
        for (line, weight) in lines.zip(&taps.weights) {
            add(&mut sums, line, *weight);
        }
        result.extend(sums.iter().map(|sum| level(*sum)));
    }
    result
}

// Sums stay within 32 bits, as the weights of a pixel add up to one, and to less
// than one and a half without those below zero. `wrapping` leaves the checks out
// that this build makes of every other sum.

fn pixel(line: &[u8], taps: &Taps) -> [u8; CHANNELS] {
    let (pixels, _) = line[taps.start * CHANNELS..].as_chunks::<CHANNELS>();
    let mut sums = [HALF; CHANNELS];
    for (pixel, weight) in pixels.iter().zip(&taps.weights) {
        add(&mut sums, pixel, *weight);
    }
    sums.map(level)
}

fn add(sums: &mut [i32], levels: &[u8], weight: i32) {
    for (sum, level) in sums.iter_mut().zip(levels) {
        *sum = sum.wrapping_add(i32::from(*level).wrapping_mul(weight));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;
    use proptest::prelude::*;

    fn picture(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            Rgb([(x * 37 + y * 11) as u8, (x * y) as u8, (255 - x) as u8])
        })
    }

    #[test]
    fn a_plain_picture_keeps_its_colour_at_any_size() {
        let plain = RgbImage::from_pixel(31, 17, Rgb([1, 128, 254]));
        for filter in [Filter::Lanczos, Filter::Bilinear, Filter::Bicubic] {
            for (width, height) in [(7, 5), (100, 3), (31, 40)] {
                let resized = window(&plain, filter, (width, height), 0..width, 0..height);
                assert_eq!(resized.len() as u64, width * height * 3);
                assert!(resized.chunks(3).all(|pixel| pixel == [1, 128, 254]));
            }
        }
    }

    proptest! {
        #[test]
        fn a_window_is_the_same_part_of_the_whole(
            inner in (1_u32..40, 1_u32..40),
            outer in (1_u64..60, 1_u64..60),
            from in (0.0..1.0, 0.0..1.0),
            to in (0.0..1.0, 0.0..1.0),
        ) {
            let part = |from: f64, to: f64, length: u64| {
                let start = (from * length as f64) as u64;
                start..start + 1 + (to * (length - start - 1) as f64) as u64
            };
            let (columns, rows) = (part(from.0, to.0, outer.0), part(from.1, to.1, outer.1));
            let picture = picture(inner.0, inner.1);
            let whole = window(&picture, Filter::Bicubic, outer, 0..outer.0, 0..outer.1);
            let some = window(&picture, Filter::Bicubic, outer, columns.clone(), rows.clone());
            let same = rows.flat_map(|y| columns.clone().map(move |x| (x, y)))
                .flat_map(|(x, y)| { let at = ((y * outer.0 + x) * 3) as usize; at..at + 3 })
                .map(|at| whole[at]);
            prop_assert!(same.eq(some));
        }
    }
}
