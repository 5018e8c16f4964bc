//! Items that wait for an executor.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::pending::Pending;
use super::plan::{self, Budget, View};
use crate::wire::call::Lane;

/// One row of one request, ready to run.
pub(super) struct Item {
    pub(super) ids: Vec<u32>,
    pub(super) lane: Lane,
    pub(super) row: usize,
    pub(super) owner: Arc<Pending>,
}

/// Where requests of all callers meet; executors take batches out.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<Waiting>,
    arrivals: u64,
    queries: u64,
    closed: bool,
}

struct Waiting {
    item: Item,
    arrival: u64,
    queries: u64,
}

impl Queue {
    /// Adds the items of one request.
    pub(super) fn push(&self, items: Vec<Item>) {
        let mut state = self.state();
        for item in items {
            let (arrival, queries) = (state.arrivals, state.queries);
            state.arrivals += 1;
            state.queries += u64::from(item.lane == Lane::Interactive);
            state.waiting.push(Waiting {
                item,
                arrival,
                queries,
            });
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Waits for the next batch: a plan over what is still wanted. `expired`
    /// is told how many items nobody wants any more; those never run. `None`
    /// once the queue is closed and empty.
    pub(super) fn take(&self, budget: Budget, expired: impl Fn(usize)) -> Option<Vec<Item>> {
        let mut state = self.state();
        loop {
            let before = state.waiting.len();
            let now = Instant::now();
            state
                .waiting
                .retain(|waiting| waiting.item.owner.is_wanted(now));
            if state.waiting.len() < before {
                expired(before - state.waiting.len());
            }
            if !state.waiting.is_empty() {
                return Some(state.take(budget));
            }
            if state.closed {
                return None;
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Lets executors end when what waits is done.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, budget: Budget) -> Vec<Item> {
        let views: Vec<View> = self
            .waiting
            .iter()
            .map(|waiting| View {
                tokens: waiting.item.ids.len(),
                arrival: waiting.arrival,
                queries: waiting.queries,
                lane: waiting.item.lane,
            })
            .collect();
        let mut batch = plan::next_batch(&views, budget);
        // From the back, so that the swaps do not move what is still to go.
        batch.sort_unstable();
        let taken = batch.into_iter().rev();
        taken.map(|at| self.waiting.swap_remove(at).item).collect()
    }
}
