//! NATS: the only room that knows it.

mod connect;
mod endpoint;
mod guard;
mod intake;
mod outbox;
mod service;
mod worker;

pub use async_nats::Client;
pub use connect::{Error, connect};
pub use worker::Worker;
