#![no_main]

use fastembed_fuzz::decode;
use fastembed_fuzz::wire::image::ImageRequest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| decode::<ImageRequest>(bytes));
