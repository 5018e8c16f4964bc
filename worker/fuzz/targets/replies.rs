#![no_main]

use fastembed_fuzz::decode;
use fastembed_fuzz::wire::ErrorReply;
use fastembed_fuzz::wire::alive::AliveFrame;
use fastembed_fuzz::wire::info::InfoReply;
use fastembed_fuzz::wire::text::TextReply;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    decode::<TextReply<'static>>(bytes);
    decode::<InfoReply>(bytes);
    decode::<ErrorReply>(bytes);
    decode::<AliveFrame>(bytes);
});
