//! The `joint` operation: dense, sparse and ColBERT vectors in one pass.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::meta::Meta;
use super::sparse::{offsets, packed};
use super::vectors::Packed;
use super::{Format, de};

/// One kind of vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// One vector a text.
    Dense,
    /// Weights of a text's words.
    Sparse,
    /// A vector of each token.
    Colbert,
}

impl Kind {
    /// All of them, which is the default.
    pub const ALL: [Self; 3] = [Self::Dense, Self::Sparse, Self::Colbert];
}

impl<'de> Deserialize<'de> for Kind {
    // By its name alone: serde's own reader of an enum also takes its position.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match &*de::string(from)? {
            "dense" => Ok(Self::Dense),
            "sparse" => Ok(Self::Sparse),
            "colbert" => Ok(Self::Colbert),
            other => Err(D::Error::custom(format_args!(
                "unknown output {other:?}; known are dense, sparse, colbert"
            ))),
        }
    }
}

/// A call for vectors of several kinds (`schemas/joint-request.schema.json`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JointRequest {
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
    /// What is wanted; everything by default.
    #[serde(
        default,
        deserialize_with = "outputs",
        skip_serializing_if = "Option::is_none"
    )]
    pub outputs: Option<Vec<Kind>>,
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

fn outputs<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<Kind>>, D::Error> {
    let kinds: Vec<Kind> = de::entries(from)?;
    let twice = |at: usize| kinds[..at].contains(&kinds[at]);
    if kinds.is_empty() || (0..kinds.len()).any(twice) {
        return Err(D::Error::custom(
            "outputs must name one to three of dense, sparse and colbert, none twice",
        ));
    }
    Ok(Some(kinds))
}

/// Vectors of the tokens of each text.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenVectors {
    /// Values in a vector.
    pub dimensions: usize,
    /// Of each text, row-major.
    pub rows: Vec<Vec<f32>>,
}

impl TokenVectors {
    /// Vectors of text `at`.
    pub(super) fn count(&self, at: usize) -> usize {
        self.rows[at].len() / self.dimensions.max(1)
    }
}

/// Vectors of the tokens of texts `first ..`, from the vector `from` of the first
/// one: a text whose vectors exceed a part goes on in the next.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TokenBlock<'a> {
    /// Values in a vector.
    pub dims: u32,
    /// Texts in this block.
    pub count: u32,
    /// Position of the first one in the whole result.
    pub first: u32,
    /// Vectors of the first text that earlier parts held.
    #[serde(skip_serializing_if = "super::is_zero")]
    pub from: u32,
    /// Where each text's vectors start, and where the last one's end, in vectors:
    /// count + 1 u32, little-endian.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offsets: Option<Packed<'a>>,
    /// float32, little-endian, row-major.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Packed<'a>>,
    /// The same as lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<Vec<Vec<&'a [f32]>>>,
}

impl<'a> TokenBlock<'a> {
    /// `texts` holds whole vectors of `dims` values for each text.
    pub(super) fn new(
        format: Format,
        dims: usize,
        first: u32,
        from: usize,
        texts: &[&'a [f32]],
    ) -> Self {
        let small = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        let empty = Self {
            dims: small(dims),
            count: small(texts.len()),
            first,
            from: small(from),
            offsets: None,
            data: None,
            rows: None,
        };
        let width = dims.max(1);
        if format == Format::Json {
            let rows = texts.iter().map(|text| text.chunks_exact(width).collect());
            return Self {
                rows: Some(rows.collect()),
                ..empty
            };
        }
        let values = texts.iter().copied().flatten();
        Self {
            offsets: Some(offsets(texts.iter().map(|text| text.len() / width))),
            data: Some(packed(values.flat_map(|value| value.to_le_bytes()))),
            ..empty
        }
    }
}

/// Upper bound of what one vector of a token adds to a document.
#[must_use]
pub fn vector_bytes(format: Format, dims: usize) -> usize {
    match format {
        Format::MsgPack => 4 * dims,
        Format::Json => 17 * dims + 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_some_of_the_three_none_twice() {
        let read = |outputs: &str| {
            let text = format!(r#"{{"inputs":["a"],"outputs":{outputs}}}"#);
            Format::Json.decode::<JointRequest>(text.as_bytes())
        };
        assert_eq!(
            read(r#"["colbert"]"#).unwrap().outputs,
            Some(vec![Kind::Colbert])
        );
        for refused in ["[]", r#"["dense","dense"]"#, r#"["late"]"#] {
            assert!(read(refused).is_err(), "{refused}");
        }
    }
}
