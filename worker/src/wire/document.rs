//! A reply as it is written: what an answer holds, and nothing else.

use std::borrow::Cow;
use std::ops::Range;

use serde::Serialize;

use super::Format;
use super::joint::TokenBlock;
use super::meta::Meta;
use super::reply::{Answer, Responder};
use super::rerank::{Ranked, ScoreKind};
use super::sparse::SparseBlock;
use super::text::{ItemError, Timings};
use super::vectors::{Packed, VectorBlock};

/// Results of some rows (`schemas/<op>-reply.schema.json`).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Document<'a> {
    model: &'a str,
    space: &'a str,
    instance: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    embeddings: Option<VectorBlock<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sparse: Option<SparseBlock<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    colbert: Option<TokenBlock<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    results: Option<&'a [Ranked]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score_kind: Option<ScoreKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<&'a [u32]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    truncated: Option<&'a [bool]>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: Cow<'a, [ItemError]>,
    timings_us: Timings,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<&'a Meta>,
}

impl<'a> Document<'a> {
    /// Rows `rows` of an answer.
    pub(super) fn of(
        answer: &'a Answer,
        format: Format,
        responder: Responder<'a>,
        rows: Range<usize>,
    ) -> Self {
        let block = answer.colbert.as_ref().map(|vectors| {
            let texts = vectors.rows[rows.clone()].iter().map(Vec::as_slice);
            let texts: Vec<&[f32]> = texts.collect();
            let first = position(rows.start);
            TokenBlock::new(format, vectors.dimensions, first, 0, &texts)
        });
        Self {
            colbert: block,
            ..Self::of_others(answer, format, responder, rows)
        }
    }

    /// The same without token vectors; of no rows, what every document has.
    fn of_others(
        answer: &'a Answer,
        format: Format,
        responder: Responder<'a>,
        rows: Range<usize>,
    ) -> Self {
        let some = !rows.is_empty();
        let width = answer.dimensions;
        let within = |error: &&ItemError| rows.contains(&(error.index as usize));
        let first = position(rows.start);
        let values = || &answer.vectors[rows.start * width..rows.end * width];
        let embeddings = || VectorBlock::new(answer.encoding, position(width), first, values());
        let sparse = answer.sparse.as_ref();
        let counted = some && !answer.tokens.is_empty();
        Self {
            model: responder.model,
            space: &answer.space,
            instance: responder.instance,
            embeddings: (some && width > 0).then(embeddings),
            sparse: sparse
                .filter(|_| some)
                .map(|all| SparseBlock::new(format, first, &all[rows.clone()])),
            colbert: None,
            results: answer.ranking.as_ref().map(|ranking| &*ranking.results),
            score_kind: answer.ranking.as_ref().map(|ranking| ranking.kind),
            tokens: counted.then(|| &answer.tokens[rows.clone()]),
            truncated: counted.then(|| &answer.truncated[rows.clone()]),
            errors: answer.errors.iter().filter(within).cloned().collect(),
            timings_us: answer.timings,
            meta: answer.meta.as_ref().filter(|_| some && rows.start == 0),
        }
    }

    /// Row `at` with `vectors` alone of its token vectors. A piece that is not the
    /// first repeats nothing else.
    pub(super) fn of_piece(
        answer: &'a Answer,
        format: Format,
        responder: Responder<'a>,
        at: usize,
        vectors: Range<usize>,
    ) -> Self {
        let block = answer.colbert.as_ref().map(|all| {
            let width = all.dimensions;
            let piece = &all.rows[at][vectors.start * width..vectors.end * width];
            TokenBlock::new(format, width, position(at), vectors.start, &[piece])
        });
        let head = if vectors.start == 0 {
            at..at + 1
        } else {
            at..at
        };
        let rest = Self::of_others(answer, format, responder, head);
        Self {
            colbert: block,
            ..rest
        }
    }

    /// Bytes of its packed dense vectors.
    pub(super) fn vector_bytes(&self) -> usize {
        let packed = self
            .embeddings
            .as_ref()
            .and_then(|block| block.data.as_ref());
        packed.map_or(0, |Packed(bytes)| bytes.len())
    }
}

fn position(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
