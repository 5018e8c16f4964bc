//! From the rows of a request to its answer.

use crate::models::pooling::unit_length;
use crate::models::{RowOutput, Shape, SparseRow};
use crate::wire::joint::{Kind, TokenVectors};
use crate::wire::reply::Answer;
use crate::wire::rerank::{Ranking, ScoreKind, sigmoid};
use crate::wire::text::ItemError;
use crate::wire::{Error, ErrorCode};

/// What the rows of one request gave, so far.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) dense: Vec<f32>,
    pub(super) sparse: Vec<SparseRow>,
    pub(super) colbert: Vec<Vec<f32>>,
    pub(super) tokens: Vec<u32>,
    pub(super) truncated: Vec<bool>,
    pub(super) errors: Vec<(u32, Error)>,
}

impl Rows {
    /// `rows` rows that have given nothing yet.
    pub(super) fn empty(rows: usize, shape: Shape) -> Self {
        let ragged = |there: bool| if there { rows } else { 0 };
        Self {
            dense: vec![0.0; rows * shape.dense],
            sparse: vec![SparseRow::default(); ragged(shape.sparse)],
            colbert: vec![Vec::new(); ragged(shape.colbert > 0)],
            ..Self::default()
        }
    }

    /// Keeps what row `at` gave; a dense vector that is cut is scaled to unit length
    /// again where `normalize` says so.
    pub(super) fn set(&mut self, at: usize, shape: Shape, output: RowOutput<'_>, normalize: bool) {
        let own = &mut self.dense[at * shape.dense..(at + 1) * shape.dense];
        own.copy_from_slice(&output.dense[..shape.dense]);
        if normalize && shape.dense < output.dense.len() {
            unit_length(own);
        }
        if let (Some(row), Some(given)) = (self.sparse.get_mut(at), output.sparse) {
            row.clone_from(given);
        }
        if let (Some(row), Some(given)) = (self.colbert.get_mut(at), output.colbert) {
            *row = given.to_vec();
        }
    }

    fn failed(&self, at: usize) -> bool {
        self.errors.iter().any(|(row, _)| *row as usize == at)
    }
}

/// How rows become an answer.
pub(super) enum Finish {
    /// Vectors of these kinds, as they are.
    Vectors(&'static [Kind]),
    /// The same of images, which have no tokens.
    Images,
    /// Documents by a cross-encoder's scores.
    Scores {
        raw: bool,
        top_n: Option<u32>,
        documents: Option<Vec<String>>,
    },
    /// Documents by the cosine of their vectors with the first row's, the query's.
    Cosine {
        top_n: Option<u32>,
        documents: Option<Vec<String>>,
    },
    /// Vectors of the kinds that were asked for.
    Kinds(Vec<Kind>),
}

impl Finish {
    /// The answer, but for what does not depend on its rows.
    ///
    /// # Errors
    /// If every item failed, the first one's.
    pub(super) fn finish(&self, mut rows: Rows, shape: Shape) -> Result<Answer, Error> {
        rows.errors.sort_by_key(|(index, _)| *index);
        match self {
            Self::Vectors(kinds) => vectors(rows, shape, kinds),
            Self::Kinds(kinds) => vectors(rows, shape, kinds),
            Self::Images => {
                let count = rows.tokens.len();
                let answer = vectors(rows, shape, &[Kind::Dense])?;
                Ok(Answer {
                    rows: count,
                    tokens: Vec::new(),
                    truncated: Vec::new(),
                    ..answer
                })
            }
            Self::Scores {
                raw,
                top_n,
                documents,
            } => {
                let kind = if *raw {
                    ScoreKind::Logit
                } else {
                    ScoreKind::Sigmoid
                };
                let score = |logit: &f32| if *raw { *logit } else { sigmoid(*logit) };
                let scores: Vec<f32> = rows.dense.iter().map(score).collect();
                ranked(rows, &scores, kind, *top_n, documents.as_deref())
            }
            Self::Cosine { top_n, documents } => {
                if let Some((0, error)) = rows.errors.first() {
                    let message = format!("query: {}", error.message);
                    return Err(Error {
                        message: Error::new(error.code, message).message,
                        ..error.clone()
                    });
                }
                let (query, others) = rows.dense.split_at(shape.dense);
                let cosine = |document: &[f32]| {
                    let products = query.iter().zip(document).map(|(one, other)| one * other);
                    products.sum::<f32>()
                };
                let scores: Vec<f32> = others.chunks_exact(shape.dense).map(cosine).collect();
                let of_documents = Rows {
                    tokens: rows.tokens.split_off(1),
                    truncated: rows.truncated.split_off(1),
                    errors: (rows.errors.into_iter())
                        .map(|(index, error)| (index - 1, error))
                        .collect(),
                    ..Rows::default()
                };
                ranked(
                    of_documents,
                    &scores,
                    ScoreKind::Cosine,
                    *top_n,
                    documents.as_deref(),
                )
            }
        }
    }
}

fn vectors(rows: Rows, shape: Shape, kinds: &[Kind]) -> Result<Answer, Error> {
    let wanted = |kind| kinds.contains(&kind);
    let (dense, sparse) = (wanted(Kind::Dense), wanted(Kind::Sparse) && shape.sparse);
    let colbert = wanted(Kind::Colbert) && shape.colbert > 0;
    let mut answer = counted(&rows)?;
    if dense {
        (answer.dimensions, answer.vectors) = (shape.dense, rows.dense);
    }
    answer.sparse = sparse.then_some(rows.sparse);
    answer.colbert = colbert.then_some(TokenVectors {
        dimensions: shape.colbert,
        rows: rows.colbert,
    });
    (answer.tokens, answer.truncated) = (rows.tokens, rows.truncated);
    Ok(answer)
}

fn ranked(
    rows: Rows,
    scores: &[f32],
    kind: ScoreKind,
    top_n: Option<u32>,
    documents: Option<&[String]>,
) -> Result<Answer, Error> {
    let scored = scores.iter().enumerate();
    let scores: Vec<Option<f32>> = scored
        .map(|(at, score)| (!rows.failed(at)).then_some(*score))
        .collect();
    let mut ranking = Ranking::of(&scores, kind, top_n);
    if let Some(documents) = documents {
        ranking = ranking.with_documents(documents.to_vec());
    }
    let mut answer = counted(&rows)?;
    answer.ranking = Some(ranking);
    (answer.tokens, answer.truncated) = (rows.tokens, rows.truncated);
    Ok(answer)
}

/// An answer without results.
fn counted(rows: &Rows) -> Result<Answer, Error> {
    let count = rows.tokens.len();
    if rows.errors.len() == count {
        return Err(all_failed(&rows.errors));
    }
    let errors = rows.errors.iter();
    Ok(Answer {
        rows: count,
        errors: errors
            .map(|(at, error)| ItemError::new(*at, error))
            .collect(),
        ..Answer::default()
    })
}

/// If every item failed, the reply is the error: the first one's.
fn all_failed(errors: &[(u32, Error)]) -> Error {
    match errors.first() {
        Some((index, error)) => Error {
            message: Error::new(error.code, format!("input {index}: {}", error.message)).message,
            ..error.clone()
        },
        None => Error::new(ErrorCode::Internal, "a request without items"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape {
        dense: 2,
        sparse: false,
        colbert: 0,
    };

    fn rows(dense: &[f32], failed: &[u32]) -> Rows {
        let count = dense.len() / 2;
        let error = Error::new(ErrorCode::InputTooLong, "too long");
        Rows {
            dense: dense.to_vec(),
            tokens: (0..count as u32).collect(),
            truncated: vec![false; count],
            errors: failed.iter().map(|at| (*at, error.clone())).collect(),
            ..Rows::default()
        }
    }

    fn cosine() -> Finish {
        Finish::Cosine {
            top_n: None,
            documents: None,
        }
    }

    #[test]
    fn documents_are_ranked_by_the_cosine_with_the_query_and_failed_ones_left_out() {
        let vectors = [1.0, 0.0, 0.6, 0.8, 0.0, 0.0, 0.8, 0.6];
        let answer = cosine().finish(rows(&vectors, &[2]), SHAPE).unwrap();
        let order: Vec<u32> = (answer.ranking.unwrap().results.iter())
            .map(|ranked| ranked.index)
            .collect();
        assert_eq!((order, answer.errors[0].index), (vec![2, 0], 1));
        assert_eq!(answer.tokens, [1, 2, 3]);
    }

    #[test]
    fn a_query_that_fails_fails_the_whole_request() {
        let refused = cosine().finish(rows(&[0.0; 4], &[0]), SHAPE).unwrap_err();
        assert!(
            refused.message.starts_with("query: "),
            "{}",
            refused.message
        );
    }

    #[test]
    fn if_every_item_failed_the_answer_is_the_first_ones_error() {
        let refused = Finish::Vectors(&[Kind::Dense]).finish(rows(&[0.0; 4], &[1, 0]), SHAPE);
        assert!(refused.unwrap_err().message.starts_with("input 0: "));
    }
}
