//! NATS: the only room that knows it.

mod admin;
mod arrivals;
mod attempts;
mod cancel;
mod connect;
mod directory;
mod endpoint;
mod events;
mod guard;
mod intake;
mod line;
mod objects;
mod outbox;
mod post;
mod service;
mod station;
mod tombstones;
mod unadmitted;
mod worker;

pub use connect::{Connection, Error, connect};
pub use station::Station;
pub use worker::Worker;
