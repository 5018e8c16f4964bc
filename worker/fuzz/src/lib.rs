//! What the targets share: the worker's two pure rooms, and what must hold of a
//! decoder.
//!
//! They are compiled from their sources, so that a target builds in a minute,
//! and so that it would not build at all if they knew NATS or ONNX.

use peak_alloc::PeakAlloc;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wire::Format;

#[path = "../../src/wire/mod.rs"]
pub mod wire;

#[path = "../../src/batch/plan.rs"]
pub mod plan;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Bytes that reading so many bytes may take, the most at one time.
const fn allowance(bytes: usize) -> usize {
    4 * bytes + (1 << 20)
}

/// Reads bytes as a document, in both formats: no panic, no more memory than is
/// allowed, and what was read is written in a form that is read again.
pub fn decode<T: DeserializeOwned + Serialize>(bytes: &[u8]) {
    for format in [Format::MsgPack, Format::Json] {
        MEMORY.reset_peak_usage();
        let before = MEMORY.current_usage();
        let read = format.decode::<T>(bytes);
        let took = MEMORY.peak_usage().saturating_sub(before);
        assert!(
            took <= allowance(bytes.len()),
            "{} bytes took {took}",
            bytes.len()
        );
        let Ok(document) = read else { continue };
        // Some documents that JSON can say, MessagePack cannot, as numbers beyond
        // float32; the other way round bytes cannot be said.
        let Ok(written) = Format::MsgPack.encode(&document) else {
            continue;
        };
        let again = Format::MsgPack.decode::<T>(&written);
        let again = again.unwrap_or_else(|fault| panic!("{written:x?} is not read again: {fault}"));
        assert_eq!(Format::MsgPack.encode(&again).ok(), Some(written));
    }
}
