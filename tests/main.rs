//! The contract, kept against a real server and real workers.
//!
//! Each room holds one side of it; `harness` starts what they stand on. All of
//! it runs under the users and rights of `config/nats.conf`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test says what must hold by panicking, and its helpers too"
)]

mod contract;
mod custom;
mod fidelity;
#[allow(dead_code, reason = "the other binaries use the rest")]
mod harness;
mod kinds;
mod lifecycle;
mod load;
mod operations;
mod security;
mod wire;
