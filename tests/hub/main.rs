//! Models without internet: fetching, pinning and importing them, against a hub
//! on this machine that misbehaves on demand.
//!
//! Nothing here sleeps. A stall is ended by the worker's own timeout, and the
//! hub holds an answer back until what it waits for has been asked.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what must hold by panicking, in its helpers too"
)]

mod catalogue;
mod external;
mod fake_hub;
#[path = "../harness/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the other binaries use the rest")]
mod harness;
mod import;
mod offline;
mod own;
mod pins;
mod program;
mod refusals;
mod sharing;
mod transfer;

use std::path::{Path, PathBuf};

use fastembed_worker::models::catalog;
use fastembed_worker::models::files::Files;

/// The model that the tests fetch unless one says otherwise.
const MINILM: &str = "AllMiniLML6V2";

/// The cache that `make setup` filled, with the real model.
fn real_cache() -> PathBuf {
    harness::set_up("hub")
}

/// Where a model's files lie in `cache`, by the lookup that loading uses.
fn found(cache: &Path, name: &str) -> Option<Files> {
    let entry = catalog::find_anywhere(name).expect("a name of the catalogue");
    Files::find(cache, &entry).ok()
}

/// Every file that the real model has, with its bytes.
fn real_files() -> Vec<(String, Vec<u8>)> {
    let files = found(&real_cache(), MINILM).expect("the real model; run make setup");
    let snapshot = files.tokenizer.parent().expect("a file lies in a folder");
    let read = |name: &str| {
        let bytes = std::fs::read(snapshot.join(name)).expect("a file of the snapshot");
        (name.to_owned(), bytes)
    };
    let (_, names) = fake_hub::layout(MINILM);
    names.iter().map(|name| read(name)).collect()
}
