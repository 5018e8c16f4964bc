//! `meta`: the caller's own map, echoed.

use std::fmt;

use rmpv::Value;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::protocol::MAX_META_BYTES;

/// A map of at most [`MAX_META_BYTES`] as MessagePack.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Meta(Value);

impl Meta {
    /// What it holds.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Meta {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut left = MAX_META_BYTES;
        let value = Free { left: &mut left }.deserialize(from)?;
        if !value.is_map() {
            return Err(D::Error::custom("meta is not a map"));
        }
        let mut encoded = Vec::new();
        rmpv::encode::write_value(&mut encoded, &value).map_err(D::Error::custom)?;
        if encoded.len() > MAX_META_BYTES {
            return Err(too_large());
        }
        Ok(Self(value))
    }
}

fn too_large<E: Error>() -> E {
    E::custom(format_args!("meta takes more than {MAX_META_BYTES} bytes"))
}

/// Reads a value of any kind, and no further than its bytes can still fit: in
/// memory each value is many times as large as its shortest form.
struct Free<'l> {
    /// Bytes that the rest may take.
    left: &'l mut usize,
}

impl Free<'_> {
    /// A value of at least so many bytes, its marker included.
    fn spend<E: Error>(&mut self, least: usize) -> Result<(), E> {
        *self.left = self.left.checked_sub(least).ok_or_else(too_large)?;
        Ok(())
    }

    fn scalar<E: Error>(mut self, value: Value) -> Result<Value, E> {
        self.spend(1)?;
        Ok(value)
    }

    fn again(&mut self) -> Free<'_> {
        Free { left: self.left }
    }
}

impl<'de> DeserializeSeed<'de> for Free<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Free<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value without extension types")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        self.scalar(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        self.scalar(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        self.scalar(value.into())
    }

    fn visit_f32<E: Error>(self, value: f32) -> Result<Value, E> {
        self.scalar(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        self.scalar(value.into())
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        self.scalar(Value::Nil)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        self.deserialize(from)
    }

    fn visit_str<E: Error>(mut self, text: &str) -> Result<Value, E> {
        self.spend(1 + text.len())?;
        Ok(text.into())
    }

    fn visit_bytes<E: Error>(mut self, bytes: &[u8]) -> Result<Value, E> {
        self.spend(1 + bytes.len())?;
        Ok(bytes.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<Value, A::Error> {
        self.spend(1)?;
        let mut values = Vec::new();
        while let Some(value) = seq.next_element_seed(self.again())? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Value, A::Error> {
        self.spend(1)?;
        let mut pairs = Vec::new();
        while let Some(key) = map.next_key_seed(self.again())? {
            pairs.push((key, map.next_value_seed(self.again())?));
        }
        Ok(Value::Map(pairs))
    }
}
