//! ONNX Runtime and its sessions.

use std::path::Path;

pub use ort::environment::Environment;
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;

use super::Error;
use super::weights::Weights;

/// How many instances of a model run, and on how many threads each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parallelism {
    /// Sessions.
    pub instances: usize,
    /// Threads within one session.
    pub threads: usize,
}

/// Loads ONNX Runtime's shared library, once for the process.
///
/// # Errors
/// [`Error::Runtime`] where the library is missing or too old.
pub fn runtime(library: &Path) -> Result<Environment, Error> {
    ort::init_from(library)
        .map_err(|fault| Error::Runtime(fault.to_string()))?
        .with_name("fastembed-nats")
        .with_telemetry(false)
        .build()
        .map_err(|fault| Error::Runtime(fault.to_string()))
}

/// A session that takes its weights from `weights`.
pub(super) fn open(
    environment: &Environment,
    graph: &[u8],
    weights: &Weights,
    threads: usize,
) -> ort::Result<Session> {
    let builder = Session::builder(environment)?
        .with_optimization_level(GraphOptimizationLevel::Level3)?
        .with_intra_threads(threads)?
        // An idle worker costs no processor time.
        .with_intra_op_spinning(false)?;
    weights.apply(builder)?.commit_from_memory(graph)
}
