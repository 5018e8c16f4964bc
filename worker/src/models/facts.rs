//! What is fixed about a loaded model.

use super::catalog::Entry;
use super::{Op, Pooling, Prompts, Shape};
use crate::wire::protocol;

/// What is fixed about a loaded model.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The operation that it serves.
    pub op: Op,
    /// Its name on subjects.
    pub name: String,
    /// What it gives for each row.
    pub shape: Shape,
    /// Tokens after which a text is cut, special ones included.
    pub max_tokens: usize,
    /// How token states become one vector, where they do.
    pub pooling: Option<Pooling>,
    /// What may go before a text.
    pub prompts: Prompts,
    /// Lengths to which its vectors can well be cut (Matryoshka, arXiv:2205.13147).
    pub matryoshka: Vec<usize>,
    /// Whether dense vectors are of unit length where a request does not say.
    pub normalizes: bool,
    /// Fingerprint of what a whole vector of unit length means.
    pub space: String,
    /// Other names: its hub repository.
    pub aliases: Vec<String>,
    /// SPDX identifier of the weights' licence, or `unknown`.
    pub license: String,
    /// Where the files came from: repository and revision, or a folder's name.
    pub source: String,
    /// Whether queries get their weights without a run.
    pub weighs_queries: bool,
    /// Whether there are no vectors as the model gives them, but of unit length
    /// alone.
    pub unit_length_only: bool,
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
    /// What an entry and its files say; how it runs, and what most models have none
    /// of, is for the caller to add. `contents` are the bytes and `terms` the settings
    /// that decide what a vector means, beside those that the entry itself has.
    pub(super) fn of(
        entry: &Entry,
        source: String,
        shape: Shape,
        contents: &[&[u8]],
        terms: &str,
    ) -> Self {
        let prompts = entry.prompts();
        let terms = [terms, &entry.own_terms(), &prompts.terms()].concat();
        Self {
            op: entry.op,
            name: entry.name.clone(),
            shape,
            max_tokens: 0,
            pooling: None,
            prompts,
            matryoshka: entry.matryoshka().to_vec(),
            normalizes: entry.normalizes(),
            space: entry.space(contents, &terms),
            aliases: entry.aliases(),
            license: entry.license().to_owned(),
            source,
            weighs_queries: entry.query_weights.is_some(),
            unit_length_only: false,
            runs_alone: entry.runs_alone(),
            batch_invariant: false,
            executors: 0,
            threads: 0,
        }
    }

    /// The space of vectors made with these options. Raw vectors lie in a
    /// space of their own: cosine is the same, dot products are not. So do cut
    /// ones. Prompts change no space: what asks is compared with what is searched.
    #[must_use]
    pub fn space_of(&self, normalize: bool, dimensions: usize) -> String {
        let mut space = self.space.clone();
        if !normalize {
            space.push_str(protocol::SPACE_SUFFIX_RAW);
        }
        if dimensions != self.shape.dense {
            space.push_str(protocol::SPACE_SUFFIX_DIMENSIONS);
            space.push_str(&dimensions.to_string());
        }
        space
    }

    /// The space of vectors made with no options.
    #[must_use]
    pub fn usual_space(&self) -> String {
        self.space_of(self.normalizes, self.shape.dense)
    }

    /// How token states become one vector, for people.
    #[must_use]
    pub fn pooling_name(&self) -> String {
        self.pooling
            .map_or("none".to_owned(), |pooling| pooling.to_string())
    }

    /// What it may be asked for: what it serves, and to order documents where it
    /// makes vectors that can be compared.
    #[must_use]
    pub fn ops(&self) -> Vec<Op> {
        self.op.also().to_vec()
    }

    /// Values in a dense vector; none where it makes none.
    #[must_use]
    pub fn dimensions(&self) -> Option<usize> {
        let is_score = self.op == Op::Rerank;
        (self.shape.dense > 0 && !is_score).then_some(self.shape.dense)
    }
}
