//! A worker's place on the bus, kept even where the client library gives up.
//!
//! It comes back by itself from all that happens to a connection. A message that
//! it cannot read may yet end its task for good (nats.rs#1612): subscriptions
//! end, and nothing else tells. The models are loaded and warm, so a connection
//! is made anew instead of a process.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use super::connect::{Connection, Error, connect};
use super::worker::Worker;
use crate::config::Config;
use crate::roster::Roster;
use crate::telemetry::health::Health;
use crate::telemetry::metrics::Metrics;

/// Pause between attempts to come back.
const PAUSE: Duration = Duration::from_secs(1);

/// All that it takes to be on the bus.
pub struct Station<'a> {
    /// How to reach it, and what is served.
    pub config: &'a Config,
    /// Who this worker is.
    pub instance: &'a str,
    /// The models.
    pub roster: &'a Arc<Roster>,
    /// What is told of the connection.
    pub health: Arc<Health>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

impl Station<'_> {
    /// Subscribes on a connection.
    ///
    /// # Errors
    /// As [`Worker::start`].
    pub async fn open(&self, connection: Connection) -> Result<Worker, Error> {
        Worker::start(
            connection,
            self.config,
            self.instance,
            self.roster,
            Arc::clone(&self.health),
            Arc::clone(&self.metrics),
        )
        .await
    }

    async fn open_anew(&self) -> Result<Worker, Error> {
        let (health, metrics) = (Arc::clone(&self.health), Arc::clone(&self.metrics));
        let connection = connect(&self.config.nats, self.instance, health, metrics).await?;
        self.open(connection).await
    }

    /// Puts another worker in the place of one that lost its connection for
    /// good. There is none while it tries to.
    pub async fn keep(&self, worker: &mut Option<Worker>) -> Infallible {
        loop {
            if let Some(worker) = worker {
                worker.lost().await;
            }
            if let Some(lost) = worker.take() {
                tracing::error!("the client library gave up the connection; making another");
                lost.abandon();
            }
            self.health.set_connected(false);
            match self.open_anew().await {
                Ok(anew) => *worker = Some(anew),
                Err(fault) => {
                    tracing::warn!(reason = %fault, "no connection yet");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}
