//! Models' files before a worker reads them: fetched from a hub, copied from a
//! folder, checked against `models.lock`. What is here writes into the cache;
//! [`crate::models`] only reads from it.
//!
//! A snapshot appears in the cache whole or not at all: its files are gathered
//! in a folder beside it, checked, and moved into place by one rename, after
//! which `refs/main` is written. A lock on a file keeps a second process from
//! fetching the same again.

mod client;
mod exclusive;
mod fetch;
mod import;
mod pins;
mod place;
mod progress;
mod provide;
mod pull;
mod retry;
mod sum;
mod verify;

use std::path::Path;

pub use import::import;
pub use pins::{Pin, Pins};
pub use progress::Progress;
pub use provide::provide;
pub use pull::{Hub, Pulled};
pub use verify::{Verdict, verify};

use crate::models;

/// What pins files, as refusals name it.
const LOCK: &str = "models.lock";
const CONFIGURATION: &str = "the configuration";

/// Why a model's files cannot be had or trusted. Each is one line that names
/// the file or folder.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The catalogue does not know the model, or a file of it is missing.
    #[error(transparent)]
    Model(#[from] models::Error),
    /// The hub does not give a file.
    #[error("{file}: {reason}")]
    Fetch {
        /// Repository and path.
        file: String,
        /// What the hub answered, or how the transfer ended.
        reason: String,
    },
    /// A file is not the one that was promised.
    #[error("{file}: sha256 {found} is not {wanted}, which {source_of_truth} gives")]
    Checksum {
        /// The file.
        file: String,
        /// Of what is there.
        found: String,
        /// Of what should be.
        wanted: String,
        /// `models.lock`, `the configuration` or `the hub`.
        source_of_truth: &'static str,
    },
    /// A revision or a file that nothing pins, while only pinned ones may load.
    #[error("model {model}: {reason}, and only what models.lock pins may be loaded (locked)")]
    Locked {
        /// The model's name.
        model: String,
        /// What is not pinned.
        reason: String,
    },
    /// The cache cannot be written.
    #[error(
        "the model cache {cache} cannot be written: {reason}; fill it where it can be, \
         with `fastembed-worker pull` or `import`, or point HF_HOME at another"
    )]
    Cache {
        /// The cache's folder.
        cache: String,
        /// Why not.
        reason: String,
    },
    /// A folder to import from lacks files, or holds others than it should.
    #[error("{folder}: {reason}")]
    Import {
        /// The folder.
        folder: String,
        /// What is missing or wrong.
        reason: String,
    },
    /// A file at hand cannot be read.
    #[error("{file}: {reason}")]
    Read {
        /// The file.
        file: String,
        /// Why not.
        reason: String,
    },
    /// No client can be made, for want of root certificates for instance.
    #[error("the hub's client: {0}")]
    Client(String),
}

impl Error {
    fn cache(cache: &Path, fault: impl ToString) -> Self {
        Self::Cache {
            cache: cache.display().to_string(),
            reason: fault.to_string(),
        }
    }

    fn read(file: &Path, fault: impl ToString) -> Self {
        Self::Read {
            file: file.display().to_string(),
            reason: fault.to_string(),
        }
    }
}
