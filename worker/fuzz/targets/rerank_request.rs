#![no_main]

use fastembed_fuzz::decode;
use fastembed_fuzz::wire::rerank::RerankRequest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| decode::<RerankRequest>(bytes));
