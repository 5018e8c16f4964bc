//! Blocks of dense vectors.

mod packed;
pub(super) mod rows;

use std::borrow::Cow;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Format, de, protocol};

pub use packed::Packed;

/// How vectors are packed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// float32, little-endian, row-major.
    #[default]
    F32,
    /// float16 (IEEE 754 binary16), little-endian, row-major. What is beyond its
    /// range is its largest value.
    F16,
    /// Each row a float32 scale, little-endian, then a signed byte for each value,
    /// which is byte × scale. The scale is the row's largest magnitude / 127.
    I8,
    /// Each row a bit for each value, 1 where it is above 0, the first in the
    /// highest bit of the first byte, filled up with zeros to whole bytes. Read as
    /// 1 and -1.
    Ubinary,
    /// Lists of float32 scalars, for people and scripts.
    Array,
}

impl Encoding {
    /// Every one; dense vectors are served in all of them.
    pub const ALL: &[Self] = &[Self::F32, Self::F16, Self::I8, Self::Ubinary, Self::Array];

    /// What a request gets that asks for none: packed for programs, lists for people.
    #[must_use]
    pub const fn usual(format: Format) -> Self {
        match format {
            Format::MsgPack => Self::F32,
            Format::Json => Self::Array,
        }
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
    /// Which of the two below is set, and how it is written.
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
            let bytes = rows::pack(encoding, width, values);
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
            (Some(Packed(bytes)), _) => rows::unpack(self.dtype, self.dims as usize, bytes),
            (None, Some(rows)) => rows.concat(),
            (None, None) => Vec::new(),
        }
    }
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
            (Encoding::Array, Some(_), _) => false,
            (packed, Some(Packed(bytes)), None) => {
                Some(bytes.len()) == rows::row_bytes(packed, dims).checked_mul(count)
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
        if let Some(Packed(bytes)) = &read.data {
            rows::check(read.dtype, dims, bytes).map_err(D::Error::custom)?;
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
