//! NATS: the only room that knows it.

mod connect;
mod endpoint;
mod events;
mod guard;
mod intake;
mod outbox;
mod service;
mod station;
mod worker;

pub use connect::Error;
pub use station::Station;
pub use worker::Worker;
