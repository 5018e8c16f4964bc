//! `[nats]`: names follow the nats CLI.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// How to reach the bus, and as whom.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Nats {
    /// Servers, comma separated.
    pub url: String,
    /// User name.
    pub user: String,
    /// That user's password.
    pub password: String,
    /// Token.
    pub token: String,
    /// Credentials file (JWT and seed).
    pub creds: PathBuf,
    /// File that holds an nkey seed.
    pub nkey: PathBuf,
    /// Client certificate.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Certificate authority of the servers.
    pub ca: PathBuf,
    /// Prefix of this worker's own inboxes, without the last dot.
    pub inbox_prefix: String,
    /// Milliseconds that connecting may take.
    pub connect_timeout_ms: u64,
}

impl Default for Nats {
    fn default() -> Self {
        Self {
            url: "nats://127.0.0.1:4222".to_owned(),
            user: String::new(),
            password: String::new(),
            token: String::new(),
            creds: PathBuf::new(),
            nkey: PathBuf::new(),
            cert: PathBuf::new(),
            key: PathBuf::new(),
            ca: PathBuf::new(),
            inbox_prefix: "_INBOX.worker".to_owned(),
            connect_timeout_ms: 5_000,
        }
    }
}

impl Nats {
    /// The variables that the nats CLI reads, with the keys they set.
    pub const VARIABLES: &[(&str, &str)] = &[
        ("NATS_URL", "url"),
        ("NATS_USER", "user"),
        ("NATS_PASSWORD", "password"),
        ("NATS_TOKEN", "token"),
        ("NATS_CREDS", "creds"),
        ("NATS_NKEY", "nkey"),
        ("NATS_CERT", "cert"),
        ("NATS_KEY", "key"),
        ("NATS_CA", "ca"),
    ];
}

impl Nats {
    /// The servers as a log may show them: a URL may hold a user and a password.
    #[must_use]
    pub fn url_without_credentials(&self) -> String {
        let bare = |url: &str| match (url.split_once("://"), url.rsplit_once('@')) {
            (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
            (None, Some((_, host))) => host.to_owned(),
            _ => url.to_owned(),
        };
        let urls = self.url.split(',').map(|url| bare(url.trim()));
        urls.collect::<Vec<_>>().join(",")
    }
}

/// Without the secrets: a configuration may end up in a log.
impl fmt::Debug for Nats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nats")
            .field("user", &self.user)
            .field("inbox_prefix", &self.inbox_prefix)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_credentials() {
        let shown = |url: &str| {
            Nats {
                url: url.to_owned(),
                ..Nats::default()
            }
            .url_without_credentials()
        };
        assert_eq!(shown("nats://u:p@a:1, tls://b:2"), "nats://a:1,tls://b:2");
        assert_eq!(shown("u:p@a:1"), "a:1");
    }
}
