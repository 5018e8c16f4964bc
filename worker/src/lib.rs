//! An embedding worker on a NATS bus.
//!
//! Data flows one way, each stage with one owner:
//! `bus → wire → admit → tokenize → plan → execute → wire → bus`.

pub mod wire;
