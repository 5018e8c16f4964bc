//! One model's subscriptions: how it is offered on the bus, and how that ends.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio_util::task::AbortOnDropHandle;

use super::connect::Error;
use super::endpoint::Endpoint;
use super::intake::Intake;
use super::worker::spawn;
use crate::roster::Slot;

/// A model's place on one connection.
pub(super) struct Post {
    pub(super) slot: Arc<Slot>,
    endpoints: Vec<(Arc<Intake>, Arc<Endpoint>)>,
    /// Rings when a subscription ends by itself.
    lost: Arc<Notify>,
    offered: Mutex<Offered>,
}

enum Offered {
    No,
    Yes(Offer),
    /// The worker leaves.
    NoMore,
}

/// Subscriptions that are taken from.
pub(super) struct Offer {
    stop: watch::Sender<Option<Duration>>,
    intakes: Vec<AbortOnDropHandle<()>>,
}

impl Post {
    pub(super) fn new(
        slot: Arc<Slot>,
        endpoints: Vec<(Arc<Intake>, Arc<Endpoint>)>,
        lost: Arc<Notify>,
    ) -> Self {
        Self {
            slot,
            endpoints,
            lost,
            offered: Mutex::new(Offered::No),
        }
    }

    /// Joins the queue group with every endpoint, if it has not; whether it is in
    /// it then. It is not, where the worker leaves.
    ///
    /// # Errors
    /// [`Error::Subscribe`].
    pub(super) async fn join(&self) -> Result<bool, Error> {
        match &*self.offered() {
            Offered::No => {}
            Offered::Yes(_) => return Ok(true),
            Offered::NoMore => return Ok(false),
        }
        let (stop, stopped) = watch::channel(None);
        let mut intakes = Vec::new();
        for (intake, endpoint) in &self.endpoints {
            let subscription = intake.subscribe().await?;
            let (intake, endpoint) = (Arc::clone(intake), Arc::clone(endpoint));
            let (stopped, lost) = (stopped.clone(), Arc::clone(&self.lost));
            intakes.push(spawn(async move {
                let take = |message| endpoint.take(message);
                if intake.run(subscription, stopped, take).await.is_err() {
                    lost.notify_one();
                }
            }));
        }
        let offer = Offer { stop, intakes };
        let is_offered = {
            let mut offered = self.offered();
            match *offered {
                Offered::No => {
                    *offered = Offered::Yes(offer);
                    return Ok(true);
                }
                // By somebody else meanwhile.
                Offered::Yes(_) => true,
                Offered::NoMore => false,
            }
        };
        offer.end(Duration::ZERO).await;
        Ok(is_offered)
    }

    /// Leaves the queue group, having taken what was on its way. A message takes
    /// `round_trip` to the server and back.
    pub(super) async fn leave(&self, round_trip: Duration) {
        let offer = {
            let mut offered = self.offered();
            match std::mem::replace(&mut *offered, Offered::No) {
                Offered::Yes(offer) => offer,
                as_it_was => {
                    *offered = as_it_was;
                    return;
                }
            }
        };
        offer.end(round_trip).await;
    }

    /// Takes what is offered, for good.
    pub(super) fn close(&self) -> Option<Offer> {
        match std::mem::replace(&mut *self.offered(), Offered::NoMore) {
            Offered::Yes(offer) => Some(offer),
            Offered::No | Offered::NoMore => None,
        }
    }

    fn offered(&self) -> MutexGuard<'_, Offered> {
        self.offered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Offer {
    /// Tells every intake to leave.
    pub(super) fn stop(&self, round_trip: Duration) {
        // Nobody fails to hear this: every intake holds a receiver.
        let _ = self.stop.send(Some(round_trip));
    }

    /// Waits until they have left.
    pub(super) async fn end(self, round_trip: Duration) {
        self.stop(round_trip);
        for intake in self.intakes {
            let _ = intake.await;
        }
    }
}
