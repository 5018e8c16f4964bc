//! Bad images: the right code, and no more memory than the limits say.

use std::time::Instant;

use fastembed_worker::models::image::decode::{Limits, decode};
use fastembed_worker::models::image::preprocess::Preprocessor;

use crate::MEMORY;
use crate::made::Made;

/// Bytes beside pixels: a decoder's tables, a message.
const BESIDE: usize = 2 << 20;

/// Memory that `work` took at most, above what was there.
fn taken<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let result = work();
    (result, MEMORY.peak_usage().saturating_sub(before))
}

#[test]
fn what_is_no_whole_image_or_too_large_is_refused_by_its_code_without_memory() {
    let made = Made::take();
    for name in made.names("refused") {
        let bytes = made.bytes(&name);
        let (refused, taken) = taken(|| decode(&bytes, &Limits::default()));
        let refused = refused
            .map(|picture| picture.dimensions())
            .expect_err(&name);
        println!("{name}: {refused}, {taken} bytes");
        let code = made.about["refused"][&name].as_u64().unwrap();
        assert_eq!(u64::from(refused.code.number()), code, "{name}: {refused}");
        assert!(taken <= 4 * bytes.len() + BESIDE, "{name}: {taken} bytes");
        assert!(code != 413 || refused.limit.is_some(), "{name}: {refused}");
    }
}

#[test]
fn every_image_that_is_cut_off_anywhere_is_refused_or_whole_already() {
    let made = Made::take();
    for name in made.names("images") {
        let bytes = made.bytes(&name);
        if bytes.len() > 300_000 {
            continue;
        }
        let whole = made.decoded(&name).unwrap();
        for cut in 1..24 {
            let part = &bytes[..bytes.len() * cut / 24];
            match decode(part, &Limits::default()) {
                Ok(picture) => assert!(picture == whole, "{name}, {cut}/24: another picture"),
                Err(refused) => {
                    assert_eq!(refused.code.number(), 400, "{name}, {cut}/24: {refused}")
                }
            }
        }
    }
}

#[test]
fn what_grows_beside_the_picture_is_not_read() {
    let made = Made::take();
    for (name, pixels) in [
        ("text_bomb.png", 4),
        ("profile_bomb.png", 4),
        ("animated_bomb.gif", 4_000_000),
    ] {
        let bytes = made.bytes(name);
        let start = Instant::now();
        let (picture, taken) = taken(|| decode(&bytes, &Limits::default()));
        picture.unwrap();
        println!("{name}: {taken} bytes, {:?}", start.elapsed());
        // Four bytes a pixel, the three that these become, and what a profile may take.
        assert!(
            taken <= 7 * pixels + 4 * bytes.len() + (8 << 20) + BESIDE,
            "{name}: {taken} bytes"
        );
    }
}

#[test]
fn of_an_animation_nothing_behind_the_first_frame_is_read() {
    let made = Made::take();
    for (name, second) in [
        ("frames.gif", &b"\x21\xf9\x04"[..]),
        ("frames.png", b"fdAT"),
        ("frames.webp", b"ANMF"),
        ("animated_bomb.gif", b"\x21\xf9\x04"),
    ] {
        let mut bytes = made.bytes(name);
        let whole = made.decoded(name).unwrap();
        let places: Vec<usize> = (0..bytes.len())
            .filter(|at| bytes[*at..].starts_with(second))
            .collect();
        // The first frame of the two others stands under another name, or none.
        let at = if second == b"fdAT" {
            places[0]
        } else {
            places[1]
        };
        for byte in bytes.iter_mut().skip(at + 8) {
            *byte = 0xaa;
        }
        let decoded = decode(&bytes, &Limits::default());
        assert!(
            decoded.unwrap_or_else(|fault| panic!("{name}: {fault}")) == whole,
            "{name}"
        );
    }
}

#[test]
fn a_large_picture_takes_little_more_memory_than_is_counted_of_it() {
    let made = Made::take();
    for name in made.names("large") {
        let bytes = made.bytes(&name);
        let (picture, taken) = taken(|| decode(&bytes, &Limits::default()).unwrap());
        let pixels = picture.width() as usize * picture.height() as usize;
        let limits = |decoded_bytes| Limits {
            decoded_bytes,
            ..Limits::default()
        };
        let refused = decode(&bytes, &limits(1)).unwrap_err().message;
        let counted: usize = refused.split(' ').next().unwrap().parse().unwrap();
        assert!(decode(&bytes, &limits(counted)).is_ok(), "{name}");
        let small = Limits {
            megapixels: 3,
            ..Limits::default()
        };
        assert_eq!(decode(&bytes, &small).unwrap_err().limit, Some(3), "{name}");
        let per = |bytes: usize| bytes as f64 / pixels as f64;
        println!(
            "{name}: {:.1} bytes a pixel, {:.1} counted",
            per(taken),
            per(counted)
        );
        let most = counted + counted / 4 + 2 * bytes.len() + BESIDE;
        assert!(taken <= most, "{name}: {taken} bytes, {counted} counted");
    }
}

#[test]
fn the_longest_and_thinnest_picture_is_resized_within_its_own_size() {
    let _turn = Made::take();
    let settings = br#"{"image_mean": [0, 0, 0], "image_std": [1, 1, 1]}"#;
    let preprocessor = Preprocessor::from_json(settings).unwrap();
    for (width, height) in [(65_535, 1), (1, 65_535)] {
        let thin = image::RgbImage::from_pixel(width, height, image::Rgb([7, 8, 9]));
        let (resized, taken) = taken(|| preprocessor.resize(&thin));
        assert!(resized.chunks(3).all(|pixel| pixel == [7, 8, 9]));
        println!("{width} x {height}: {taken} bytes");
        assert!(taken <= 2 << 20, "{taken} bytes");
    }
}
