//! Settings: defaults, then a file, then the environment, then flags; typed and
//! validated before any socket opens.
//!
//! Reading is pure: the environment comes in as an argument, so that every rule
//! is tested without touching the process's own.

pub mod context;
mod files;
mod hub;
mod keys;
mod layers;
mod nats;
mod packed;
mod template;
mod validate;

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use files::readable;
pub use hub::Hub;
pub use keys::model_keys;
pub use layers::{Layers, SECTIONS};
pub use nats::Nats;
pub use template::{effective, template};

use crate::batch::admission::Bounds;
use crate::batch::plan::Budget;
use crate::models::fake::Behaviour;
use crate::models::onnx::Parallelism;
use crate::wire::protocol;

/// A setting that cannot be used. The process exits 64 (EX_USAGE of sysexits.h).
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}{}: {reason}", .value.as_ref().map(|value| format!(" = {value}")).unwrap_or_default())]
pub struct Error {
    /// The setting, as `section.key`, or the file or variable that holds it.
    pub key: String,
    /// Its value as it would stand in the file; none where there is none, or
    /// where it may hold a secret.
    pub value: Option<String>,
    /// What is allowed, or what is wrong.
    pub reason: String,
}

impl Error {
    /// A setting and what is wrong with it.
    #[must_use]
    pub fn new(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            value: None,
            reason: reason.into(),
        }
    }

    /// A setting that has this value, and what would be allowed.
    pub(crate) fn of(key: &str, value: impl ToString, reason: impl Into<String>) -> Self {
        Self {
            value: Some(value.to_string()),
            ..Self::new(key, reason)
        }
    }

    /// The same of the variable that sets it.
    fn in_place_of(self, variable: &str) -> Self {
        Self {
            key: variable.to_owned(),
            ..self
        }
    }
}

/// The process's environment. What is not UTF-8 sets nothing of ours, and the
/// standard library's own iterator would panic on it.
pub fn variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// Everything that an operator can set (`config/worker.toml`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The connection.
    pub nats: Nats,
    /// Subjects and who is answered.
    pub service: Service,
    /// What runs the models.
    pub runtime: Runtime,
    /// Where missing models come from.
    pub hub: Hub,
    /// What may wait.
    pub queue: Queue,
    /// The operators' port.
    pub http: Http,
    /// Stopping.
    pub drain: Drain,
    /// Logs.
    pub log: Log,
    /// What is served; AllMiniLML6V2 when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<Model>,
}

/// `[service]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Service {
    /// Queue group of all call subscriptions.
    pub queue_group: String,
    /// A tenant's prefix before every subject, without the last dot; empty for none.
    pub subject_prefix: String,
    /// Prefixes of reply subjects that are answered.
    pub reply_prefixes: Vec<String>,
}

impl Default for Service {
    fn default() -> Self {
        Self {
            queue_group: protocol::QUEUE_GROUP.to_owned(),
            subject_prefix: String::new(),
            reply_prefixes: protocol::DEFAULT_REPLY_PREFIXES
                .iter()
                .map(|&p| p.to_owned())
                .collect(),
        }
    }
}

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

/// `[queue]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Queue {
    /// Requests of one model that may wait.
    pub max_requests: usize,
    /// Tokens that may wait.
    pub max_tokens: usize,
    /// Bytes that may wait.
    pub max_bytes: usize,
}

impl Default for Queue {
    fn default() -> Self {
        let Bounds {
            requests,
            tokens,
            bytes,
        } = Bounds::default();
        Self {
            max_requests: requests,
            max_tokens: tokens,
            max_bytes: bytes,
        }
    }
}

impl Queue {
    /// The same, as admission takes it.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        Bounds {
            requests: self.max_requests,
            tokens: self.max_tokens,
            bytes: self.max_bytes,
        }
    }
}

/// `[http]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Address of `/livez`, `/readyz` and `/metrics`; port 0 takes a free one.
    pub listen: String,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:9464".to_owned(),
        }
    }
}

/// `[drain]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Drain {
    /// Milliseconds that admitted work gets after SIGTERM.
    pub deadline_ms: u64,
}

impl Default for Drain {
    fn default() -> Self {
        Self {
            deadline_ms: 30_000,
        }
    }
}

/// `[log]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// Which lines, in the syntax of tracing's `EnvFilter`.
    pub filter: String,
    /// How they look.
    pub format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            filter: "info,async_nats=warn,ort=warn".to_owned(),
            format: LogFormat::Auto,
        }
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Pretty on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// For people.
    Pretty,
    /// One object a line.
    Json,
}

/// `[[models]]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// fastembed's name, or any for a fake one.
    pub name: String,
    /// What runs it.
    #[serde(default)]
    pub kind: ModelKind,
    /// Tokens after which a text is cut, special ones included; the model's own by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<usize>,
    /// How a fake one behaves.
    #[serde(default, flatten)]
    pub fake: Behaviour,
}

/// What runs a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelKind {
    /// ONNX Runtime.
    #[default]
    Onnx,
    /// Hash vectors, for tests.
    Fake,
}

impl Model {
    /// The model that is served when none is named.
    pub const DEFAULT: &str = "AllMiniLML6V2";

    /// A catalogue model under its own settings.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind: ModelKind::Onnx,
            max_length: None,
            fake: Behaviour::default(),
        }
    }
}

impl Config {
    /// What is served.
    #[must_use]
    pub fn served(&self) -> Vec<Model> {
        if self.models.is_empty() {
            vec![Model::named(Model::DEFAULT)]
        } else {
            self.models.clone()
        }
    }

    /// `subject` behind the tenant's prefix.
    #[must_use]
    pub fn subject(&self, subject: &str) -> String {
        match self.service.subject_prefix.as_str() {
            "" => subject.to_owned(),
            prefix => format!("{prefix}.{subject}"),
        }
    }
}
