//! Attempts that were cancelled, remembered for a while: a cancel and its request
//! come by two subscriptions, at times by two servers, and either may be first.

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use crate::wire::cancel::AttemptId;
use crate::wire::protocol;

/// How long each is remembered.
const LIFETIME: Duration = Duration::from_millis(protocol::TOMBSTONE_MS);

/// Bounded in number and in time; every worker hears the cancels of all.
#[derive(Default)]
pub(super) struct Tombstones {
    ids: HashSet<AttemptId>,
    oldest_first: VecDeque<(Instant, AttemptId)>,
}

impl Tombstones {
    /// Remembers one; the oldest makes room.
    pub(super) fn add(&mut self, id: AttemptId, now: Instant) {
        self.forget_expired(now);
        if !self.ids.insert(id) {
            return;
        }
        self.oldest_first.push_back((now, id));
        if self.oldest_first.len() > protocol::MAX_TOMBSTONES {
            self.forget_oldest();
        }
    }

    /// Whether this one was cancelled lately.
    pub(super) fn has(&mut self, id: AttemptId, now: Instant) -> bool {
        self.forget_expired(now);
        self.ids.contains(&id)
    }

    fn forget_expired(&mut self, now: Instant) {
        let expired =
            |(since, _): &(Instant, AttemptId)| now.saturating_duration_since(*since) >= LIFETIME;
        while self.oldest_first.front().is_some_and(expired) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, id)) = self.oldest_first.pop_front() {
            self.ids.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> AttemptId {
        AttemptId::parse(&format!("{number:032x}")).unwrap()
    }

    #[test]
    fn a_tombstone_lasts_its_time_and_no_longer() {
        let (mut tombstones, start) = (Tombstones::default(), Instant::now());
        tombstones.add(id(1), start);
        tombstones.add(id(2), start + LIFETIME / 2);
        // Cancelled again: it does not last longer for that.
        tombstones.add(id(1), start + LIFETIME / 2);
        let almost = start + LIFETIME - Duration::from_millis(1);
        assert!(tombstones.has(id(1), almost) && tombstones.has(id(2), almost));
        assert!(!tombstones.has(id(1), start + LIFETIME));
        assert!(tombstones.has(id(2), start + LIFETIME));
        assert!(!tombstones.has(id(2), start + 2 * LIFETIME));
        assert!(tombstones.ids.is_empty() && tombstones.oldest_first.is_empty());
    }

    #[test]
    fn there_are_never_more_than_the_limit_and_the_oldest_goes_first() {
        let (mut tombstones, now) = (Tombstones::default(), Instant::now());
        for number in 0..2 * protocol::MAX_TOMBSTONES {
            tombstones.add(id(number), now);
            assert!(tombstones.ids.len() <= protocol::MAX_TOMBSTONES);
            assert_eq!(tombstones.ids.len(), tombstones.oldest_first.len());
        }
        assert!(!tombstones.has(id(protocol::MAX_TOMBSTONES - 1), now));
        assert!(tombstones.has(id(protocol::MAX_TOMBSTONES), now));
    }
}
