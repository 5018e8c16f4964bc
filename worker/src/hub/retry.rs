//! Which failed attempts are made again, and when.

use std::time::Duration;

use crate::config;

/// Longest pause between two attempts, also where a hub asks for more.
const MAX_DELAY: Duration = Duration::from_secs(30);

/// Why an attempt failed.
#[derive(Debug)]
pub(super) enum Fault {
    /// Another attempt may well succeed.
    Passing {
        /// What happened.
        reason: String,
        /// How long the hub asked to wait.
        wait: Option<Duration>,
    },
    /// No attempt will succeed.
    Final(String),
}

impl Fault {
    /// A break or a stall.
    pub(super) fn passing(reason: impl Into<String>) -> Self {
        Self::Passing {
            reason: reason.into(),
            wait: None,
        }
    }
}

/// What is left of the attempts at one file.
pub(super) struct Retry {
    allowed: u32,
    made: u32,
    first_delay: Duration,
}

impl Retry {
    pub(super) fn new(settings: &config::Hub) -> Self {
        Self {
            allowed: settings.retries,
            made: 0,
            first_delay: Duration::from_millis(settings.retry_delay_ms),
        }
    }

    /// Starts to count anew: the last attempt has brought something.
    pub(super) fn progressed(&mut self) {
        self.made = 0;
    }

    /// Waits until the next attempt is due.
    ///
    /// # Errors
    /// The fault's reason, where no further attempt is worth making.
    pub(super) async fn after(&mut self, fault: Fault) -> Result<(), String> {
        tokio::time::sleep(self.pause(fault)?).await;
        Ok(())
    }

    fn pause(&mut self, fault: Fault) -> Result<Duration, String> {
        let (reason, wait) = match fault {
            Fault::Passing { reason, wait } => (reason, wait),
            Fault::Final(reason) => return Err(reason),
        };
        if self.made == self.allowed {
            return Err(match self.allowed {
                0 => reason,
                retries => format!("{reason} (after {retries} retries)"),
            });
        }
        let delay = wait.unwrap_or_else(|| self.delay());
        self.made += 1;
        Ok(delay.min(MAX_DELAY))
    }

    fn delay(&self) -> Duration {
        self.first_delay.saturating_mul(1 << self.made.min(16))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(retries: u32) -> config::Hub {
        config::Hub {
            retries,
            retry_delay_ms: 100,
            ..config::Hub::default()
        }
    }

    #[test]
    fn each_retry_waits_twice_as_long_as_the_one_before_it() {
        let mut retry = Retry::new(&settings(3));
        for wanted_ms in [100, 200, 400] {
            let pause = retry.pause(Fault::passing("broke off")).unwrap();
            assert_eq!(pause, Duration::from_millis(wanted_ms));
        }
        let reason = retry.pause(Fault::passing("broke off")).unwrap_err();
        assert_eq!(reason, "broke off (after 3 retries)");
    }

    #[test]
    fn a_hub_that_asks_for_an_hour_is_asked_again_after_half_a_minute() {
        let fault = Fault::Passing {
            reason: String::new(),
            wait: Some(Duration::from_secs(3600)),
        };
        let mut retry = Retry::new(&settings(1));
        assert_eq!(retry.pause(fault).unwrap(), MAX_DELAY);
    }

    #[test]
    fn a_final_fault_is_not_tried_again() {
        let mut retry = Retry::new(&settings(9));
        let reason = retry.pause(Fault::Final("404".to_owned()));
        assert_eq!(reason.unwrap_err(), "404");
    }
}
