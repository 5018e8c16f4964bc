//! One subscription: from the first message to an orderly leave.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use async_nats::{Message, Subscriber};
use futures_util::StreamExt as _;
use tokio::sync::watch;

/// Arrivals from which the rate of traffic is read.
const RATE_SAMPLES: usize = 64;

/// How much traffic the hand-over counts ahead: longer than the way to the
/// server, so that it still accepts the count.
const MARGIN: Duration = Duration::from_millis(50);

/// Silence after which traffic is too thin to reach the count.
const QUIET: Duration = Duration::from_millis(150);

/// Hands every message to `take` until `stop` turns true, then leaves.
///
/// Leaving is by count: server and client agree on the last message, so none
/// is lost between them, which neither `unsubscribe` nor `drain` of the client
/// library gives (it forgets a subscription before the server does).
pub(super) async fn run<F: Future<Output = ()>>(
    mut subscriber: Subscriber,
    mut stop: watch::Receiver<bool>,
    take: impl Fn(Message) -> F,
) {
    let mut arrivals = Arrivals::default();
    loop {
        tokio::select! {
            // Traffic first: what has arrived is ours.
            biased;
            message = subscriber.next() => match message {
                Some(message) => {
                    arrivals.note(Instant::now());
                    take(message).await;
                }
                None => return,
            },
            () = stopped(&mut stop) => break,
        }
    }
    let last = arrivals.count + arrivals.within(MARGIN, Instant::now());
    if subscriber.unsubscribe_after(last).await.is_ok() {
        while let Ok(message) = tokio::time::timeout(QUIET, subscriber.next()).await {
            match message {
                Some(message) => take(message).await,
                None => return,
            }
        }
    }
    // Too thin to reach the count: nothing came for a while, so hardly anything
    // is on its way.
    if subscriber.drain().await.is_ok() {
        while let Ok(Some(message)) = tokio::time::timeout(QUIET, subscriber.next()).await {
            take(message).await;
        }
    }
}

/// Waits for the word to stop; a sender that is gone is as good.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// How many messages came, and how fast.
#[derive(Default)]
struct Arrivals {
    count: u64,
    latest: VecDeque<Instant>,
}

impl Arrivals {
    fn note(&mut self, now: Instant) {
        self.count += 1;
        if self.latest.len() == RATE_SAMPLES {
            self.latest.pop_front();
        }
        self.latest.push_back(now);
    }

    /// Messages expected within `span`, at least one.
    fn within(&self, span: Duration, now: Instant) -> u64 {
        let Some(first) = self.latest.front() else {
            return 1;
        };
        let elapsed = (now - *first).as_secs_f64().max(1e-3);
        let expected = self.latest.len() as f64 / elapsed * span.as_secs_f64();
        (expected.ceil() as u64).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_margin_follows_the_rate_of_the_latest_messages() {
        let start = Instant::now();
        let mut arrivals = Arrivals::default();
        assert_eq!(arrivals.within(MARGIN, start), 1);
        for at in 0..1000 {
            arrivals.note(start + Duration::from_micros(500 * at));
        }
        let margin = arrivals.within(MARGIN, start + Duration::from_micros(500 * 1000));
        assert_eq!((arrivals.count, margin), (1000, 100));
    }
}
