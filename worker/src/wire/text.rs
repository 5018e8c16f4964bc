//! The `text` operation: strings in, dense vectors out.

use std::borrow::Cow;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::meta::Meta;
use super::vectors::{Encoding, VectorBlock};
use super::{Error, de};

/// What stands before the list of texts where a program wrote the request.
const INPUTS: &[u8] = b"\xa6inputs";

/// One to four entries (MessagePack, fixarray).
const FEW: std::ops::RangeInclusive<u8> = 0x91..=0x94;

/// Whether a short body looks like one of at most four texts, before it is
/// decoded. A guess: what looks so and is not, is as short.
#[must_use]
pub fn has_few_inputs(body: &[u8]) -> bool {
    let at = body.windows(INPUTS.len()).position(|bytes| bytes == INPUTS);
    at.and_then(|at| body.get(at + INPUTS.len()))
        .is_some_and(|list| FEW.contains(list))
}

/// A call for dense vectors (`schemas/text-request.schema.json`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextRequest {
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
    /// Scale every vector to unit length (the default).
    #[serde(
        default,
        deserialize_with = "de::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub normalize: Option<bool>,
    /// Matryoshka cut, in dimensions.
    #[serde(
        default,
        deserialize_with = "de::positive",
        skip_serializing_if = "Option::is_none"
    )]
    pub dimensions: Option<u32>,
    /// Name of a prompt that the model puts before each text.
    #[serde(
        default,
        deserialize_with = "de::present_string",
        skip_serializing_if = "Option::is_none"
    )]
    pub prompt: Option<String>,
    /// How the vectors are packed.
    #[serde(
        default,
        deserialize_with = "de::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub encoding: Option<Encoding>,
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

/// One item that got no vector; its row is zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemError {
    /// Position in the request's `inputs`.
    pub index: u32,
    /// The error's number.
    pub code: u32,
    /// The error's name.
    #[serde(deserialize_with = "de::string")]
    pub name: String,
    /// What was wrong with this item.
    #[serde(deserialize_with = "de::string")]
    pub message: String,
}

impl ItemError {
    /// The entry for one failed item.
    #[must_use]
    pub fn new(index: u32, error: &Error) -> Self {
        Self {
            index,
            code: u32::from(error.code.number()),
            name: error.code.name().to_owned(),
            message: error.message.clone(),
        }
    }
}

/// Where a request's time went, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timings {
    /// From receipt until a tokenizer took it up.
    pub wait: u64,
    /// Decoding and tokenizing.
    pub tokenize: u64,
    /// From tokens until the first of its batches ran.
    pub queue: u64,
    /// From the start of the first of its batches to the end of the last.
    pub infer: u64,
    /// From receipt until the reply was ready to encode.
    pub total: u64,
}

/// Vectors, in whole or in part (`schemas/text-reply.schema.json`).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TextReply<'a> {
    /// The model that answered.
    pub model: Cow<'a, str>,
    /// What the vectors mean: equal spaces can be compared.
    pub space: Cow<'a, str>,
    /// The worker that answered.
    pub instance: Cow<'a, str>,
    /// Rows `first .. first + count` of the result.
    pub embeddings: VectorBlock<'a>,
    /// Tokens of each row, special ones included, after truncation.
    pub tokens: Cow<'a, [u32]>,
    /// Whether each row's text was cut.
    pub truncated: Cow<'a, [bool]>,
    /// Items among these rows that failed.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub errors: Cow<'a, [ItemError]>,
    /// Of the whole request.
    pub timings_us: Timings,
    /// Echo of the request's own, in the first part only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meta: Option<Cow<'a, Meta>>,
}

/// [`TextReply`] as it is read, before its counts are compared.
#[derive(Deserialize)]
struct Read {
    #[serde(deserialize_with = "de::string")]
    model: String,
    #[serde(deserialize_with = "de::string")]
    space: String,
    #[serde(deserialize_with = "de::string")]
    instance: String,
    embeddings: VectorBlock<'static>,
    #[serde(deserialize_with = "de::entries")]
    tokens: Vec<u32>,
    #[serde(deserialize_with = "de::entries")]
    truncated: Vec<bool>,
    #[serde(default, deserialize_with = "de::entries")]
    errors: Vec<ItemError>,
    timings_us: Timings,
    #[serde(default, deserialize_with = "de::present")]
    meta: Option<Meta>,
}

impl<'de> Deserialize<'de> for TextReply<'static> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let read = Read::deserialize(from)?;
        let rows = read.embeddings.count as usize;
        if read.tokens.len() != rows || read.truncated.len() != rows {
            return Err(D::Error::custom(format!(
                "{rows} rows, but {} token counts and {} truncation marks",
                read.tokens.len(),
                read.truncated.len()
            )));
        }
        Ok(Self {
            model: read.model.into(),
            space: read.space.into(),
            instance: read.instance.into(),
            embeddings: read.embeddings,
            tokens: read.tokens.into(),
            truncated: read.truncated.into(),
            errors: read.errors.into(),
            timings_us: read.timings_us,
            meta: read.meta.map(Cow::Owned),
        })
    }
}
