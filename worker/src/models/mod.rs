//! Models: token ids or pixels in, vectors out. The only room that knows ONNX Runtime.

pub(crate) mod beside;
pub mod calibration;
#[cfg(feature = "candle")]
pub mod candle;
pub mod catalog;
mod company;
mod facts;
pub mod fake;
pub mod files;
mod first_run;
mod graph;
mod heads;
pub mod image;
mod kind;
pub mod onnx;
mod outputs;
pub mod pooling;
pub mod prompts;
pub mod proto;
pub mod repository;
mod runner;
pub mod session;
mod shards;
mod token_feed;
pub mod tokenizer;
mod weights;

use std::path::Path;
use std::sync::Arc;

use crate::wire;
use catalog::Entry;

pub use catalog::Op;
pub use facts::Facts;
pub use outputs::{Options, Outputs, RowOutput, Shape, SparseRow};
pub use pooling::Pooling;
pub use prompts::Prompts;

/// Why a model could not be loaded or run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration names a model that no catalogue entry describes.
    #[error("model {0:?} is not in the catalogue; names are fastembed's, such as AllMiniLML6V2")]
    Unknown(String),
    /// A model that this worker was built without.
    #[error("model {0:?} needs a worker that is built with the feature candle")]
    Feature(String),
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
    /// Of a file of a model's.
    pub(crate) fn unreadable(entry: &Entry, file: &Path, reason: impl ToString) -> Self {
        Self::Unreadable {
            model: entry.label(),
            file: file.display().to_string(),
            reason: reason.to_string(),
        }
    }

    pub(crate) fn run(reason: impl ToString) -> Self {
        Self::Run(reason.to_string())
    }
}

/// A text as the model reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Vocabulary ids, special ones included; at most the model's maximum.
    pub ids: Vec<u32>,
    /// Where the second text of a pair starts, if the model tells them apart;
    /// else the end.
    pub second: usize,
    /// Whether the text had more.
    pub truncated: bool,
}

impl Tokens {
    /// Of one text.
    #[must_use]
    pub fn of_text(ids: Vec<u32>, truncated: bool) -> Self {
        Self {
            second: ids.len(),
            ids,
            truncated,
        }
    }
}

/// Turns text into token ids, or images into pixels.
pub trait Tokenize: Send + Sync {
    /// Token ids of one text, cut at the model's maximum.
    ///
    /// # Errors
    /// `internal` where the tokenizer itself fails.
    fn tokenize(&self, text: &str) -> Result<Tokens, wire::Error>;

    /// What tokenizes documents as the second text beside `query`, which is
    /// tokenized once. Both are cut, the longer one first.
    ///
    /// # Errors
    /// `internal` where the tokenizer itself fails, or knows no pairs.
    fn beside(&self, query: &str) -> Result<Box<dyn Beside + '_>, wire::Error> {
        let _ = query;
        Err(wire::Error::new(
            wire::ErrorCode::Internal,
            "this model reads no pairs",
        ))
    }

    /// Weights of a query's words without a run, of a model that has such.
    ///
    /// # Errors
    /// `internal` where the tokenizer itself fails.
    fn weigh(&self, query: &str) -> Result<Option<(Tokens, SparseRow)>, wire::Error> {
        let _ = query;
        Ok(None)
    }

    /// Bytes of every image that [`Self::prepare`] gives; 0 where it reads none.
    fn image_bytes(&self) -> usize {
        0
    }

    /// The image in a file, brought to the model's size: RGB, eight bits a channel,
    /// row-major.
    ///
    /// # Errors
    /// Where the file is no image, too large, or the model reads none.
    fn prepare(&self, file: &[u8]) -> Result<Arc<[u8]>, wire::Error> {
        let _ = file;
        Err(wire::Error::new(
            wire::ErrorCode::Internal,
            "this model reads no images",
        ))
    }
}

/// Tokenizes documents beside one query.
pub trait Beside {
    /// Token ids of the pair.
    ///
    /// # Errors
    /// `internal` where the tokenizer itself fails.
    fn tokenize(&self, document: &str) -> Result<Tokens, wire::Error>;
}

/// What a row is made of.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// Vocabulary ids.
    Tokens {
        /// Special ones included.
        ids: &'a [u32],
        /// Where the second text of a pair starts; the end, where there is one text.
        second: usize,
    },
    /// An image of the model's size: RGB, eight bits a channel, row-major.
    Pixels(&'a [u8]),
}

/// One row of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// What goes in.
    pub input: Input<'a>,
    /// What is to come out.
    pub options: Options,
}

impl<'a> Row<'a> {
    /// One text, for a vector of unit length and whatever else the model gives.
    #[must_use]
    pub fn text(ids: &'a [u32]) -> Self {
        Self {
            input: Input::Tokens {
                ids,
                second: ids.len(),
            },
            options: Options::default(),
        }
    }

    /// The same for all that a model of this shape gives, and of unit length.
    #[must_use]
    pub fn whole(&self, shape: Shape) -> Self {
        let options = Options {
            colbert: shape.colbert > 0,
            ..Options::default()
        };
        Self { options, ..*self }
    }

    /// Its token ids; none of an image.
    #[must_use]
    pub fn ids(&self) -> &'a [u32] {
        match self.input {
            Input::Tokens { ids, .. } => ids,
            Input::Pixels(_) => &[],
        }
    }

    /// An image, for a vector of unit length.
    #[must_use]
    pub fn image(pixels: &'a [u8]) -> Self {
        Self {
            input: Input::Pixels(pixels),
            options: Options::default(),
        }
    }
}

/// Ends a run from another thread.
pub trait Terminate: Send + Sync {
    /// Has the run that is under way end soon, with an error.
    fn terminate(&self);
}

/// An executor's own instance of a model.
pub trait Model: Send {
    /// Runs one batch and appends what each row gives to `outputs`.
    ///
    /// # Errors
    /// [`Error::Run`]; `outputs` then holds nothing of use.
    fn run(&mut self, rows: &[Row<'_>], outputs: &mut Outputs) -> Result<(), Error>;

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
