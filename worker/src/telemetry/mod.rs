//! Logs, metrics, and the HTTP port that operators look at.

pub mod health;
pub mod http;
mod labels;
pub mod logs;
pub mod memory;
pub mod metrics;
mod of_model;
pub mod window;
