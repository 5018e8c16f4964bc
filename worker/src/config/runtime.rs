//! What runs the models.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::packed;
use crate::batch::plan::Budget;
use crate::models::session::Parallelism;

/// `[runtime]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Runtime {
    /// ONNX Runtime's shared library, also as `ORT_DYLIB_PATH`; empty: the one
    /// in `lib` beside the program's folder, or else the system's own.
    library: PathBuf,
    /// Hub cache that holds the models, also as `HF_HOME`.
    pub cache: PathBuf,
    /// Pins of the models' files, `models.lock`; empty: `config/models.lock`
    /// where there is one.
    pub lock: PathBuf,
    /// Load nothing but what the lock pins.
    pub locked: bool,
    /// Never ask the hub, also as `HF_HUB_OFFLINE`.
    pub offline: bool,
    /// Sessions of each model; 0: as many as fill the processors.
    pub executors: usize,
    /// Threads within one session; 0: 1, or where the sessions are left open too,
    /// what a short calibration finds to be fastest.
    pub threads: usize,
    /// Threads that decode and tokenize.
    pub tokenizers: usize,
    /// Rows × widest row of one run, in tokens.
    pub batch_tokens: usize,
    /// The same for a run of bulk while queries come: a query waits for at most
    /// one of these.
    pub bulk_tokens: usize,
    /// Compute equal texts that are in flight once.
    pub deduplicate: bool,
    /// Bytes of vectors that each model remembers, for texts that come again; 0:
    /// none.
    pub vector_cache_bytes: usize,
    /// Bytes of memory that loaded models may take together. Past it, those that are
    /// lazy or were loaded by an operator are unloaded, the least recently used first;
    /// 0: no bound.
    pub memory_budget_bytes: u64,
    /// Milliseconds that one run may take. Past it, it is ended; past twice of
    /// it, the worker stops.
    pub run_limit_ms: u64,
}

impl Default for Runtime {
    fn default() -> Self {
        Self {
            library: PathBuf::new(),
            // fastembed's own.
            cache: PathBuf::from(".fastembed_cache"),
            lock: PathBuf::new(),
            locked: false,
            offline: false,
            executors: 0,
            threads: 0,
            tokenizers: 1,
            batch_tokens: 256,
            bulk_tokens: 128,
            deduplicate: true,
            vector_cache_bytes: 0,
            memory_budget_bytes: 0,
            run_limit_ms: 30_000,
        }
    }
}

impl Runtime {
    /// ONNX Runtime's shared library.
    #[must_use]
    pub fn library(&self) -> PathBuf {
        if self.library.as_os_str().is_empty() {
            let name = format!("{DLL_PREFIX}onnxruntime{DLL_SUFFIX}");
            packed::library(&name).unwrap_or_else(|| PathBuf::from(name))
        } else {
            self.library.clone()
        }
    }

    /// Processors that this process may use: by affinity and by the quota of its
    /// control group, rounded down, and at least one.
    #[must_use]
    pub fn processors(&self) -> usize {
        std::thread::available_parallelism().map_or(1, usize::from)
    }

    /// Whether sessions and threads are to be found out.
    #[must_use]
    pub fn is_calibrated(&self) -> bool {
        self.executors == 0 && self.threads == 0
    }

    /// Sessions and threads, what is left to the machine filled in.
    #[must_use]
    pub fn parallelism(&self) -> Parallelism {
        let threads = self.threads.max(1);
        let instances = match self.executors {
            0 => (self.processors() / threads).max(1),
            executors => executors,
        };
        Parallelism { instances, threads }
    }

    /// What one run may hold.
    #[must_use]
    pub fn budget(&self) -> Budget {
        Budget {
            padded_tokens: self.batch_tokens,
            squared_tokens: self.batch_tokens.saturating_mul(self.batch_tokens),
        }
    }

    /// What one run of bulk may hold while queries come.
    #[must_use]
    pub fn bulk_under_queries(&self) -> Budget {
        self.budget().at_most(self.bulk_tokens)
    }
}
