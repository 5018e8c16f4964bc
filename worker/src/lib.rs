//! An embedding worker on a NATS bus.
//!
//! Data flows one way, each stage with one owner:
//! `bus → wire → admit → tokenize → plan → execute → wire → bus`.

pub mod anew;
pub mod batch;
pub mod bench;
pub mod bus;
pub mod cli;
pub mod config;
pub mod hub;
pub mod instance;
pub mod models;
pub mod random;
pub mod roster;
pub mod serve;
pub mod start;
pub mod telemetry;
pub mod wire;
