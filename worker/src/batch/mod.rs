//! From admitted requests to vectors: admission, tokenizing, planning, running.
//! Knows neither NATS nor ONNX.

pub mod admission;
mod audience;
mod content;
mod executor;
mod finish;
mod memo;
pub mod objects;
mod pending;
pub mod pipeline;
pub mod plan;
pub mod processors;
mod queue;
mod read;
pub mod request;
mod stage;
mod tokenizers;
mod waiting;
mod watchdog;

pub use pipeline::{Company, Pipeline, Settings};
pub use request::Request;
