//! One subscription: from the first message to an orderly leave.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use async_nats::{Client, Message, Subscriber};
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::watch;

/// Arrivals from which the rate of traffic is read.
const RATE_SAMPLES: usize = 64;

/// How much traffic the hand-over counts ahead: longer than the way to the
/// server, so that it still accepts the count.
const MARGIN: Duration = Duration::from_millis(50);

/// Silence after which traffic is too thin to reach a count.
const QUIET: Duration = Duration::from_millis(150);

/// Time given to reach a count: past it the rate was overrated, and the next
/// count is nearer.
const ROUND: Duration = Duration::from_secs(1);

/// Unread messages that are taken before a count, so that a flood has an end.
const MAX_UNREAD: usize = 4096;

/// Counts that are tried, so that leaving ends within seconds.
const MAX_ROUNDS: usize = 20;

/// The subscription ended, and nobody had said that it should.
pub(super) struct Ended;

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
) -> Result<(), Ended> {
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
                None => return Err(Ended),
            },
            () = stopped(&mut stop) => break,
        }
    }
    for _ in 0..MAX_ROUNDS {
        // What lies here unread is counted by the library already.
        for _ in 0..MAX_UNREAD {
            let Some(Some(message)) = subscriber.next().now_or_never() else {
                break;
            };
            arrivals.note(Instant::now());
            take(message).await;
        }
        let before = arrivals.count;
        let last = before + arrivals.within(MARGIN, Instant::now());
        if connects() != subscribed_on || subscriber.unsubscribe_after(last).await.is_err() {
            break;
        }
        let end = tokio::time::Instant::now() + ROUND;
        let quiet = || end.min(tokio::time::Instant::now() + QUIET);
        while let Ok(message) = tokio::time::timeout_at(quiet(), subscriber.next()).await {
            let Some(message) = message else {
                return Ok(());
            };
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
        while let Ok(Some(message)) = tokio::time::timeout(QUIET, subscriber.next()).await {
            take(message).await;
        }
    }
    Ok(())
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

    /// Messages expected within `span`: by their rate, and at least one more than
    /// the largest burst, since callers who wait for one batch ask in step.
    fn within(&self, span: Duration, now: Instant) -> u64 {
        let Some(first) = self.latest.front() else {
            return 1;
        };
        let elapsed = (now - *first).as_secs_f64().max(1e-3);
        let expected = self.latest.len() as f64 / elapsed * span.as_secs_f64();
        let burst = |from: &Instant| {
            let since = self.latest.iter().filter(|at| *at >= from);
            since.filter(|at| **at - *from < span).count() as u64
        };
        let largest = self.latest.iter().map(burst).max().unwrap_or(0);
        (expected.ceil() as u64).max(largest + 1)
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
