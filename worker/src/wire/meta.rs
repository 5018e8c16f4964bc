//! `meta`: the caller's own map, echoed.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::protocol::MAX_META_BYTES;

/// A map of at most [`MAX_META_BYTES`] as MessagePack.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Meta(rmpv::Value);

impl Meta {
    /// What it holds.
    #[must_use]
    pub fn value(&self) -> &rmpv::Value {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Meta {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = rmpv::Value::deserialize(from)?;
        if !value.is_map() {
            return Err(D::Error::custom("meta is not a map"));
        }
        let mut encoded = Vec::new();
        rmpv::encode::write_value(&mut encoded, &value).map_err(D::Error::custom)?;
        if encoded.len() > MAX_META_BYTES {
            return Err(D::Error::custom(format!(
                "meta takes {} bytes, more than {MAX_META_BYTES}",
                encoded.len()
            )));
        }
        Ok(Self(value))
    }
}
