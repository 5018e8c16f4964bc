//! Which attempts are in flight here, by the ids that callers gave them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::tombstones::Tombstones;
use crate::wire::cancel::AttemptId;

/// Attempts that can be cancelled. Admission bounds those in flight.
#[derive(Default)]
pub(super) struct Attempts(Mutex<State>);

#[derive(Default)]
struct State {
    in_flight: HashMap<AttemptId, InFlight>,
    tombstones: Tombstones,
}

/// An id in use. It should name one request; of several, all are cancelled.
struct InFlight {
    cancelled: CancellationToken,
    requests: usize,
}

/// One request among them, until it is dropped.
pub(super) struct Attempt {
    attempts: Arc<Attempts>,
    id: Option<AttemptId>,
    cancelled: CancellationToken,
}

impl Attempts {
    /// Notes a request. It is cancelled already where its cancel came first;
    /// without an id it never is.
    pub(super) fn enter(self: &Arc<Self>, id: Option<AttemptId>, now: Instant) -> Attempt {
        let cancelled = match id {
            Some(id) => self.state().enter(id, now),
            None => CancellationToken::new(),
        };
        Attempt {
            attempts: Arc::clone(self),
            id,
            cancelled,
        }
    }

    /// Cancels what is in flight of these, and remembers them all; whether any
    /// was in flight here.
    pub(super) fn cancel(&self, ids: &[AttemptId], now: Instant) -> bool {
        let mut state = self.state();
        let mut found = Vec::new();
        for id in ids {
            state.tombstones.add(*id, now);
            let in_flight = state.in_flight.get(id);
            found.extend(in_flight.map(|in_flight| in_flight.cancelled.clone()));
        }
        drop(state);
        // Unlocked: it wakes those who wait.
        found.iter().for_each(CancellationToken::cancel);
        !found.is_empty()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn enter(&mut self, id: AttemptId, now: Instant) -> CancellationToken {
        let in_flight = self.in_flight.entry(id).or_insert_with(|| InFlight {
            cancelled: CancellationToken::new(),
            requests: 0,
        });
        in_flight.requests += 1;
        if self.tombstones.has(id, now) {
            in_flight.cancelled.cancel();
        }
        in_flight.cancelled.clone()
    }

    fn leave(&mut self, id: AttemptId) {
        if let Some(in_flight) = self.in_flight.get_mut(&id) {
            in_flight.requests -= 1;
            if in_flight.requests == 0 {
                self.in_flight.remove(&id);
            }
        }
    }
}

impl Attempt {
    /// Fires when the caller has given it up.
    pub(super) fn cancelled(&self) -> CancellationToken {
        self.cancelled.clone()
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.attempts.state().leave(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(digit: &str) -> AttemptId {
        AttemptId::parse(&digit.repeat(32)).unwrap()
    }

    #[test]
    fn an_attempt_is_cancelled_whether_its_cancel_comes_before_or_after_it() {
        let (attempts, now) = (Arc::<Attempts>::default(), Instant::now());
        let after = attempts.enter(Some(id("a")), now);
        let untouched = attempts.enter(Some(id("b")), now);
        let nameless = attempts.enter(None, now);
        assert!(attempts.cancel(&[id("a"), id("c")], now));
        let before = attempts.enter(Some(id("c")), now);
        assert!(after.cancelled().is_cancelled() && before.cancelled().is_cancelled());
        assert!(!untouched.cancelled().is_cancelled());
        assert!(!nameless.cancelled().is_cancelled());
    }

    #[test]
    fn what_is_over_is_not_held_and_an_id_used_twice_is_cancelled_twice() {
        let (attempts, now) = (Arc::<Attempts>::default(), Instant::now());
        let pair = [(); 2].map(|()| attempts.enter(Some(id("a")), now));
        let [first, second] = pair;
        drop(first);
        assert!(attempts.cancel(&[id("a")], now));
        assert!(second.cancelled().is_cancelled());
        drop(second);
        assert!(!attempts.cancel(&[id("a")], now));
        assert!(attempts.state().in_flight.is_empty());
    }
}
