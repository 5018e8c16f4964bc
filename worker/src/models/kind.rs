//! What a model of each operation gives, and how it is read of its session.

use super::catalog::{Entry, Op};
use super::heads::{Head, Linear, Splade};
use super::tokenizer::Tokenizer;
use super::{Pooling, Shape};

/// Output of SPLADE's logits where there are several; fastembed 7.5,
/// `sparse_text_embedding/impl.rs`.
const SPLADE_OUTPUT: &str = "last_hidden_state";

/// The same of the inference-free models.
const INFERENCE_FREE_OUTPUT: &str = "logits";

/// What an entry of the catalogue is, as far as reading its outputs goes.
#[derive(Clone, Debug)]
pub(super) struct Kind {
    pub(super) shape: Shape,
    pub(super) pooling: Option<Pooling>,
    pub(super) head: Head,
}

impl Kind {
    /// # Errors
    /// The reason, as text, where the entry lacks what its kind needs.
    pub(super) fn of(entry: &Entry, tokenizer: &Tokenizer) -> Result<Self, String> {
        let dimensions = || entry.dimensions.ok_or("its dimensions are not known");
        let kind = match entry.op {
            Op::Text => {
                let pooling = entry.pooling.ok_or("its pooling is not known")?;
                let output = entry.output;
                Self {
                    shape: Shape {
                        dense: dimensions()?,
                        ..Shape::default()
                    },
                    pooling: Some(pooling),
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
                head: Head::Score,
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
    if entry.query_weights.is_some() {
        return Ok(Head::Splade(Splade {
            output: INFERENCE_FREE_OUTPUT,
            twice: true,
            without: tokenizer.special_ids(),
        }));
    }
    if entry.repository == "BAAI/bge-m3" {
        return Linear::of_bge_m3().map(Head::Linear);
    }
    Ok(Head::Splade(Splade {
        output: SPLADE_OUTPUT,
        twice: false,
        without: Vec::new(),
    }))
}
