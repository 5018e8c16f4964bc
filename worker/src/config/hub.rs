//! `[hub]`: where models come from that are not in the cache yet.

use std::fmt;

use serde::{Deserialize, Serialize};

/// `[hub]`
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Hub {
    /// Address of the hub or of a mirror, also as `HF_ENDPOINT`.
    pub endpoint: String,
    /// Access token, also as `HF_TOKEN`; empty: none is sent.
    pub token: String,
    /// Milliseconds that a connection may take, name lookup included.
    pub connect_timeout_ms: u64,
    /// Milliseconds in which an answer has to begin, and each of which has to
    /// bring a piece of it.
    pub stall_timeout_ms: u64,
    /// Attempts after the first that brought nothing new, for each file.
    pub retries: u32,
    /// Milliseconds before the first of them; each next one waits twice as long.
    pub retry_delay_ms: u64,
}

impl Default for Hub {
    fn default() -> Self {
        Self {
            endpoint: "https://huggingface.co".to_owned(),
            token: String::new(),
            connect_timeout_ms: 10_000,
            stall_timeout_ms: 30_000,
            retries: 4,
            retry_delay_ms: 500,
        }
    }
}

/// Without the token: a configuration may end up in a log.
impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_in_a_log_shows_no_token() {
        let hub = Hub {
            token: "hunter2".to_owned(),
            ..Hub::default()
        };
        assert!(!format!("{hub:?}").contains("hunter2"));
    }
}
