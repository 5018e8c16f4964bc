//! Readers stricter than serde's own: a string is not a `bin`, an optional key
//! is absent and never nil, a vector holds finite float32 and nothing else, and
//! a list has no more entries than a request may have inputs.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};

use super::Retry;
use super::image::Object;
use super::protocol::{MAX_IMAGES, MAX_INPUTS};
use super::vectors::Packed;

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
        None => Err(D::Error::custom(format_args!(
            "unknown retry class {word:?}"
        ))),
    }
}

/// A list of strings.
pub(super) fn strings<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    list::<D, Str, String>(from, MAX_INPUTS)
}

/// A request's inputs: between one and [`MAX_INPUTS`] strings.
pub(super) fn inputs<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    some("inputs", from)
}

/// As [`inputs`], of a reranking.
pub(super) fn documents<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    some("documents", from)
}

fn some<'de, D: Deserializer<'de>>(key: &str, from: D) -> Result<Vec<String>, D::Error> {
    let texts = strings(from)?;
    if texts.is_empty() {
        return Err(D::Error::custom(format_args!("{key} is empty")));
    }
    Ok(texts)
}

/// A list of anything. In memory an entry takes many times its shortest form, so
/// its number is bounded before it is believed.
pub(super) fn entries<'de, D, T>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    list::<D, T, T>(from, MAX_INPUTS)
}

/// A request's images: at most [`MAX_IMAGES`] files.
pub(super) fn present_images<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Vec<Packed<'static>>>, D::Error> {
    list::<D, Packed<'static>, _>(from, MAX_IMAGES).map(Some)
}

/// As [`present_images`], of objects.
pub(super) fn present_objects<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Vec<Object>>, D::Error> {
    list::<D, Object, _>(from, MAX_IMAGES).map(Some)
}

/// `dimensions`: any but none.
pub(super) fn positive<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
    above_zero("dimensions", from)
}

/// As [`positive`], of a reranking.
pub(super) fn top_n<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
    above_zero("top_n", from)
}

fn above_zero<'de, D: Deserializer<'de>>(key: &str, from: D) -> Result<Option<u32>, D::Error> {
    match u32::deserialize(from)? {
        0 => Err(D::Error::custom(format_args!("{key} is 0"))),
        number => Ok(Some(number)),
    }
}

/// Rows of float32 scalars.
pub(super) fn present_rows<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Vec<Vec<f32>>>, D::Error> {
    list::<D, Row, Vec<f32>>(from, MAX_INPUTS).map(Some)
}

/// At most `most` entries, each read as `R` and kept as `T`.
fn list<'de, D, R, T>(from: D, most: usize) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    R: Deserialize<'de> + Into<T>,
{
    struct Entries<R, T>(usize, PhantomData<(R, T)>);
    impl<'de, R: Deserialize<'de> + Into<T>, T> Visitor<'de> for Entries<R, T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of at most {} entries", self.0)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            let expected = seq.size_hint().unwrap_or(0);
            let mut list = Vec::with_capacity(expected.min(self.0));
            while let Some(entry) = seq.next_element::<R>()? {
                if list.len() == self.0 {
                    return Err(A::Error::custom(format_args!(
                        "more than {} entries in one list",
                        self.0
                    )));
                }
                list.push(entry.into());
            }
            Ok(list)
        }
    }
    from.deserialize_seq(Entries::<R, T>(most, PhantomData))
}

/// One row of float32 scalars, of which each takes more bytes than it will.
struct Row(Vec<f32>);

impl From<Row> for Vec<f32> {
    fn from(Row(values): Row) -> Self {
        values
    }
}

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let row: Vec<Float32> = Vec::deserialize(from)?;
        Ok(Self(row.into_iter().map(|Float32(value)| value).collect()))
    }
}

/// A string that came as one.
struct Str(String);

impl From<Str> for String {
    fn from(Str(text): Str) -> Self {
        text
    }
}

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
