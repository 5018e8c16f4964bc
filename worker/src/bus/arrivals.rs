//! How many messages came, and how fast.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Arrivals from which the rate of traffic is read.
const RATE_SAMPLES: usize = 64;

/// The messages of one subscription.
#[derive(Default)]
pub(super) struct Arrivals {
    count: u64,
    latest: VecDeque<Instant>,
}

impl Arrivals {
    /// How many there were.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// One came.
    pub(super) fn note(&mut self, now: Instant) {
        self.count += 1;
        if self.latest.len() == RATE_SAMPLES {
            self.latest.pop_front();
        }
        self.latest.push_back(now);
    }

    /// Messages expected within `span`: by their rate, and at least one more than
    /// the largest burst, since callers who wait for one batch ask in step.
    pub(super) fn within(&self, span: Duration, now: Instant) -> u64 {
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

    const SPAN: Duration = Duration::from_millis(50);

    #[test]
    fn what_is_expected_follows_the_rate_of_the_latest_messages() {
        let start = Instant::now();
        let mut arrivals = Arrivals::default();
        assert_eq!(arrivals.within(SPAN, start), 1);
        for at in 0..1000 {
            arrivals.note(start + Duration::from_micros(500 * at));
        }
        let expected = arrivals.within(SPAN, start + Duration::from_micros(500 * 1000));
        assert_eq!((arrivals.count(), expected), (1000, 100));
    }
}
