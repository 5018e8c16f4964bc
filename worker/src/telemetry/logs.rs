//! Logs: pretty on a terminal, one JSON object a line otherwise.
//!
//! What is logged: phases of the process, the state of the connection, and
//! failures. Never a line for a request that succeeded, and never a text, a
//! vector or a credential. Units stand in the names of fields.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::{Level, Metadata};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use crate::config::{Log, LogFormat};
use crate::wire::{Error, ErrorCode};

/// Sets up logging for the process, on standard error.
///
/// # Errors
/// Where `log.filter` is not a filter, or logging is set up already.
pub fn init(log: &Log) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let filter = EnvFilter::try_new(&log.filter)?;
    let pretty = match log.format {
        LogFormat::Pretty => true,
        LogFormat::Json => false,
        LogFormat::Auto => std::io::stderr().is_terminal(),
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match pretty {
        true => lines.with_target(false).boxed(),
        false => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry()
        .with(filter)
        .with(filter_fn(may_be_told))
        .with(lines)
        .try_init()?;
    // Its place and never its message: a panic on a string quotes the string.
    let panics = Failures::default();
    std::panic::set_hook(Box::new(move |panic| {
        let Some(count) = panics.due("panic") else {
            return;
        };
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, count, "panic");
    }));
    Ok(())
}

/// What libraries say below `info` is never written, whatever the filter says:
/// async-nats shows there what it sends to connect, password and all, and every
/// message it reads.
fn may_be_told(line: &Metadata<'_>) -> bool {
    *line.level() <= Level::INFO || line.target().starts_with(OURS)
}

/// Target of this program's own lines, and of nothing else.
const OURS: &str = env!("CARGO_CRATE_NAME");

/// Least time between two lines about failures of one code.
const INTERVAL: Duration = Duration::from_secs(1);

/// Failures, logged at most once a second for each kind, with a count.
#[derive(Default)]
pub struct Failures(Mutex<HashMap<&'static str, Window>>);

struct Window {
    logged: Instant,
    since: u64,
}

impl Failures {
    /// Notes one failed request. Of the message only what is ours is logged:
    /// a refusal of bad input may quote the input.
    pub fn note(&self, op: &'static str, model: &str, error: &Error) {
        let (code, number) = (error.code.name(), error.code.number());
        let Some(count) = self.due(code) else { return };
        if error.code == ErrorCode::Internal {
            let reason = &error.message;
            tracing::error!(op, model, code, number, count, reason, "requests failed");
        } else {
            tracing::warn!(op, model, code, number, count, "requests refused");
        }
    }

    /// Notes one failure of a kind: how many the line that is due now stands for.
    pub fn due(&self, kind: &'static str) -> Option<u64> {
        self.due_at(kind, Instant::now())
    }

    fn due_at(&self, kind: &'static str, now: Instant) -> Option<u64> {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(window) = windows.get_mut(kind) else {
            let (logged, since) = (now, 0);
            windows.insert(kind, Window { logged, since });
            return Some(1);
        };
        window.since += 1;
        if now - window.logged < INTERVAL {
            return None;
        }
        window.logged = now;
        Some(std::mem::take(&mut window.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_failures_make_one_line_a_second_with_a_count() {
        let failures = Failures::default();
        let start = Instant::now();
        let due =
            |code: ErrorCode, ms| failures.due_at(code.name(), start + Duration::from_millis(ms));
        assert_eq!(due(ErrorCode::Overloaded, 0), Some(1));
        assert_eq!(due(ErrorCode::Overloaded, 10), None);
        assert_eq!(due(ErrorCode::Internal, 20), Some(1));
        assert_eq!(due(ErrorCode::Overloaded, 999), None);
        assert_eq!(due(ErrorCode::Overloaded, 1000), Some(3));
    }
}
