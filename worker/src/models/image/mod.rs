//! Images: files in, pixels as a model's own preprocessor file asks for them, and
//! vectors out.

pub mod decode;
mod jpeg;
mod keys;
mod load;
mod pixel_feed;
pub mod preprocess;
mod resample;
mod settings;

pub use load::Prepared;

/// The smallest image, a GIF of one white pixel.
pub const SMALLEST: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00\
    ,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

#[cfg(test)]
mod tests {
    use super::decode::{Limits, decode};

    #[test]
    fn the_smallest_image_is_one() {
        let picture = decode(super::SMALLEST, &Limits::default()).unwrap();
        assert_eq!(picture.as_raw(), &[255; 3]);
    }
}
