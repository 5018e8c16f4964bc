//! The `info` operation: what one model is, and what it allows.

use serde::{Deserialize, Serialize};

use super::joint::Kind;
use super::{de, protocol};

/// A call for a model's facts: an empty map, or no body at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InfoRequest {}

/// What a request may ask for (`schemas/limits.json`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Texts in one request.
    pub max_inputs: u32,
    /// UTF-8 bytes of one text.
    pub max_input_bytes: u32,
    /// Encoded bytes of `meta`.
    pub max_meta_bytes: u32,
    /// Bytes of one part of a reply.
    pub max_part_bytes: u32,
    /// Milliseconds that a call gets when it names none.
    pub default_timeout_ms: u32,
    /// Milliseconds that a call may ask for.
    pub max_timeout_ms: u32,
}

impl Default for Limits {
    fn default() -> Self {
        let small = |limit: usize| u32::try_from(limit).unwrap_or(u32::MAX);
        let short = |limit: u64| u32::try_from(limit).unwrap_or(u32::MAX);
        Self {
            max_inputs: small(protocol::MAX_INPUTS),
            max_input_bytes: small(protocol::MAX_INPUT_BYTES),
            max_meta_bytes: small(protocol::MAX_META_BYTES),
            max_part_bytes: small(protocol::MAX_PART_BYTES),
            default_timeout_ms: short(protocol::DEFAULT_TIMEOUT_MS),
            max_timeout_ms: short(protocol::MAX_TIMEOUT_MS),
        }
    }
}

/// What a request of images may hold besides (`schemas/limits.json`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageLimits {
    /// Images in one request.
    pub max_images: u32,
    /// Bytes of one file.
    pub max_image_bytes: u32,
    /// Millions of pixels of one image.
    pub max_image_megapixels: u32,
}

impl Default for ImageLimits {
    fn default() -> Self {
        let small = |limit: usize| u32::try_from(limit).unwrap_or(u32::MAX);
        Self {
            max_images: small(protocol::MAX_IMAGES),
            max_image_bytes: small(protocol::MAX_IMAGE_BYTES),
            max_image_megapixels: small(protocol::MAX_IMAGE_MEGAPIXELS),
        }
    }
}

/// A model's facts (`schemas/info-reply.schema.json`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InfoReply {
    /// The operation that serves it.
    #[serde(deserialize_with = "de::string")]
    pub op: String,
    /// Its name on subjects.
    #[serde(deserialize_with = "de::string")]
    pub model: String,
    /// What its vectors mean under default options.
    #[serde(deserialize_with = "de::string")]
    pub space: String,
    /// The worker that answered.
    #[serde(deserialize_with = "de::string")]
    pub instance: String,
    /// That worker's version.
    #[serde(deserialize_with = "de::string")]
    pub version: String,
    /// Values in a dense vector; 0 where it gives none, which is no key.
    #[serde(default, skip_serializing_if = "super::is_zero")]
    pub dimensions: u32,
    /// Tokens after which a text is cut, special ones included.
    pub max_tokens: u32,
    /// How token states become one vector.
    #[serde(deserialize_with = "de::string")]
    pub pooling: String,
    /// Whether vectors have unit length by default.
    pub normalized: bool,
    /// Served vector encodings.
    #[serde(deserialize_with = "de::strings")]
    pub encodings: Vec<String>,
    /// Optional parts of the protocol that this worker speaks.
    #[serde(deserialize_with = "de::strings")]
    pub features: Vec<String>,
    /// Names that `prompt` takes.
    #[serde(deserialize_with = "de::strings")]
    pub prompts: Vec<String>,
    /// Lengths to which vectors can well be cut; any other works too, less well.
    #[serde(
        default,
        deserialize_with = "de::entries",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub matryoshka: Vec<u32>,
    /// Other names of the model, its hub repository first.
    #[serde(deserialize_with = "de::strings")]
    pub aliases: Vec<String>,
    /// SPDX identifier of the weights' licence, or `unknown`.
    #[serde(deserialize_with = "de::string")]
    pub license: String,
    /// Where the files came from: repository and revision.
    #[serde(deserialize_with = "de::string")]
    pub source: String,
    /// What a request may ask for.
    pub limits: Limits,
    /// Kinds of vectors that it gives, where there are several.
    #[serde(
        default,
        deserialize_with = "de::entries",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub outputs: Vec<Kind>,
    /// What its scores are by default, where it gives scores.
    #[serde(
        default,
        deserialize_with = "de::present_string",
        skip_serializing_if = "Option::is_none"
    )]
    pub score_kind: Option<String>,
    /// What a request of images may hold, where it reads them.
    #[serde(
        default,
        deserialize_with = "de::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub images: Option<ImageLimits>,
}
