//! What the connection says of itself, and what that means for readiness.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_nats::{Event, ServerError};

use super::guard::root;
use crate::telemetry::health::{Health, Phase};
use crate::telemetry::logs::Failures;
use crate::telemetry::metrics::Metrics;
use crate::wire::protocol;

/// A server grants the right to answer to the connection that received the
/// request. For as long as a request may live, answers to those of an earlier
/// connection are refused, which says nothing of this user's rights.
const FORGOTTEN: Duration = Duration::from_millis(protocol::MAX_TIMEOUT_MS);

/// Where a bucket is asked for its objects; nothing else is published under it.
const JETSTREAM: &str = "$JS.API.";

/// Hears the events of one connection and of those that follow it.
pub(super) struct Listener {
    health: Arc<Health>,
    metrics: Arc<Metrics>,
    failures: Failures,
    inbox: String,
    connections: Mutex<Connections>,
}

#[derive(Default)]
struct Connections {
    made: u64,
    latest: Option<Instant>,
}

impl Listener {
    /// For a worker whose own inboxes are under `inbox_prefix`.
    pub(super) fn new(health: Arc<Health>, metrics: Arc<Metrics>, inbox_prefix: &str) -> Self {
        Self {
            health,
            metrics,
            failures: Failures::default(),
            inbox: format!("{inbox_prefix}."),
            connections: Mutex::default(),
        }
    }

    pub(super) fn hear(&self, event: &Event) {
        match event {
            Event::Connected => {
                self.connected(Instant::now());
                self.health.set_connected(true);
                tracing::info!("connected");
            }
            Event::Disconnected => {
                self.health.set_connected(false);
                tracing::warn!("disconnected");
            }
            Event::SlowConsumer(_) => self.metrics.bus_drop(),
            // Permission violations come as events alone: the subscription stays
            // open and silent, and the answer is gone.
            Event::ServerError(ServerError::Other(reason)) => self.complaint(reason),
            Event::ServerError(fault) => self.warn(&fault.to_string()),
            Event::ClientError(fault) => tracing::warn!(reason = %fault, "client error"),
            Event::LameDuckMode => {
                tracing::warn!("the server is about to go; expecting to reconnect");
            }
            other => tracing::debug!(event = %other, "bus event"),
        }
    }

    fn connected(&self, now: Instant) {
        let mut connections = self.connections();
        connections.made += 1;
        connections.latest = Some(now);
    }

    /// Whether a refused answer tells of rights that this user lacks.
    fn tells_of_rights(&self, subject: &str, now: Instant) -> bool {
        let connections = self.connections();
        let age = connections.latest.map_or(Duration::ZERO, |at| now - at);
        !subject.starts_with(&self.inbox) && (connections.made <= 1 || age > FORGOTTEN)
    }

    fn complaint(&self, reason: &str) {
        let subject = reason.split('"').nth(1).unwrap_or_default();
        let is_about = |what: &str| {
            let reason = reason.to_ascii_lowercase();
            reason.contains(&format!("permissions violation for {what}"))
        };
        if is_about("subscription") {
            self.deny("the bus refused a subscription; not ready", subject);
        } else if !is_about("publish") {
            self.warn(reason);
        } else if subject.starts_with(JETSTREAM) {
            // All else is answered as before.
            self.warn("the right to read a bucket is missing; see objects.buckets");
        } else if self.tells_of_rights(subject, Instant::now()) {
            self.deny("the bus refused an answer; not ready", &root(subject));
        } else {
            // The rest of the subject is the requester's.
            self.warn(&format!("an answer to {} was refused", root(subject)));
        }
    }

    /// One line and not one for each subject: what is missing is a role.
    fn deny(&self, message: &'static str, subject: &str) {
        self.health.enter(Phase::Denied);
        if let Some(count) = self.failures.due(message) {
            tracing::error!(subject, count, "{message}");
        }
    }

    fn warn(&self, reason: &str) {
        if let Some(count) = self.failures.due("server") {
            tracing::warn!(reason, count, "server errors");
        }
    }

    fn connections(&self) -> MutexGuard<'_, Connections> {
        let connections = self.connections.lock();
        connections.unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIOLATION: &str = r#"Permissions Violation for Publish to "_INBOX.client.x""#;

    fn listener() -> Listener {
        let metrics = Metrics::new();
        let health = Health::new(Arc::clone(&metrics));
        health.set_connected(true);
        health.enter(Phase::Ready);
        Listener::new(health, metrics, "_INBOX.worker")
    }

    #[test]
    fn a_refused_answer_or_subscription_is_a_denial() {
        for reason in [
            VIOLATION,
            r#"Permissions Violation for Subscription to "fastembed.v1.text.M" using queue "q""#,
        ] {
            let listener = listener();
            listener.connected(Instant::now());
            listener.complaint(reason);
            assert!(listener.health.word().starts_with("denied"), "{reason}");
        }
    }

    #[test]
    fn what_an_earlier_connection_was_to_answer_may_be_refused() {
        let listener = listener();
        let now = Instant::now();
        listener.connected(now);
        listener.connected(now);
        listener.complaint(VIOLATION);
        assert!(listener.health.is_ready());
        assert!(!listener.tells_of_rights("_INBOX.client.x", now + FORGOTTEN));
        let later = now + FORGOTTEN + Duration::from_millis(1);
        assert!(listener.tells_of_rights("_INBOX.client.x", later));
    }

    #[test]
    fn other_complaints_and_a_missing_echo_deny_nothing() {
        let listener = listener();
        listener.connected(Instant::now());
        listener.complaint("Maximum Connections Exceeded");
        listener.complaint(r#"Permissions Violation for Publish to "_INBOX.worker.x""#);
        assert!(listener.health.is_ready());
    }
}
