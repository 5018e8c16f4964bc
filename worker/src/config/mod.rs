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
mod own;
mod packed;
mod runtime;
mod template;
mod validate;

use serde::{Deserialize, Serialize};

pub use files::readable;
pub use hub::Hub;
pub use keys::model_keys;
pub use layers::{Layers, SECTIONS};
pub use nats::Nats;
pub use runtime::Runtime;
pub use template::{effective, template};

use crate::batch::admission::Bounds;
use crate::models;
use crate::models::catalog::{self, Entry, Own};
use crate::models::fake::Behaviour;
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
    /// Images that lie in the bus's object store.
    pub objects: Objects,
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
    /// Let operators load and unload models.
    pub admin: bool,
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
            admin: false,
        }
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

/// `[objects]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Objects {
    /// Buckets whose objects whoever may call may have embedded, with this
    /// worker's rights; empty: requests that name objects are refused.
    pub buckets: Vec<String>,
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
    /// fastembed's name, or any for one's own or a fake one.
    pub name: String,
    /// What runs it.
    #[serde(default)]
    pub kind: ModelKind,
    /// Tokens after which a text is cut, special ones included; the model's own by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<usize>,
    /// Load it with its first request, and unload it where another model needs its room.
    #[serde(default)]
    pub lazy: bool,
    /// Values in a vector: what one's own must give, or what a fake one gives, 8 by
    /// default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<usize>,
    /// What one's own is.
    #[serde(default, flatten)]
    pub own: Own,
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
            lazy: false,
            dimensions: None,
            own: Own::default(),
            fake: Behaviour::default(),
        }
    }

    /// The model's entry: one's own, or the catalogue's.
    ///
    /// # Errors
    /// As [`catalog::find_anywhere`].
    pub fn entry(&self) -> Result<Entry, models::Error> {
        if self.own.is_one() {
            return Ok(self.own.entry(&self.name, self.max_length, self.dimensions));
        }
        catalog::find_anywhere(&self.name)
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

    /// The entry of what is called so: one's own or the catalogue's whose label it
    /// is, else one's own of that name, else what the catalogue means by it.
    ///
    /// # Errors
    /// As [`catalog::find_anywhere`].
    pub fn entry(&self, name: &str) -> Result<Entry, models::Error> {
        own::find(&self.models, name)
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
