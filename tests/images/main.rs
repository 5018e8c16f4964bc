//! Images: what the worker makes of a file, and of a picture, is what Pillow and
//! the models' own processors make of it; and what it costs is bounded.
//!
//! One test at a time, as each looks at the memory of the process.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test says what must hold by panicking, and its helpers too"
)]

mod bombs;
mod bucket;
mod bus;
mod differential;
mod generated;
#[path = "../harness/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the other binaries use the rest")]
mod harness;
mod made;
mod objects;
mod pixels;
mod refusals;

use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;
