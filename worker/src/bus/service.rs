//! The NATS service protocol, ADR-32: discovery and statistics.
//! github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-32.md

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::wire::{Error, protocol};

/// Root of discovery subjects.
pub(super) const ROOT: &str = "$SRV";

/// What a discovery subject asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Ping,
    Info,
    Stats,
}

impl Verb {
    pub(super) const ALL: [Self; 3] = [Self::Ping, Self::Info, Self::Stats];

    /// The subjects on which it is asked: of all services, of ours, of this instance.
    pub(super) fn subjects(self, instance: &str) -> [String; 3] {
        let (verb, name) = (self.name(), protocol::SERVICE_NAME);
        [
            format!("{ROOT}.{verb}"),
            format!("{ROOT}.{verb}.{name}"),
            format!("{ROOT}.{verb}.{name}.{instance}"),
        ]
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Ping => "PING",
            Self::Info => "INFO",
            Self::Stats => "STATS",
        }
    }

    const fn kind(self) -> &'static str {
        match self {
            Self::Ping => "io.nats.micro.v1.ping_response",
            Self::Info => "io.nats.micro.v1.info_response",
            Self::Stats => "io.nats.micro.v1.stats_response",
        }
    }
}

/// Static facts as ADR-32 wants them: strings.
pub(super) type Metadata = BTreeMap<&'static str, String>;

/// What discovery tells of this worker.
pub(super) struct Identity {
    pub(super) instance: String,
    pub(super) metadata: Metadata,
    /// RFC 3339, UTC.
    pub(super) started: String,
}

/// What discovery tells of one endpoint.
pub(super) struct Described {
    pub(super) name: String,
    pub(super) subject: String,
    pub(super) queue_group: String,
    pub(super) metadata: Metadata,
    pub(super) counters: Counters,
    /// Load, as it is now.
    pub(super) data: serde_json::Value,
}

/// Requests of one endpoint since the start.
#[derive(Clone, Default)]
pub(super) struct Counters(Arc<Mutex<Counts>>);

#[derive(Clone, Debug, Default)]
struct Counts {
    requests: u64,
    errors: u64,
    last_error: String,
    processing: Duration,
}

impl Counters {
    /// One request was answered, in however many messages.
    pub(super) fn answered(&self, error: Option<&Error>, elapsed: Duration) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.requests += 1;
        counts.processing += elapsed;
        if let Some(error) = error {
            counts.errors += 1;
            counts.last_error = format!("{}:{}", error.code.number(), error.code.name());
        }
    }

    fn now(&self) -> Counts {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'static str,
    id: &'a str,
    version: &'static str,
    metadata: &'a Metadata,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoints: Option<Vec<serde_json::Value>>,
}

/// The document that answers a verb.
pub(super) fn document(verb: Verb, identity: &Identity, endpoints: &[Described]) -> Vec<u8> {
    let described = match verb {
        Verb::Ping => None,
        Verb::Info => Some(endpoints.iter().map(info).collect()),
        Verb::Stats => Some(endpoints.iter().map(stats).collect()),
    };
    let document = Document {
        kind: verb.kind(),
        name: protocol::SERVICE_NAME,
        id: &identity.instance,
        version: env!("CARGO_PKG_VERSION"),
        metadata: &identity.metadata,
        description: (verb == Verb::Info)
            .then_some("Text embeddings; see fastembed.v1.info.<op>_<model>"),
        started: (verb == Verb::Stats).then_some(&identity.started),
        endpoints: described,
    };
    // Strings and numbers with string keys always serialise.
    serde_json::to_vec(&document).unwrap_or_default()
}

fn info(endpoint: &Described) -> serde_json::Value {
    serde_json::json!({
        "name": endpoint.name,
        "subject": endpoint.subject,
        "queue_group": endpoint.queue_group,
        "metadata": endpoint.metadata,
    })
}

fn stats(endpoint: &Described) -> serde_json::Value {
    let counts = endpoint.counters.now();
    let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let processing = nanos(counts.processing);
    serde_json::json!({
        "name": endpoint.name,
        "subject": endpoint.subject,
        "queue_group": endpoint.queue_group,
        "num_requests": counts.requests,
        "num_errors": counts.errors,
        "last_error": counts.last_error,
        "processing_time": processing,
        "average_processing_time": processing.checked_div(counts.requests).unwrap_or(0),
        "data": endpoint.data,
    })
}

/// A time as RFC 3339 in UTC, to the second. The calendar follows Hinnant,
/// "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
pub(super) fn rfc3339(time: SystemTime) -> String {
    let seconds = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let (days, clock) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (clock / 3600, clock / 60 % 60, clock % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_rfc_3339() {
        let at = |seconds| rfc3339(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "1970-01-01T00:00:00Z");
        assert_eq!(at(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(at(1_795_262_400), "2026-11-21T12:00:00Z");
    }

    #[test]
    fn a_request_counts_once_and_an_error_is_remembered() {
        let counters = Counters::default();
        counters.answered(None, Duration::from_nanos(10));
        counters.answered(Some(&Error::invalid("x")), Duration::from_nanos(20));
        let identity = Identity {
            instance: "i".into(),
            metadata: Metadata::new(),
            started: String::new(),
        };
        let endpoint = Described {
            name: "text_M".into(),
            subject: "s".into(),
            queue_group: "q".into(),
            metadata: Metadata::new(),
            counters,
            data: serde_json::Value::Null,
        };
        let stats: serde_json::Value =
            serde_json::from_slice(&document(Verb::Stats, &identity, &[endpoint])).unwrap();
        let endpoint = &stats["endpoints"][0];
        assert_eq!(endpoint["num_requests"], 2);
        assert_eq!(endpoint["num_errors"], 1);
        assert_eq!(endpoint["last_error"], "400:invalid_request");
        assert_eq!(endpoint["average_processing_time"], 15);
    }
}
