//! One subscription: from the first message to an orderly leave.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use async_nats::{Client, Message, Subscriber};
use futures_util::StreamExt as _;
use tokio::sync::watch;

/// Arrivals from which the rate of traffic is read.
const RATE_SAMPLES: usize = 64;

/// How much traffic the hand-over counts ahead: longer than the way to the
/// server, so that it still accepts the count.
const MARGIN: Duration = Duration::from_millis(50);

/// Time given to reach a count. Without a message in it, traffic is too thin;
/// with some, the rate was overrated and the next count is nearer.
const ROUND: Duration = Duration::from_millis(150);

/// Counts that are tried, so that leaving ends within seconds.
const MAX_ROUNDS: usize = 20;

/// Hands every message to `take` until `stop` turns true, then leaves.
///
/// Leaving is by count: server and client agree on the last message, so none
/// is lost between them, which neither `unsubscribe` nor `drain` of the client
/// library gives (it forgets a subscription before the server does). They agree
/// while their counts do: a server counts anew for every connection, the library
/// does not, and then forgets a subscription that the server still serves.
pub(super) async fn run<F: Future<Output = ()>>(
    client: &Client,
    mut subscriber: Subscriber,
    mut stop: watch::Receiver<bool>,
    take: impl Fn(Message) -> F,
) {
    let connects = || client.statistics().connects.load(Ordering::Relaxed);
    let subscribed_on = connects();
    let mut arrivals = Arrivals::default();
    loop {
        tokio::select! {
            // In random order: a flood must not keep the word to stop away.
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
    for _ in 0..MAX_ROUNDS {
        let before = arrivals.count;
        let last = before + arrivals.within(MARGIN, Instant::now());
        if connects() != subscribed_on || subscriber.unsubscribe_after(last).await.is_err() {
            break;
        }
        let end = tokio::time::Instant::now() + ROUND;
        while let Ok(message) = tokio::time::timeout_at(end, subscriber.next()).await {
            let Some(message) = message else { return };
            arrivals.note(Instant::now());
            take(message).await;
        }
        if arrivals.count == before {
            break;
        }
    }
    // Nothing came for a while, so hardly anything is on its way; or there is no
    // count to agree on, and what is on its way now may be lost.
    if subscriber.drain().await.is_ok() {
        while let Ok(Some(message)) = tokio::time::timeout(ROUND, subscriber.next()).await {
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
