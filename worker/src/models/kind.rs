//! What a model of each operation gives, and how it is read of its session.

use super::catalog::{Entry, Op};
use super::heads::{Head, Linear, Splade};
use super::tokenizer::Tokenizer;
use super::{Pooling, Shape};

/// Output of SPLADE's logits where there are several; fastembed 7.5,
/// `sparse_text_embedding/impl.rs`.
const SPLADE_OUTPUT: &str = "last_hidden_state";

/// The same of the inference-free models, and what other exports call it.
const LOGITS: &str = "logits";

/// What an entry is, as far as reading its outputs goes. Of one that the
/// configuration describes, lengths may be 0: its first run tells them.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) shape: Shape,
    pub(super) pooling: Option<Pooling>,
    pub(super) head: Head,
}

impl Kind {
    /// # Errors
    /// The reason, as text, where the entry lacks what its kind needs.
    pub(super) fn of(entry: &Entry, tokenizer: &Tokenizer) -> Result<Self, String> {
        let untold = entry.own.as_ref().map(|_| 0);
        let dimensions = || {
            let told = entry.dimensions.or(untold);
            told.ok_or("its dimensions are not known")
        };
        let output = entry.output.clone();
        let kind = match entry.op {
            Op::Text => {
                let pooling = entry.pooling;
                if pooling.is_none() && entry.own.is_none() {
                    return Err("its pooling is not known".to_owned());
                }
                Self {
                    shape: Shape {
                        dense: dimensions()?,
                        ..Shape::default()
                    },
                    pooling,
                    head: Head::Dense { pooling, output },
                }
            }
            Op::Sparse => Self {
                shape: Shape {
                    sparse: true,
                    ..Shape::default()
                },
                pooling: None,
                head: sparse(entry, tokenizer)?,
            },
            Op::Rerank => Self {
                shape: Shape {
                    dense: 1,
                    ..Shape::default()
                },
                pooling: None,
                head: Head::Score { output },
            },
            Op::Joint => Self {
                shape: Shape {
                    dense: dimensions()?,
                    sparse: true,
                    colbert: dimensions()?,
                },
                pooling: None,
                head: Head::Joint,
            },
            Op::Image => return Err("it reads images".to_owned()),
        };
        Ok(kind)
    }
}

/// fastembed's three sparse models are of three kinds.
fn sparse(entry: &Entry, tokenizer: &Tokenizer) -> Result<Head, String> {
    let output = entry.output.clone();
    if entry.query_weights.is_some() {
        return Ok(Head::Splade(Splade {
            output,
            preferred: LOGITS,
            twice: true,
            without: tokenizer.special_ids(),
            known: tokenizer.words(),
        }));
    }
    if entry.own.is_none() && entry.repository == "BAAI/bge-m3" {
        return Linear::of_bge_m3().map(Head::Linear);
    }
    Ok(Head::Splade(Splade {
        output,
        preferred: if entry.own.is_some() {
            LOGITS
        } else {
            SPLADE_OUTPUT
        },
        twice: false,
        without: Vec::new(),
        known: tokenizer.words(),
    }))
}
