//! Blocks of dense vectors.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Error, de, protocol};

/// Bytes of one float32.
const F32_BYTES: usize = size_of::<f32>();

/// How vectors are packed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// float32, little-endian, row-major.
    #[default]
    F32,
    /// float16.
    F16,
    /// Signed bytes with a scale.
    I8,
    /// Sign bits.
    Ubinary,
    /// Lists of float32 scalars, for people and scripts.
    Array,
}

impl Encoding {
    /// What this version of the worker serves.
    pub const SERVED: &[Self] = &[Self::F32, Self::Array];

    const ALL: &[Self] = &[Self::F32, Self::F16, Self::I8, Self::Ubinary, Self::Array];

    /// Refuses what this version does not serve.
    ///
    /// # Errors
    /// `invalid_request`, with what is served.
    pub fn check_served(self) -> Result<(), Error> {
        if Self::SERVED.contains(&self) {
            return Ok(());
        }
        let served: Vec<&str> = Self::SERVED.iter().map(|served| served.name()).collect();
        Err(Error::invalid(format!(
            "encoding {} is not served here; served are {}",
            self.name(),
            served.join(", ")
        )))
    }

    /// The word on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => protocol::ENCODING_F32,
            Self::F16 => protocol::ENCODING_F16,
            Self::I8 => protocol::ENCODING_I8,
            Self::Ubinary => protocol::ENCODING_UBINARY,
            Self::Array => protocol::ENCODING_ARRAY,
        }
    }
}

impl Serialize for Encoding {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Encoding {
    // By its name alone: serde's own reader of an enum also takes its position.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let name = de::string(from)?;
        let known = Self::ALL.iter().find(|encoding| encoding.name() == name);
        known.copied().ok_or_else(|| {
            D::Error::custom(format_args!(
                "unknown encoding {name:?}; known are {}",
                protocol::ENCODINGS.join(", ")
            ))
        })
    }
}

/// `count` vectors of `dims` values, rows `first ..` of a result.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VectorBlock<'a> {
    /// [`Encoding::F32`] or [`Encoding::Array`].
    pub dtype: Encoding,
    /// Values in a vector.
    pub dims: u32,
    /// Vectors in this block.
    pub count: u32,
    /// Position of the first one in the whole result.
    pub first: u32,
    /// The values of a packed block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Packed<'a>>,
    /// The values of an array block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<Vec<Cow<'a, [f32]>>>,
}

impl<'a> VectorBlock<'a> {
    /// Packs rows `first ..` of a result; `values` is row-major, whole rows.
    #[must_use]
    pub fn new(encoding: Encoding, dims: u32, first: u32, values: &'a [f32]) -> Self {
        let width = dims.max(1) as usize;
        let count = u32::try_from(values.len() / width).unwrap_or(u32::MAX);
        let (data, rows) = if encoding == Encoding::Array {
            let rows = values.chunks_exact(width).map(Cow::Borrowed).collect();
            (None, Some(rows))
        } else {
            let bytes = values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect();
            (Some(Packed(Cow::Owned(bytes))), None)
        };
        Self {
            dtype: encoding,
            dims,
            count,
            first,
            data,
            rows,
        }
    }

    /// All values, row-major.
    #[must_use]
    pub fn values(&self) -> Vec<f32> {
        match (&self.data, &self.rows) {
            (Some(Packed(bytes)), _) => unpack(bytes).collect(),
            (None, Some(rows)) => rows.concat(),
            (None, None) => Vec::new(),
        }
    }
}

fn unpack(bytes: &[u8]) -> impl Iterator<Item = f32> + '_ {
    let (values, _) = bytes.as_chunks::<F32_BYTES>();
    values.iter().map(|value| f32::from_le_bytes(*value))
}

/// [`VectorBlock`] as it is read, before its shape is compared.
#[derive(Deserialize)]
struct Read {
    dtype: Encoding,
    dims: u32,
    count: u32,
    first: u32,
    #[serde(default, deserialize_with = "de::present")]
    data: Option<Packed<'static>>,
    #[serde(default, deserialize_with = "de::present_rows")]
    rows: Option<Vec<Vec<f32>>>,
}

impl<'de> Deserialize<'de> for VectorBlock<'static> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let read = Read::deserialize(from)?;
        let (dims, count) = (read.dims as usize, read.count as usize);
        let fits = match (read.dtype, &read.data, &read.rows) {
            (Encoding::F32, Some(Packed(bytes)), None) => {
                Some(bytes.len())
                    == dims
                        .checked_mul(count)
                        .and_then(|n| n.checked_mul(F32_BYTES))
            }
            (Encoding::Array, None, Some(rows)) => {
                rows.len() == count && rows.iter().all(|row| row.len() == dims)
            }
            _ => false,
        };
        if !fits {
            return Err(D::Error::custom(format!(
                "the block does not hold {count} vectors of {dims} values as {}",
                read.dtype.name()
            )));
        }
        if let Some(Packed(bytes)) = &read.data
            && !unpack(bytes).all(f32::is_finite)
        {
            return Err(D::Error::custom(
                "a vector holds a value that is not finite",
            ));
        }
        Ok(Self {
            dtype: read.dtype,
            dims: read.dims,
            count: read.count,
            first: read.first,
            data: read.data,
            rows: read
                .rows
                .map(|rows| rows.into_iter().map(Cow::Owned).collect()),
        })
    }
}

/// Bytes: `bin` in MessagePack, base64 in JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed<'a>(pub Cow<'a, [u8]>);

impl Serialize for Packed<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if to.is_human_readable() {
            to.serialize_str(&BASE64.encode(&self.0))
        } else {
            to.serialize_bytes(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Packed<'static> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Packed<'static>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a bin")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Self::Value, E> {
                Ok(Packed(Cow::Owned(bytes.to_vec())))
            }

            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Self::Value, E> {
                Ok(Packed(Cow::Owned(bytes)))
            }
        }
        if from.is_human_readable() {
            let text = de::string(from)?;
            let bytes = BASE64.decode(text).map_err(D::Error::custom)?;
            Ok(Packed(Cow::Owned(bytes)))
        } else {
            from.deserialize_byte_buf(Bytes)
        }
    }
}
