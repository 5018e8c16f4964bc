//! Long proofs, at a twentieth of their size unless `FASTEMBED_SOAK` is set.
//! Each prints `name: operations, failures`, and fails on any failure.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test says what must hold by panicking, and its helpers too"
)]

mod answer;
mod company;
mod drain;
mod fuzz;
mod kill;
mod known;
mod memory;
mod overload;
mod proxy;
mod reload;
mod request;
mod restart;

#[path = "../harness/mod.rs"]
#[allow(dead_code, reason = "the other binary uses the rest")]
mod harness;

#[path = "../hostile/mod.rs"]
mod hostile;

use std::sync::atomic::{AtomicU64, Ordering};

/// `full` operations, or a twentieth of them.
fn size(full: usize) -> usize {
    let is_soak = std::env::var_os("FASTEMBED_SOAK").is_some_and(|value| !value.is_empty());
    if is_soak { full } else { full.div_ceil(20) }
}

/// The number of the request that a message answers: the last token of its
/// subject.
fn number(message: &async_nats::Message) -> u64 {
    let last = message.subject.rsplit('.').next();
    let number = last.and_then(|last| last.parse().ok());
    number.expect("a subject of ours")
}

/// What was done, and what of it failed.
struct Tally {
    name: &'static str,
    operations: AtomicU64,
    failures: AtomicU64,
}

impl Tally {
    fn of(name: &'static str) -> Self {
        Self {
            name,
            operations: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        }
    }

    /// Counts one operation; `fault` says how it failed, if it did.
    fn note(&self, fault: Option<String>) {
        self.operations.fetch_add(1, Ordering::Relaxed);
        if let Some(fault) = fault {
            self.fail(&fault);
        }
    }

    /// Counts a failure that belongs to no operation, or to one counted before.
    fn fail(&self, fault: &str) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        println!("{}: {fault}", self.name);
    }

    fn operations(&self) -> u64 {
        self.operations.load(Ordering::Relaxed)
    }

    fn report(&self) {
        let (operations, failures) = (self.operations(), self.failures.load(Ordering::Relaxed));
        println!(
            "{}: {operations} operations, {failures} failures",
            self.name
        );
        assert!(operations > 0 && failures == 0);
    }
}
