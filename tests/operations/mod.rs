//! What operators rely on: exit codes, signals, probes, logs, discovery.

mod configuration;
mod discovery;
mod exits;
mod logs;
mod permissions;
mod probes;
mod signals;
mod startup;
