//! A request as a test writes it.

use async_nats::HeaderMap;
use bytes::Bytes;
use fastembed_worker::wire::protocol;
use serde_json::{Value, json};

/// A request: MessagePack by default, without any other header.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) subject: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Ask {
    /// On any subject, with neither headers nor body.
    pub(crate) fn on(subject: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    /// For vectors of a model.
    pub(crate) fn text(model: &str) -> Self {
        Self::on(format!("fastembed.v1.text.{model}"))
    }

    /// For a model's facts.
    pub(crate) fn info(model: &str) -> Self {
        Self::on(format!("fastembed.v1.info.text_{model}"))
    }

    /// For the vectors of these texts, in MessagePack.
    pub(crate) fn texts<S: AsRef<str>>(model: &str, texts: &[S]) -> Self {
        let inputs: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        Self::text(model).msgpack(&json!({ "inputs": inputs }))
    }

    /// This document in MessagePack.
    pub(crate) fn msgpack(self, document: &Value) -> Self {
        let body = rmp_serde::to_vec_named(document).expect("JSON values have a MessagePack form");
        self.header(
            protocol::HEADER_CONTENT_TYPE,
            protocol::CONTENT_TYPE_MSGPACK,
        )
        .body(body)
    }

    /// This document in JSON, which its first byte declares.
    pub(crate) fn json(self, document: &Value) -> Self {
        self.body(document.to_string())
    }

    /// These very bytes.
    pub(crate) fn body(mut self, bytes: impl Into<Bytes>) -> Self {
        self.body = bytes.into();
        self
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Accepts a reply in parts.
    pub(crate) fn in_parts(self) -> Self {
        self.header(protocol::HEADER_ACCEPT, protocol::ACCEPT_PARTS)
    }

    pub(crate) fn timeout_ms(self, timeout_ms: u64) -> Self {
        self.header(protocol::HEADER_TIMEOUT_MS, &timeout_ms.to_string())
    }
}
