//! The `sparse` operation: strings in, weights of vocabulary ids out.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::Format;
use super::de;
use super::meta::Meta;
use super::vectors::Packed;

/// A call for sparse vectors (`schemas/sparse-request.schema.json`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SparseRequest {
    /// One to 4,096 texts; a row of the reply for each, in this order.
    #[serde(deserialize_with = "de::inputs")]
    pub inputs: Vec<String>,
    /// Cut what exceeds the model's maximum (the default), or fail that item.
    #[serde(
        default,
        deserialize_with = "de::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub truncate: Option<bool>,
    /// These are queries, of a model whose queries need no run.
    #[serde(
        default,
        deserialize_with = "de::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub query: Option<bool>,
    /// The space that the vectors must belong to.
    #[serde(
        default,
        deserialize_with = "de::present_string",
        skip_serializing_if = "Option::is_none"
    )]
    pub space: Option<String>,
    /// Echoed.
    #[serde(
        default,
        deserialize_with = "de::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub meta: Option<Meta>,
}

/// Weights of vocabulary ids, the ids rising, none twice.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SparseRow {
    /// Vocabulary ids.
    pub indices: Vec<u32>,
    /// A weight for each.
    pub values: Vec<f32>,
}

impl SparseRow {
    /// Upper bound of what it adds to a document: its numbers and their offset.
    pub(super) fn bytes(&self, format: Format) -> usize {
        let entries = self.indices.len();
        match format {
            Format::MsgPack => 8 * entries + 4,
            // Ten digits, the longest float32, a comma each; the row's own keys.
            Format::Json => 28 * entries + 32,
        }
    }
}

/// Rows `first ..` of a result: compressed sparse rows for programs, lists for
/// people.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SparseBlock<'a> {
    /// Rows in this block.
    pub count: u32,
    /// Position of the first one in the whole result.
    pub first: u32,
    /// Where each row starts, and where the last one ends: count + 1 u32, little-endian.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offsets: Option<Packed<'a>>,
    /// All rows' ids, u32, little-endian.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub indices: Option<Packed<'a>>,
    /// All rows' weights, float32, little-endian.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<Packed<'a>>,
    /// The same as lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<&'a [SparseRow]>,
}

impl<'a> SparseBlock<'a> {
    pub(super) fn new(format: Format, first: u32, rows: &'a [SparseRow]) -> Self {
        let count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        let empty = Self {
            count,
            first,
            offsets: None,
            indices: None,
            values: None,
            rows: None,
        };
        if format == Format::Json {
            let rows = Some(rows);
            return Self { rows, ..empty };
        }
        let indices = rows.iter().flat_map(|row| &row.indices);
        let values = rows.iter().flat_map(|row| &row.values);
        Self {
            offsets: Some(offsets(rows.iter().map(|row| row.indices.len()))),
            indices: Some(packed(indices.flat_map(|id| id.to_le_bytes()))),
            values: Some(packed(values.flat_map(|value| value.to_le_bytes()))),
            ..empty
        }
    }
}

/// Where each of these lengths starts, and where the last one ends.
pub(super) fn offsets(lengths: impl Iterator<Item = usize>) -> Packed<'static> {
    let ends = lengths.scan(0, |end: &mut usize, length| {
        *end += length;
        Some(*end)
    });
    let all = std::iter::once(0).chain(ends);
    packed(all.flat_map(|end| u32::try_from(end).unwrap_or(u32::MAX).to_le_bytes()))
}

pub(super) fn packed(bytes: impl Iterator<Item = u8>) -> Packed<'static> {
    Packed(Cow::Owned(bytes.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_says_where_each_row_starts_and_where_the_last_one_ends() {
        let rows = [
            SparseRow {
                indices: vec![2, 9],
                values: vec![0.5, 1.0],
            },
            SparseRow::default(),
        ];
        let block = SparseBlock::new(Format::MsgPack, 5, &rows);
        assert_eq!((block.count, block.first), (2, 5));
        let Packed(offsets) = block.offsets.unwrap();
        assert_eq!(*offsets, [0, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0]);
        let Packed(indices) = block.indices.unwrap();
        assert_eq!(*indices, [2, 0, 0, 0, 9, 0, 0, 0]);
    }
}
