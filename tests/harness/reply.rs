//! A reply as a test reads it.

use async_nats::{HeaderMap, Message, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use fastembed_worker::wire::text::TextReply;
use fastembed_worker::wire::{Format, protocol};
use rmpv::Value as Packed;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::read_json;

/// One message of a reply.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) status: Option<StatusCode>,
}

impl From<Message> for Reply {
    fn from(message: Message) -> Self {
        Self {
            headers: message.headers.unwrap_or_default(),
            body: message.payload,
            status: message.status,
        }
    }
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.as_str())
    }

    /// Whether the server itself answered that nobody listens.
    pub(crate) fn is_no_responders(&self) -> bool {
        self.status == Some(StatusCode::NO_RESPONDERS)
    }

    pub(crate) fn is_refusal(&self) -> bool {
        self.header(protocol::HEADER_SERVICE_ERROR).is_some()
    }

    /// The vectors it brings.
    pub(crate) fn vectors(&self) -> TextReply<'static> {
        self.read()
    }

    /// The document, in the format that its header declares.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> T {
        assert!(!self.is_no_responders(), "nobody listens");
        assert!(!self.is_refusal(), "refused: {self}");
        assert!(self.header(protocol::HEADER_INSTANCE).is_some());
        let format = self.format();
        format
            .decode(&self.body)
            .unwrap_or_else(|fault| panic!("{fault}: {self}"))
    }

    /// The document as JSON shows it.
    pub(crate) fn value(&self) -> Value {
        match self.format() {
            Format::Json => serde_json::from_slice(&self.body).expect("a JSON document"),
            Format::MsgPack => {
                let value = rmpv::decode::read_value(&mut &self.body[..]);
                plain(value.expect("a MessagePack document"))
            }
        }
    }

    /// The body of a refusal, whose header, number and retry class must be
    /// those of the table in `schemas/errors.json`.
    pub(crate) fn refused(&self, name: &str) -> Value {
        assert!(!self.is_no_responders(), "nobody listens");
        assert_eq!(
            self.header(protocol::HEADER_SERVICE_ERROR),
            Some(name),
            "{self}"
        );
        assert!(self.header(protocol::HEADER_INSTANCE).is_some());
        assert_eq!(self.header(protocol::HEADER_PART), None);
        let table = read_json("schemas/errors.json");
        let row = table["errors"].as_array().into_iter().flatten();
        let row = row.into_iter().find(|row| row["name"] == name);
        let row = row.unwrap_or_else(|| panic!("{name} is not in schemas/errors.json"));
        let code = row["code"].to_string();
        assert_eq!(
            self.header(protocol::HEADER_SERVICE_ERROR_CODE),
            Some(code.as_str())
        );
        let body = self.value();
        for key in ["name", "code", "retry"] {
            assert_eq!(body[key], row[key], "{body}");
        }
        let message = body["message"].as_str().unwrap_or_default();
        assert!(!message.is_empty() && message.len() <= 300, "{body}");
        body
    }

    fn format(&self) -> Format {
        let declared = self.header(protocol::HEADER_CONTENT_TYPE);
        assert!(declared.is_some(), "no content type");
        Format::negotiate(declared, &self.body).expect("a content type of ours")
    }
}

/// A MessagePack value as JSON shows it, bytes as base64.
fn plain(value: Packed) -> Value {
    match value {
        Packed::Map(pairs) => pairs
            .into_iter()
            .map(|(key, value)| (key.as_str().expect("a string key").to_owned(), plain(value)))
            .collect(),
        Packed::Array(values) => values.into_iter().map(plain).collect(),
        Packed::Binary(bytes) => BASE64.encode(bytes).into(),
        other => serde_json::to_value(other).expect("a scalar"),
    }
}

impl std::fmt::Display for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let body: String = String::from_utf8_lossy(&self.body)
            .chars()
            .take(400)
            .collect();
        write!(f, "{:?} {body}", self.headers)
    }
}
