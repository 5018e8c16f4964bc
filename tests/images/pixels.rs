//! Decoded and prepared images, against Pillow's and transformers' arithmetic.

use fastembed_worker::models::image::preprocess::Preprocessor;

use crate::made::{Made, read};

/// Levels that two decoders of a lossy format may lie apart, at most and in the
/// mean: transforms are rounded differently, and subsampled colour is brought back
/// by different filters.
fn tolerance(name: &str) -> (u8, f64) {
    match name {
        "subsampled.jpeg" => (60, 1.5),
        _ if name.ends_with("jpeg") => (4, 0.6),
        "lossy.webp" => (60, 1.5),
        _ => (0, 0.0),
    }
}

#[test]
fn every_format_and_mode_has_pillows_pixels() {
    let made = Made::take();
    for name in made.names("images") {
        let picture = made
            .decoded(&name)
            .unwrap_or_else(|fault| panic!("{name}: {fault}"));
        let (width, height) = made.sides("images", &name);
        let sides = (picture.width() as usize, picture.height() as usize);
        assert_eq!(sides, (width, height), "{name}");
        let expected = read(&made.folder.join("rgb").join(&name));
        let apart: Vec<u8> = picture
            .iter()
            .zip(&expected)
            .map(|(a, b)| a.abs_diff(*b))
            .collect();
        assert_eq!(apart.len(), expected.len());
        let most = apart.iter().max().copied().unwrap();
        let mean = apart.iter().map(|a| f64::from(*a)).sum::<f64>() / apart.len() as f64;
        println!("{name}: at most {most}, in the mean {mean:.3}");
        let (at_most, in_the_mean) = tolerance(&name);
        assert!(
            most <= at_most && mean <= in_the_mean,
            "{name}: {most} levels, {mean} in the mean"
        );
    }
}

#[test]
fn pictures_are_prepared_as_the_models_own_processors_do() {
    let made = Made::take();
    let pictures: Vec<_> = made
        .names("pictures")
        .iter()
        .map(|name| (name.clone(), made.decoded(name).unwrap()))
        .collect();
    for name in made.names("configurations") {
        let file = |ending: &str| read(&made.folder.join(format!("{name}.{ending}")));
        let preprocessor = Preprocessor::from_json(&file("json"))
            .unwrap_or_else(|fault| panic!("{name}: {fault}"));
        let (width, height) = made.sides("configurations", &name);
        assert_eq!(preprocessor.size(), (height, width), "{name}");
        let expected: Vec<f32> = file("f32")
            .as_chunks::<4>()
            .0
            .iter()
            .map(|value| f32::from_le_bytes(*value))
            .collect();
        let length = 3 * width * height;
        assert_eq!(expected.len(), pictures.len() * length);
        for ((picture, decoded), expected) in pictures.iter().zip(expected.chunks(length)) {
            let mut pixels = Vec::new();
            preprocessor.pixels(&preprocessor.resize(decoded), &mut pixels);
            assert_eq!(pixels.len(), length);
            let apart = pixels.iter().zip(expected).map(|(a, b)| (a - b).abs());
            let apart = apart.fold(0.0, f32::max);
            // A level is 1/255 over the smallest deviation, and unscaled 1 over it.
            let level = if name == "not_rescaled" {
                1.0 / 0.2
            } else {
                1.0 / 255.0 / 0.2
            };
            let levels = if picture.ends_with("jpeg") {
                4.5
            } else {
                0.001
            };
            assert!(
                apart <= level * levels,
                "{name}, {picture}: {apart} apart, {} levels",
                apart / level
            );
            if name == "clip" || name == "resnet" {
                assert!(apart <= 2e-2, "{name}, {picture}: {apart} apart");
            }
        }
    }
}
