//! Reaching the bus, and what it says while we are on it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{Client, ConnectOptions};
use nkeys::KeyPair;

use super::events::Listener;
use super::line::Line;
use crate::config::Nats;
use crate::telemetry::health::Health;
use crate::telemetry::metrics::Metrics;

/// Messages that one subscription may hold unread. Past it the library drops
/// what comes, so the receive loop must never get there.
const SUBSCRIPTION_CAPACITY: usize = 65_536;

/// Reconnecting waits between these, the longer the more often it failed.
const RECONNECT_MIN: Duration = Duration::from_millis(50);
const RECONNECT_MAX: Duration = Duration::from_secs(4);

/// Why the bus cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file with credentials cannot be read.
    #[error("{key}: {file}: {reason}")]
    Credentials {
        /// The setting.
        key: &'static str,
        /// The file it names.
        file: String,
        /// Why.
        reason: String,
    },
    /// No server could be reached, or it refused us.
    #[error("cannot connect to {url}: {reason}")]
    Connect {
        /// The servers tried, without credentials.
        url: String,
        /// Why.
        reason: String,
    },
    /// A subscription could not be made.
    #[error("cannot subscribe to {subject}: {reason}")]
    Subscribe {
        /// The subject.
        subject: String,
        /// Why.
        reason: String,
    },
}

/// A client of the bus, and the connection beneath it.
pub struct Connection {
    pub(super) client: Client,
    pub(super) line: Arc<Line>,
}

/// Connects as configured; the server's monitoring shows version and instance.
///
/// # Errors
/// [`Error::Credentials`] or [`Error::Connect`].
pub async fn connect(
    nats: &Nats,
    instance: &str,
    health: Arc<Health>,
    metrics: Arc<Metrics>,
) -> Result<Connection, Error> {
    let name = format!("fastembed-worker/{}/{instance}", env!("CARGO_PKG_VERSION"));
    let line = Arc::new(Line::default());
    let lost = Arc::clone(&line);
    let listener = Listener::new(health, metrics, &nats.inbox_prefix);
    let events = move |event| {
        listener.hear(&event);
        std::future::ready(())
    };
    let options = credentials(nats)
        .await?
        .name(name)
        .custom_inbox_prefix(&nats.inbox_prefix)
        .subscription_capacity(SUBSCRIPTION_CAPACITY)
        .connection_timeout(Duration::from_millis(nats.connect_timeout_ms))
        .reconnect_delay_callback(reconnect_delay)
        // Chooses no server; it is called where the line needs to know.
        .reconnect_to_server_callback(move |_, _| {
            let line = Arc::clone(&lost);
            async move {
                line.before_attempt().await;
                None
            }
        })
        .event_callback(events);
    let servers: Vec<&str> = nats.url.split(',').map(str::trim).collect();
    let client = options
        .connect(servers)
        .await
        .map_err(|fault| Error::Connect {
            url: nats.url_without_credentials(),
            reason: fault.to_string(),
        })?;
    line.watch(&client);
    Ok(Connection { client, line })
}

async fn credentials(nats: &Nats) -> Result<ConnectOptions, Error> {
    let mut options = ConnectOptions::new();
    if !nats.user.is_empty() {
        options = options.user_and_password(nats.user.clone(), nats.password.clone());
    }
    if !nats.token.is_empty() {
        options = options.token(nats.token.clone());
    }
    if !nats.creds.as_os_str().is_empty() {
        options = options
            .credentials_file(&nats.creds)
            .await
            .map_err(|fault| unusable("nats.creds", &nats.creds, &fault.to_string()))?;
    }
    if !nats.nkey.as_os_str().is_empty() {
        options = options.nkey(seed(&nats.nkey).await?);
    }
    if !nats.ca.as_os_str().is_empty() {
        options = options
            .add_root_certificates(nats.ca.clone())
            .require_tls(true);
    }
    if !nats.cert.as_os_str().is_empty() {
        options = options
            .add_client_certificate(nats.cert.clone(), nats.key.clone())
            .require_tls(true);
    }
    Ok(options)
}

/// The seed in a file, which may be decorated as those of `nsc` are. Of a broken
/// one the library would say, at each attempt to connect, that it cannot sign.
async fn seed(file: &Path) -> Result<String, Error> {
    let key = "nats.nkey";
    let text = tokio::fs::read_to_string(file).await;
    let text = text.map_err(|fault| unusable(key, file, &fault.to_string()))?;
    let seeds = text.lines().map(str::trim);
    let mut users = seeds.filter(|line| line.starts_with("SU"));
    let seed = users.find(|seed| KeyPair::from_seed(seed).is_ok());
    seed.map(str::to_owned)
        .ok_or_else(|| unusable(key, file, "no line of it is the seed of a user"))
}

fn unusable(key: &'static str, file: &Path, reason: &str) -> Error {
    Error::Credentials {
        key,
        file: file.display().to_string(),
        reason: reason.to_owned(),
    }
}

/// Doubles up to the longest wait, then takes a random share of it, so that a
/// fleet does not come back in step after a server's restart.
fn reconnect_delay(attempts: usize) -> Duration {
    let doublings = u32::try_from(attempts.min(16)).unwrap_or(16);
    let longest = RECONNECT_MIN
        .saturating_mul(1 << doublings)
        .min(RECONNECT_MAX);
    longest.mul_f64(rand::random_range(0.5..1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reconnecting_waits_longer_and_never_beyond_the_bound() {
        assert!(reconnect_delay(0) <= RECONNECT_MIN);
        for attempts in [5, 16, 1000, usize::MAX] {
            let delay = reconnect_delay(attempts);
            assert!(
                delay > RECONNECT_MIN && delay <= RECONNECT_MAX,
                "{attempts}: {delay:?}"
            );
        }
    }
}
