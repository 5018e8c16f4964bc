//! The documents on the bus: MessagePack for programs, JSON for people.
//!
//! Pure: bytes in, typed values out, and back. Knows neither NATS nor ONNX.
//! `schemas/` holds the contract that this room and the Go client both follow.

pub mod admin;
pub mod alive;
mod bounded;
pub mod call;
pub mod cancel;
mod de;
mod document;
pub mod error_code;
pub mod image;
pub mod info;
pub mod joint;
pub mod meta;
pub mod protocol;
pub mod reply;
pub mod rerank;
mod room;
pub mod sparse;
pub mod structure;
pub mod text;
pub mod vectors;

mod error;

pub use error::{Error, ErrorReply};
pub use error_code::{ErrorCode, Retry};

use bounded::Bounded;

use serde::Serialize;
use serde::de::{DeserializeOwned, Deserializer};

/// A number that stands for an absent key.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(value: &u32) -> bool {
    *value == 0
}

/// Room for a document without vectors, before it grows.
const SMALL_BYTES: usize = 256;

/// How a document is written. A reply, also a refusal, is written as its
/// request was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// MessagePack: maps with string keys, vectors packed as `bin`.
    MsgPack,
    /// JSON: vectors as arrays, `bin` as base64.
    Json,
}

impl Format {
    /// Chooses by the `Content-Type` header, and without one by the first
    /// non-blank byte of the body.
    ///
    /// # Errors
    /// `unsupported_media_type` for a type that is neither.
    pub fn negotiate(content_type: Option<&str>, body: &[u8]) -> Result<Self, Error> {
        let Some(declared) = content_type else {
            let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
            return Ok(if first == Some(&b'{') {
                Self::Json
            } else {
                Self::MsgPack
            });
        };
        let media_type = declared.split(';').next().unwrap_or_default().trim();
        if media_type.eq_ignore_ascii_case(protocol::CONTENT_TYPE_JSON) {
            return Ok(Self::Json);
        }
        if protocol::CONTENT_TYPES_MSGPACK
            .iter()
            .any(|known| media_type.eq_ignore_ascii_case(known))
        {
            return Ok(Self::MsgPack);
        }
        Err(Error::new(
            ErrorCode::UnsupportedMediaType,
            format_args!("Content-Type {media_type:?} is neither MessagePack nor JSON"),
        ))
    }

    /// The media type that a reply in this format declares.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::MsgPack => protocol::CONTENT_TYPE_MSGPACK,
            Self::Json => protocol::CONTENT_TYPE_JSON,
        }
    }

    /// Reads one whole document.
    ///
    /// # Errors
    /// `invalid_request` that says what is wrong and where.
    pub fn decode<T: DeserializeOwned>(self, body: &[u8]) -> Result<T, Error> {
        let checked = match self {
            Self::MsgPack => structure::check_msgpack(body),
            Self::Json => structure::check_json(body),
        };
        checked.map_err(Error::invalid)?;
        match self {
            Self::MsgPack => read(&mut rmp_serde::Deserializer::from_read_ref(body)),
            Self::Json => {
                let mut json = serde_json::Deserializer::from_slice(body);
                let document = read(&mut json)?;
                json.end().map_err(Error::invalid)?;
                Ok(document)
            }
        }
    }

    /// Writes one document: canonical key order, smallest integer forms.
    ///
    /// # Errors
    /// `internal` where a value cannot be written, which no document of ours
    /// can bring about.
    pub fn encode<T: Serialize>(self, document: &T) -> Result<Vec<u8>, Error> {
        self.encode_about(document, SMALL_BYTES)
    }

    /// As [`Self::encode`], of a document that takes about so many bytes in
    /// MessagePack: what grows step by step is copied at each.
    ///
    /// # Errors
    /// As [`Self::encode`].
    fn encode_about<T: Serialize>(self, document: &T, bytes: usize) -> Result<Vec<u8>, Error> {
        let mut body = Vec::with_capacity(bytes);
        let internal = |fault: String| Error::new(ErrorCode::Internal, fault);
        match self {
            Self::MsgPack => rmp_serde::encode::write_named(&mut body, document)
                .map_err(|fault| internal(fault.to_string()))?,
            Self::Json => serde_json::to_writer(&mut body, document)
                .map_err(|fault| internal(fault.to_string()))?,
        }
        Ok(body)
    }
}

/// Reads a document; a fault names the key it is about.
fn read<'de, D, T>(from: D) -> Result<T, Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    serde_path_to_error::deserialize(Bounded(from)).map_err(|fault| {
        let (path, inner) = (fault.path(), fault.inner());
        // A fault of the whole document has no path.
        if path.iter().next().is_none() {
            Error::invalid(inner)
        } else {
            Error::invalid(format_args!("{path}: {inner}"))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_names_its_key_in_both_formats() {
        for (format, body) in [
            (Format::Json, &br#"{"inputs":["a"],"normalize":"yes"}"#[..]),
            (
                Format::MsgPack,
                b"\x82\xa6inputs\x91\xa1a\xa9normalize\xa3yes",
            ),
        ] {
            let refused = format.decode::<text::TextRequest>(body).unwrap_err();
            assert!(refused.message.starts_with("normalize: "), "{refused}");
        }
    }

    #[test]
    fn the_first_non_blank_byte_decides_when_no_type_is_declared() {
        assert_eq!(Format::negotiate(None, b" \n{}"), Ok(Format::Json));
        assert_eq!(Format::negotiate(None, &[0x81]), Ok(Format::MsgPack));
        assert_eq!(Format::negotiate(None, b""), Ok(Format::MsgPack));
    }

    #[test]
    fn parameters_and_case_of_a_media_type_do_not_matter() {
        let json = Format::negotiate(Some("Application/JSON; charset=utf-8"), b"");
        assert_eq!(json, Ok(Format::Json));
        for name in protocol::CONTENT_TYPES_MSGPACK {
            assert_eq!(Format::negotiate(Some(name), b"{"), Ok(Format::MsgPack));
        }
    }

    #[test]
    fn another_media_type_is_unsupported() {
        let refused = Format::negotiate(Some("text/plain"), b"{}").unwrap_err();
        assert_eq!(refused.code, ErrorCode::UnsupportedMediaType);
    }
}
