//! No decoder allocates beyond [`allowance`], whatever the bytes are.
//!
//! What counts is the most that lives at one time, above what lived before: a
//! list that grows is counted with the copy it grows into.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test says what must hold by panicking, and its helpers too"
)]

#[path = "../hostile/mod.rs"]
mod hostile;

mod adversaries;

use fastembed_worker::wire::admin::AdminRequest;
use fastembed_worker::wire::alive::AliveFrame;
use fastembed_worker::wire::cancel::CancelRequest;
use fastembed_worker::wire::info::{InfoReply, InfoRequest};
use fastembed_worker::wire::text::{TextReply, TextRequest};
use fastembed_worker::wire::{ErrorReply, Format};
use peak_alloc::PeakAlloc;
use rand::SeedableRng as _;
use rand::rngs::SmallRng;
use serde::de::DeserializeOwned;

use hostile::Vectors;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Bytes that reading so many bytes may take.
fn allowance(bytes: usize) -> usize {
    4 * bytes + (1 << 20)
}

/// Whether these bytes are the document.
type Reads = fn(Format, &[u8]) -> bool;

/// Every document's reader, by name.
const READERS: [(&str, Reads); 8] = [
    ("text-request", reads::<TextRequest>),
    ("info-request", reads::<InfoRequest>),
    ("cancel-request", reads::<CancelRequest>),
    ("admin-request", reads::<AdminRequest>),
    ("text-reply", reads::<TextReply<'static>>),
    ("info-reply", reads::<InfoReply>),
    ("error-reply", reads::<ErrorReply>),
    ("alive-frame", reads::<AliveFrame>),
];

fn reads<T: DeserializeOwned>(format: Format, bytes: &[u8]) -> bool {
    format.decode::<T>(bytes).is_ok()
}

/// Fails where a reader of these bytes takes more than it may; gives the
/// largest share of the allowance that one took.
fn within_the_allowance(name: &str, bytes: &[u8]) -> f64 {
    let mut largest = 0.0_f64;
    for format in [Format::MsgPack, Format::Json] {
        for (document, read) in READERS {
            MEMORY.reset_peak_usage();
            let before = MEMORY.current_usage();
            read(format, bytes);
            let took = MEMORY.peak_usage().saturating_sub(before);
            let allowed = allowance(bytes.len());
            assert!(
                took <= allowed,
                "{name}: {} bytes made the {format:?} reader of {document} take {took}",
                bytes.len()
            );
            largest = largest.max(took as f64 / allowed as f64);
        }
    }
    largest
}

// One test: what others allocate at the same time would count.
#[test]
fn no_decoder_takes_more_than_four_times_its_input_and_a_mebibyte() {
    // It does count.
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let large = std::hint::black_box(vec![1_u8; 5 << 20]);
    assert!(MEMORY.peak_usage() - before >= large.len());
    drop(large);

    for (name, bytes) in adversaries::all() {
        let share = within_the_allowance(&name, &bytes);
        println!(
            "{name}: {} bytes, {:.0} % of the allowance",
            bytes.len(),
            100.0 * share
        );
    }
    let vectors = Vectors::read();
    for bytes in &vectors.bytes {
        within_the_allowance("a vector", bytes);
    }
    for seed in 0..5_000 {
        let bytes = hostile::body(&mut SmallRng::seed_from_u64(seed), &vectors);
        within_the_allowance(&format!("mutation {seed}"), &bytes);
    }
}
