//! NATS: the only room that knows it.

mod arrivals;
mod connect;
mod endpoint;
mod guard;
mod intake;
mod line;
mod outbox;
mod service;
mod worker;

pub use connect::{Connection, Error, connect};
pub use worker::Worker;
