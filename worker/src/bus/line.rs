//! The connection beneath the subscriptions: which one it is, and when it went.
//!
//! The client library subscribes again by itself on every new connection, but
//! goes on counting where the server starts anew, and a leave by count needs one
//! count. So each intake gives its subscription up while there is no connection,
//! and makes another.

use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_nats::{Client, Statistics};
use futures_util::FutureExt as _;
use tokio::sync::{OwnedRwLockReadGuard, RwLock, watch};

/// Longest that a new connection waits for the old subscriptions to be given up.
/// Past it the library serves them again, and a leave may lose what is on its way.
const HAND_OVER: Duration = Duration::from_secs(1);

/// Counts the connections that were made, from 1, and tells which was lost last.
#[derive(Default)]
pub(super) struct Line {
    made: OnceLock<Arc<Statistics>>,
    lost: watch::Sender<u64>,
    subscribed: Arc<RwLock<()>>,
}

/// A subscription's hold on one connection; the next one waits until it is let go.
pub(super) struct Hold {
    connection: u64,
    _until_given_up: OwnedRwLockReadGuard<()>,
}

impl Line {
    /// From now on connections are counted; the first one is made.
    pub(super) fn watch(&self, client: &Client) {
        // Set once: a line belongs to one client.
        let _ = self.made.set(client.statistics());
    }

    /// Called before every attempt to connect. Before the first one after a loss
    /// it waits until every subscription of the lost connection was given up.
    pub(super) async fn before_attempt(&self) {
        let made = self.made();
        if *self.lost.borrow() == made {
            return;
        }
        // In line before anybody is told: who subscribes anew comes after us.
        let mut given_up = pin!(self.subscribed.write());
        let nobody_subscribed = given_up.as_mut().now_or_never();
        self.lost.send_replace(made);
        if nobody_subscribed.is_none() {
            let _ = tokio::time::timeout(HAND_OVER, given_up).await;
        }
    }

    /// To be taken before a subscription is made, and let go after it was given up.
    pub(super) async fn hold(&self) -> Hold {
        let guard = Arc::clone(&self.subscribed).read_owned().await;
        Hold {
            connection: self.made().max(*self.lost.borrow() + 1),
            _until_given_up: guard,
        }
    }

    /// Waits until the held connection is lost.
    pub(super) async fn lost(&self, hold: &Hold) {
        let mut lost = self.lost.subscribe();
        // The sender lives as long as we do.
        let _ = lost.wait_for(|lost| *lost >= hold.connection).await;
    }

    /// Whether the held connection is the one that is used now.
    pub(super) fn serves(&self, hold: &Hold) -> bool {
        self.made() == hold.connection && *self.lost.borrow() < hold.connection
    }

    fn made(&self) -> u64 {
        let connects = |made: &Arc<Statistics>| made.connects.load(Ordering::Relaxed);
        self.made.get().map_or(0, connects)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connected() -> (Line, Arc<Statistics>) {
        let line = Line::default();
        let made = Arc::new(Statistics::default());
        made.connects.store(1, Ordering::Relaxed);
        line.made.set(Arc::clone(&made)).unwrap();
        (line, made)
    }

    #[tokio::test]
    async fn a_new_connection_waits_until_the_old_subscriptions_were_given_up() {
        let (line, made) = connected();
        let hold = line.hold().await;
        assert!(line.serves(&hold));
        let mut attempt = Box::pin(line.before_attempt());
        assert!(attempt.as_mut().now_or_never().is_none());
        line.lost(&hold).await;
        assert!(!line.serves(&hold));
        drop(hold);
        attempt.await;

        let next = line.hold().await;
        assert!(!line.serves(&next), "it is still to be made");
        // A further attempt for the same connection waits for nobody.
        assert!(line.before_attempt().now_or_never().is_some());
        made.connects.store(2, Ordering::Relaxed);
        assert!(line.serves(&next));
    }
}
