//! Readers stricter than serde's own: a string is not a `bin`, an optional key
//! is absent and never nil, a vector holds finite float32 and nothing else.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};

use super::Retry;
use super::protocol::MAX_INPUTS;

/// Elements reserved on the word of a length alone; the rest grows as it comes.
const MAX_RESERVED: usize = 4096;

/// An optional key that is present: its value, and nil is none.
pub(super) fn present<'de, D, T>(from: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(from).map(Some)
}

/// As [`present`], for strings.
pub(super) fn present_string<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<String>, D::Error> {
    string(from).map(Some)
}

/// A string; UTF-8 in a `bin` is not one.
pub(super) fn string<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Str::deserialize(from).map(|Str(text)| text)
}

/// One of the words of [`Retry`].
pub(super) fn retry<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let word = string(from)?;
    match Retry::from_name(&word) {
        Some(_) => Ok(word),
        None => Err(D::Error::custom(format!("unknown retry class {word:?}"))),
    }
}

/// A list of strings.
pub(super) fn strings<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let list: Vec<Str> = Vec::deserialize(from)?;
    Ok(list.into_iter().map(|Str(text)| text).collect())
}

/// A request's inputs: between one and [`MAX_INPUTS`] strings.
pub(super) fn inputs<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    struct Inputs;
    impl<'de> Visitor<'de> for Inputs {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of 1 to {MAX_INPUTS} strings")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            let expected = seq.size_hint().unwrap_or(0);
            let mut inputs = Vec::with_capacity(expected.min(MAX_RESERVED));
            while let Some(Str(text)) = seq.next_element()? {
                if inputs.len() == MAX_INPUTS {
                    return Err(A::Error::custom(format!(
                        "more than {MAX_INPUTS} inputs in one request"
                    )));
                }
                inputs.push(text);
            }
            if inputs.is_empty() {
                return Err(A::Error::custom("inputs is empty"));
            }
            Ok(inputs)
        }
    }
    from.deserialize_seq(Inputs)
}

/// Rows of float32 scalars.
pub(super) fn present_rows<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Vec<Vec<f32>>>, D::Error> {
    let rows: Vec<Vec<Float32>> = Vec::deserialize(from)?;
    Ok(Some(
        rows.into_iter()
            .map(|row| row.into_iter().map(|Float32(value)| value).collect())
            .collect(),
    ))
}

/// A string that came as one.
struct Str(String);

impl<'de> Deserialize<'de> for Str {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Str;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E>(self, text: &str) -> Result<Str, E> {
                Ok(Str(text.to_owned()))
            }

            fn visit_string<E>(self, text: String) -> Result<Str, E> {
                Ok(Str(text))
            }
        }
        from.deserialize_string(Text)
    }
}

/// A finite float32 scalar; a float64 is not one.
struct Float32(f32);

impl<'de> Deserialize<'de> for Float32 {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Scalar;
        impl Visitor<'_> for Scalar {
            type Value = Float32;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a float32")
            }

            fn visit_f32<E>(self, value: f32) -> Result<Float32, E> {
                Ok(Float32(value))
            }
        }
        from.deserialize_f32(Scalar)
    }
}
