//! From a caller's bytes to the pixels of one picture, under limits of our own.
//!
//! The header is believed for nothing but what it claims to need: where that is
//! too much, nothing is decoded. Of an animation only the first frame is.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::codecs::bmp::BmpDecoder;
use image::codecs::gif::GifDecoder;
use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::tiff::TiffDecoder;
use image::codecs::webp::WebPDecoder;
use image::{ColorType, DynamicImage, ImageDecoder, ImageError, ImageFormat, RgbImage};

use super::jpeg;
use crate::wire::{Error, ErrorCode, protocol};

/// The formats that are read, as people call them.
const FORMATS: &str = "PNG, JPEG, WebP, GIF, BMP and TIFF";

const PIXELS_IN_A_MEGAPIXEL: u64 = 1_000_000;

/// Bytes of a pixel as it leaves.
const RGB_BYTES: u64 = 3;

/// Bytes of a coefficient that a decoder of JPEG holds.
const COEFFICIENT_BYTES: u64 = 2;

/// Bytes of a pixel in the picture that a decoder of WebP makes for itself.
const WEBP_BYTES: u64 = 4;

/// Longest side that a decoder takes: that of the formats with 16 bits for it.
/// A decoder's buffers for one line are not counted otherwise.
const MAX_SIDE: u32 = 65_535;

/// Bytes that a file of PNG may take beside its pixels: its lines and colour
/// profile. The profile is compressed, and would grow to whatever is allowed.
const PNG_EXTRA_BYTES: u64 = 4 << 20;

/// What one image may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes as they come.
    pub bytes: usize,
    /// Millions of pixels.
    pub megapixels: usize,
    /// Bytes of pixels while it is decoded and made RGB.
    pub decoded_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: protocol::MAX_IMAGE_BYTES,
            megapixels: protocol::MAX_IMAGE_MEGAPIXELS,
            decoded_bytes: protocol::MAX_IMAGE_DECODED_BYTES,
        }
    }
}

/// The picture in these bytes, eight bits a channel; the first where there are
/// several. Alpha is dropped, not blended, and no orientation is applied: that is
/// what the models' own processors do.
///
/// # Errors
/// `invalid_request` where the bytes are no whole image of a format that is read,
/// `payload_too_large` past a limit, and `internal` where a decoder panics.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<RgbImage, Error> {
    if bytes.len() > limits.bytes {
        let message = format!("{} bytes, more than {}", bytes.len(), limits.bytes);
        return Err(Error::new(ErrorCode::PayloadTooLarge, message).with_limit(limits.bytes));
    }
    // One picture's, not that of its neighbours in the request.
    catch_unwind(AssertUnwindSafe(|| picture(bytes, limits))).unwrap_or_else(|_| {
        Err(Error::new(
            ErrorCode::Internal,
            "the image's decoder failed",
        ))
    })
}

fn picture(bytes: &[u8], limits: &Limits) -> Result<RgbImage, Error> {
    let format = image::guess_format(bytes)
        .map_err(|_| Error::invalid(format!("not an image; those read are {FORMATS}")))?;
    let mut held_bytes = 0;
    let decoder: Result<Box<dyn ImageDecoder + '_>, ImageError> = match format {
        ImageFormat::Png => png(bytes),
        ImageFormat::Jpeg => {
            let outline = jpeg::outline(bytes);
            if !outline.whole {
                return Err(Error::invalid("JPEG: the file is cut off"));
            }
            held_bytes = COEFFICIENT_BYTES * outline.held_components;
            JpegDecoder::new(Cursor::new(bytes)).map(boxed)
        }
        ImageFormat::WebP => {
            held_bytes = WEBP_BYTES;
            WebPDecoder::new(Cursor::new(bytes)).map(boxed)
        }
        ImageFormat::Gif => GifDecoder::new(Cursor::new(bytes)).map(boxed),
        ImageFormat::Bmp => BmpDecoder::new(Cursor::new(bytes)).map(boxed),
        ImageFormat::Tiff => TiffDecoder::new(Cursor::new(bytes)).map(boxed),
        other => {
            let message = format!("an image of format {other:?}; those read are {FORMATS}");
            return Err(Error::invalid(message));
        }
    };
    let refused = |fault| refusal(format, fault, limits);
    let mut decoder = decoder.map_err(refused)?;
    check(&*decoder, held_bytes, limits)?;
    decoder
        .set_limits(within(limits.decoded_bytes as u64))
        .map_err(refused)?;
    let picture = DynamicImage::from_decoder(decoder).map_err(refused)?;
    Ok(picture.into_rgb8())
}

fn boxed<'a>(decoder: impl ImageDecoder + 'a) -> Box<dyn ImageDecoder + 'a> {
    Box::new(decoder)
}

fn png(bytes: &[u8]) -> Result<Box<dyn ImageDecoder + '_>, ImageError> {
    // Its own limits are for what is beside the pixels.
    PngDecoder::with_limits(Cursor::new(bytes), within(PNG_EXTRA_BYTES)).map(boxed)
}

fn within(bytes: u64) -> image::Limits {
    let mut limits = image::Limits::no_limits();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(bytes);
    limits
}

/// Refuses what would take too much, by its header.
fn check(decoder: &dyn ImageDecoder, held_bytes: u64, limits: &Limits) -> Result<(), Error> {
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 {
        return Err(Error::invalid("an image without pixels"));
    }
    if pixels > limits.megapixels as u64 * PIXELS_IN_A_MEGAPIXEL {
        let message = format!(
            "{width} x {height} pixels, more than {} megapixels",
            limits.megapixels
        );
        return Err(Error::new(ErrorCode::PayloadTooLarge, message).with_limit(limits.megapixels));
    }
    let rgb = match decoder.color_type() {
        ColorType::Rgb8 => 0,
        _ => RGB_BYTES,
    };
    // The product has room: the first factor is bounded above.
    let needed = decoder
        .total_bytes()
        .saturating_add(pixels * (rgb + held_bytes));
    if needed > limits.decoded_bytes as u64 {
        let message = format!(
            "{needed} bytes while decoded, more than {}",
            limits.decoded_bytes
        );
        return Err(
            Error::new(ErrorCode::PayloadTooLarge, message).with_limit(limits.decoded_bytes)
        );
    }
    Ok(())
}

fn refusal(format: ImageFormat, fault: ImageError, limits: &Limits) -> Error {
    if let ImageError::Limits(fault) = fault {
        let message = format!("{format:?}: {fault}");
        return Error::new(ErrorCode::PayloadTooLarge, message).with_limit(limits.decoded_bytes);
    }
    Error::invalid(format_args!("{format:?}: {fault}"))
}
