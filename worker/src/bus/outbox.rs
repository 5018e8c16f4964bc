//! Replies on their way to the bus.

use std::time::Duration;

use async_nats::{Client, HeaderMap, Subject};
use bytes::Bytes;

use crate::telemetry::logs::Failures;
use crate::wire::alive::AliveFrame;
use crate::wire::call::Call;
use crate::wire::{Error, protocol};

/// The client accepts messages while disconnected and blocks once its queue is
/// full; a reply that cannot be handed over by then has lost its reader.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(5);

/// Sends replies.
pub(super) struct Outbox {
    client: Client,
    instance: String,
    failures: Failures,
}

impl Outbox {
    pub(super) fn new(client: Client, instance: String) -> Self {
        Self {
            client,
            instance,
            failures: Failures::default(),
        }
    }

    /// `max_payload` of the server that we are connected to, in bytes.
    pub(super) fn max_payload(&self) -> usize {
        self.client.max_payload()
    }

    /// Sends the bodies of a result, and the terminator where one is due; whether
    /// all of it was handed over. After a part that was not, none follows.
    pub(super) async fn result(&self, to: Subject, call: &Call, bodies: Vec<Vec<u8>>) -> bool {
        let parts = bodies.len();
        for (part, body) in bodies.into_iter().enumerate() {
            let mut headers = self.headers(call);
            if call.parts {
                headers.insert(protocol::HEADER_PART, part.to_string());
                if part + 1 == parts {
                    headers.insert(protocol::HEADER_PARTS, parts.to_string());
                }
            }
            if !self.publish(to.clone(), headers, body.into()).await {
                return false;
            }
        }
        self.terminate(to, call).await
    }

    /// Sends a sign of life. Its body is not empty, which would read as the end.
    pub(super) async fn alive(&self, to: Subject, call: &Call) {
        let frame = AliveFrame {
            alive: true,
            instance: self.instance.clone(),
        };
        // Two keys always serialise.
        let body = call.format.encode(&frame).unwrap_or_default();
        self.publish(to, self.headers(call), body.into()).await;
    }

    /// Sends a refusal, and the terminator where one is due.
    pub(super) async fn refusal(&self, to: Subject, call: &Call, error: &Error) {
        let mut headers = self.headers(call);
        headers.insert(protocol::HEADER_SERVICE_ERROR, error.code.name());
        headers.insert(
            protocol::HEADER_SERVICE_ERROR_CODE,
            error.code.number().to_string(),
        );
        // The header alone says enough where a body cannot be written.
        let body = call.format.encode(&error.to_reply()).unwrap_or_default();
        self.publish(to.clone(), headers, body.into()).await;
        self.terminate(to, call).await;
    }

    /// Sends a document of the service protocol, as JSON without headers.
    pub(super) async fn json(&self, to: Subject, body: Vec<u8>) {
        self.deliver(self.client.publish(to, body.into())).await;
    }

    /// The empty message without headers, which also a server recognises as the
    /// end of a stream that crosses accounts.
    async fn terminate(&self, to: Subject, call: &Call) -> bool {
        !call.parts || self.deliver(self.client.publish(to, Bytes::new())).await
    }

    async fn publish(&self, to: Subject, headers: HeaderMap, body: Bytes) -> bool {
        self.deliver(self.client.publish_with_headers(to, headers, body))
            .await
    }

    /// Whether the client library took the message.
    async fn deliver<E: std::fmt::Display>(
        &self,
        publish: impl Future<Output = Result<(), E>>,
    ) -> bool {
        let reason = match tokio::time::timeout(PUBLISH_TIMEOUT, publish).await {
            Ok(Ok(())) => return true,
            Ok(Err(fault)) => fault.to_string(),
            Err(_) => format!("not taken within {} ms", PUBLISH_TIMEOUT.as_millis()),
        };
        if let Some(count) = self.failures.due("publish") {
            tracing::error!(count, reason, "replies not sent");
        }
        false
    }

    fn headers(&self, call: &Call) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(protocol::HEADER_CONTENT_TYPE, call.format.content_type());
        headers.insert(protocol::HEADER_INSTANCE, self.instance.as_str());
        headers
    }
}
