//! What waits for an executor, and who joins what.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::audience::{Audience, Taker};
use super::content::Content;
use super::plan::{self, Budgets, View};
use super::queue::Rules;
use crate::wire::call::Lane;

/// For how long after the last query bulk runs are kept short.
const QUERIES_LINGER: Duration = Duration::from_secs(1);

/// How often all that waits is looked through for what nobody wants any more.
const SWEEP: Duration = Duration::from_millis(100);

/// Sweeps out of turn take at most one part in so many of the time.
const SWEEP_SHARE: u32 = 10;

/// No run is made smaller than this to share work among idle executors, in
/// tokens: shorter runs cost more for each token.
const MIN_SHARE: usize = 64;

/// One row of one request, ready to run.
pub(super) struct Asked {
    pub(super) content: Content,
    pub(super) lane: Lane,
    pub(super) taker: Taker,
}

/// One row to compute, for all who asked for it.
pub(super) struct Item {
    pub(super) content: Content,
    pub(super) audience: Arc<Audience>,
}

/// Rows that wait, and the texts that wait or run.
#[derive(Default)]
pub(super) struct Waiting {
    /// What waits, and what the plan sees of it, place by place.
    pub(super) items: Vec<Item>,
    views: Vec<View>,
    /// Texts that wait or run, so that equal ones join them.
    texts: HashMap<Content, InFlight>,
    arrivals: u64,
    queries: u64,
    last_query: Option<Instant>,
    last_sweep: Option<Instant>,
    sweep_took: Duration,
    /// Executors that wait for work.
    pub(super) idle: usize,
    /// One of them has been woken and is on its way.
    pub(super) waking: bool,
    pub(super) closed: bool,
}

/// Where a text is.
struct InFlight {
    audience: Arc<Audience>,
    /// Its place while it waits.
    waits_at: Option<usize>,
}

impl Waiting {
    /// Joins an equal text that waits or runs, if there is one; whether it did.
    pub(super) fn join_or_add(&mut self, mut row: Asked) -> bool {
        if let Some(twin) = self.texts.get(&row.content) {
            match twin.audience.join(row.taker) {
                Ok(()) => {
                    let place = twin.waits_at.filter(|_| row.lane == Lane::Interactive);
                    if let Some(view) = place.and_then(|at| self.views.get_mut(at)) {
                        view.lane = Lane::Interactive;
                    }
                    return true;
                }
                // It has just got its vector.
                Err(taker) => row.taker = taker,
            }
        }
        let (content, waits_at) = (row.content.clone(), Some(self.items.len()));
        let audience = self.add(row);
        self.texts.insert(content, InFlight { audience, waits_at });
        false
    }

    /// Adds a row that joins none.
    pub(super) fn add(&mut self, row: Asked) -> Arc<Audience> {
        self.views.push(View {
            tokens: row.content.tokens(),
            arrival: self.arrivals,
            queries: self.queries,
            lane: row.lane,
        });
        self.arrivals += 1;
        if row.lane == Lane::Interactive {
            self.queries += 1;
            self.last_query = Some(Instant::now());
        }
        let audience = Audience::of(row.taker);
        self.items.push(Item {
            content: row.content,
            audience: Arc::clone(&audience),
        });
        audience
    }

    /// Drops what nobody wants any more, now and then; gives how many.
    pub(super) fn sweep_in_turn(&mut self, now: Instant) -> usize {
        self.sweep(now, SWEEP)
    }

    /// The same at once: who cancels often must not keep executors from the queue.
    pub(super) fn sweep_out_of_turn(&mut self, now: Instant) -> usize {
        self.sweep(now, self.sweep_took * SWEEP_SHARE)
    }

    /// Drops what nobody wants any more, unless that was done within `pause`.
    fn sweep(&mut self, now: Instant, pause: Duration) -> usize {
        if self.last_sweep.is_some_and(|last| now - last < pause) {
            return 0;
        }
        self.last_sweep = Some(now);
        // Where equal texts are looked for, also of what runs, so that their
        // requests hold no place any more.
        let in_flight = self.texts.values();
        in_flight.for_each(|text| text.audience.let_go(now));
        let before = self.items.len();
        for at in (0..before).rev() {
            if !self.items[at].audience.is_wanted(now) {
                let item = self.remove(at);
                self.forget(&item);
            }
        }
        self.sweep_took = now.elapsed();
        before - self.items.len()
    }

    /// Whether an executor is to be woken now: one at a time, since waking costs
    /// more than small work does. Who was woken wakes the next if it leaves some.
    pub(super) fn is_due_to_wake(&mut self) -> bool {
        let due = self.idle > 0 && !self.waking && !self.items.is_empty();
        self.waking |= due;
        due
    }

    /// For whom the next run would be: a query, if any waits.
    pub(super) fn lane(&self) -> Lane {
        let is_query = |view: &View| view.lane == Lane::Interactive;
        match self.views.iter().any(is_query) {
            true => Lane::Interactive,
            false => Lane::Bulk,
        }
    }

    /// The next batch; empty only where nothing waits.
    pub(super) fn take(&mut self, rules: &Rules, now: Instant) -> Vec<Item> {
        let queries_come = self
            .last_query
            .is_some_and(|last| now - last < QUERIES_LINGER);
        // Executors that wait have a share in what is there.
        let tokens: usize = self.views.iter().map(|view| view.tokens).sum();
        let share = (tokens / (self.idle + 1)).max(MIN_SHARE);
        let bulk = if queries_come {
            rules.bulk_under_queries
        } else {
            rules.budget
        };
        let budgets = Budgets {
            queries: rules.budget.at_most(share),
            bulk: bulk.at_most(share),
        };
        let mut batch = plan::next_batch(&self.views, budgets);
        // From the back, so that the swaps do not move what is still to go.
        batch.sort_unstable();
        batch.into_iter().rev().map(|at| self.remove(at)).collect()
    }

    /// Takes an item out; the last one moves to its place.
    fn remove(&mut self, at: usize) -> Item {
        self.views.swap_remove(at);
        let item = self.items.swap_remove(at);
        if let Some(moved) = self.items.get(at)
            && let Some(in_flight) = self.texts.get_mut(&moved.content)
        {
            in_flight.waits_at = Some(at);
        }
        if let Some(in_flight) = self.texts.get_mut(&item.content) {
            in_flight.waits_at = None;
        }
        item
    }

    /// An equal text that comes later is computed anew.
    pub(super) fn forget(&mut self, item: &Item) {
        let is_it = |known: &InFlight| Arc::ptr_eq(&known.audience, &item.audience);
        if self.texts.get(&item.content).is_some_and(is_it) {
            self.texts.remove(&item.content);
        }
    }
}
