//! Models: token ids in, vectors out. The only room that knows ONNX Runtime.

pub mod calibration;
pub mod catalog;
mod company;
mod encoder;
pub mod fake;
pub mod files;
pub mod image;
pub mod onnx;
pub mod pooling;
pub mod proto;
pub mod tokenizer;
mod weights;

use std::sync::Arc;

use crate::wire::{self, protocol};

pub use pooling::Pooling;

/// Why a model could not be loaded or run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration names a model that no catalogue entry describes.
    #[error("model {0:?} is not in the catalogue; names are fastembed's, such as AllMiniLML6V2")]
    Unknown(String),
    /// Several models share the repository that was named.
    #[error("model {name:?} means one of {}; name that one", .candidates.join(", "))]
    Ambiguous {
        /// What was named.
        name: String,
        /// fastembed's names.
        candidates: Vec<String>,
    },
    /// A file of the model is not in the cache.
    #[error(
        "model {model}: {file} is not in {cache}; run `fastembed-worker pull {model}` or `make setup`, or point HF_HOME at a cache that holds it"
    )]
    Missing {
        /// The model's name.
        model: String,
        /// What is missing.
        file: String,
        /// Where it was looked for.
        cache: String,
    },
    /// A file of the model cannot be read.
    #[error("model {model}: {file}: {reason}")]
    Unreadable {
        /// The model's name.
        model: String,
        /// The file at fault.
        file: String,
        /// Why.
        reason: String,
    },
    /// ONNX Runtime's shared library cannot be loaded.
    #[error("ONNX Runtime: {0}; set ORT_DYLIB_PATH to its shared library")]
    Runtime(String),
    /// A run failed, or gave a result of another shape.
    #[error("run: {0}")]
    Run(String),
}

impl Error {
    pub(crate) fn run(reason: impl ToString) -> Self {
        Self::Run(reason.to_string())
    }
}

/// What is fixed about a loaded model.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The operation that serves it.
    pub op: &'static str,
    /// Its name on subjects.
    pub name: String,
    /// Values in a vector.
    pub dimensions: usize,
    /// Tokens after which a text is cut, special ones included.
    pub max_tokens: usize,
    /// How token states become one vector.
    pub pooling: Pooling,
    /// Fingerprint of what a vector means under default options.
    pub space: String,
    /// Other names: its hub repository.
    pub aliases: Vec<String>,
    /// SPDX identifier of the weights' licence, or `unknown`.
    pub license: &'static str,
    /// Where the files came from: repository and revision.
    pub source: String,
    /// Whether each text is a run of its own, since company would move its vector.
    pub runs_alone: bool,
    /// Whether a text gets the same bits in any company.
    pub batch_invariant: bool,
    /// Sessions.
    pub executors: usize,
    /// Threads within one.
    pub threads: usize,
}

impl Facts {
    /// The space of vectors made with these options. Raw vectors lie in a
    /// space of their own: cosine is the same, dot products are not.
    #[must_use]
    pub fn space_of(&self, normalize: bool) -> String {
        let suffix = if normalize {
            ""
        } else {
            protocol::SPACE_SUFFIX_RAW
        };
        format!("{}{suffix}", self.space)
    }

    /// `<op>_<model>`: the name of its endpoint, and the last token of its info subject.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("{}_{}", self.op, self.name)
    }
}

/// A text as the model reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Vocabulary ids, special ones included; at most the model's maximum.
    pub ids: Vec<u32>,
    /// Whether the text had more.
    pub truncated: bool,
}

/// Turns text into token ids.
pub trait Tokenize: Send + Sync {
    /// Token ids of one text, cut at the model's maximum.
    ///
    /// # Errors
    /// `internal` where the tokenizer itself fails.
    fn tokenize(&self, text: &str) -> Result<Tokens, wire::Error>;
}

/// One row of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Vocabulary ids.
    pub ids: &'a [u32],
    /// Scale the vector to unit length.
    pub normalize: bool,
}

/// Ends a run from another thread.
pub trait Terminate: Send + Sync {
    /// Has the run that is under way end soon, with an error.
    fn terminate(&self);
}

/// An executor's own instance of a model.
pub trait Model: Send {
    /// Runs one batch and appends a vector for each row to `vectors`, row-major.
    ///
    /// # Errors
    /// [`Error::Run`]; `vectors` then holds nothing of use.
    fn run(&mut self, rows: &[Row<'_>], vectors: &mut Vec<f32>) -> Result<(), Error>;

    /// What ends a run of this instance.
    fn terminator(&self) -> Arc<dyn Terminate>;
}

/// A model ready to serve.
pub struct Loaded {
    /// What is fixed about it.
    pub facts: Arc<Facts>,
    /// Its tokenizer, shared by all threads.
    pub tokenizer: Arc<dyn Tokenize>,
    /// One instance for each executor.
    pub instances: Vec<Box<dyn Model>>,
}
