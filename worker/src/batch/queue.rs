//! Items that wait for an executor.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::audience::{Audience, Taker};
use super::plan::{self, Budget, Budgets, View};
use crate::wire::call::Lane;

/// For how long after the last query bulk runs are kept short.
const QUERIES_LINGER: Duration = Duration::from_secs(1);

/// How often all that waits is looked through for what nobody wants any more.
const SWEEP: Duration = Duration::from_millis(100);

/// No run is made smaller than this to share work among idle executors, in
/// tokens: shorter runs cost more for each token.
const MIN_SHARE: usize = 64;

/// What decides a row's vector, besides the model: its tokens, and whether it is
/// scaled to unit length.
pub(super) type Text = (Arc<[u32]>, bool);

/// One row of one request, ready to run.
pub(super) struct Asked {
    pub(super) text: Text,
    pub(super) lane: Lane,
    pub(super) taker: Taker,
}

/// One row to compute, for all who asked for it.
pub(super) struct Item {
    pub(super) text: Text,
    pub(super) audience: Arc<Audience>,
}

/// How a queue is run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// Most that one run may hold.
    pub(super) budget: Budget,
    /// Most that a run of bulk may hold while queries come.
    pub(super) bulk_under_queries: Budget,
    /// Compute equal texts once.
    pub(super) deduplicate: bool,
}

/// Where requests of all callers meet; executors take batches out.
pub(super) struct Queue {
    rules: Rules,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// What waits, and what the plan sees of it, place by place.
    items: Vec<Item>,
    views: Vec<View>,
    /// Texts that wait or run, so that equal ones join them.
    texts: HashMap<Text, InFlight>,
    arrivals: u64,
    queries: u64,
    last_query: Option<Instant>,
    last_sweep: Option<Instant>,
    idle: usize,
    closed: bool,
}

/// Where a text is.
struct InFlight {
    audience: Arc<Audience>,
    /// Its place while it waits.
    waits_at: Option<usize>,
}

impl Queue {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            rules,
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Adds the rows of one request; gives how many joined an equal one.
    pub(super) fn push(&self, rows: impl IntoIterator<Item = Asked>) -> usize {
        let mut state = self.state();
        let mut joined = 0;
        for row in rows {
            if row.lane == Lane::Interactive {
                state.last_query = Some(Instant::now());
            }
            if self.rules.deduplicate {
                joined += usize::from(state.join_or_add(row));
            } else {
                state.add(row);
            }
        }
        let wake = state.idle > 0 && !state.items.is_empty();
        drop(state);
        if wake {
            self.changed.notify_one();
        }
        joined
    }

    /// Waits for the next batch: a plan over what is still wanted. `expired`
    /// is told how many items nobody wants any more; those never run. `None`
    /// once the queue is closed and empty.
    pub(super) fn take(&self, expired: impl Fn(usize)) -> Option<Vec<Item>> {
        let mut state = self.state();
        loop {
            let now = Instant::now();
            let dropped = state.sweep(now);
            if dropped > 0 {
                expired(dropped);
            }
            if !state.items.is_empty() {
                let batch = state.take(&self.rules, now);
                let (wanted, unwanted): (Vec<_>, Vec<_>) = batch
                    .into_iter()
                    .partition(|item| item.audience.is_wanted(now));
                if !unwanted.is_empty() {
                    unwanted.iter().for_each(|item| state.forget(item));
                    expired(unwanted.len());
                }
                if wanted.is_empty() {
                    continue;
                }
                if state.idle > 0 && !state.items.is_empty() {
                    self.changed.notify_one();
                }
                return Some(wanted);
            }
            if state.closed {
                return None;
            }
            state.idle += 1;
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    /// Drops at once what [`Self::take`] would drop with the next batch.
    pub(super) fn drop_unwanted(&self, expired: impl Fn(usize)) {
        let dropped = self.state().drop_unwanted(Instant::now());
        if dropped > 0 {
            expired(dropped);
        }
    }

    /// What ran is done: equal texts that come from now on are computed anew.
    pub(super) fn done(&self, batch: &[Item]) {
        if self.rules.deduplicate {
            let mut state = self.state();
            batch.iter().for_each(|item| state.forget(item));
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
    /// Joins an equal text that waits or runs, if there is one; whether it did.
    fn join_or_add(&mut self, mut row: Asked) -> bool {
        if let Some(twin) = self.texts.get(&row.text) {
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
        let (text, waits_at) = (row.text.clone(), Some(self.items.len()));
        let audience = self.add(row);
        self.texts.insert(text, InFlight { audience, waits_at });
        false
    }

    fn add(&mut self, row: Asked) -> Arc<Audience> {
        self.views.push(View {
            tokens: row.text.0.len(),
            arrival: self.arrivals,
            queries: self.queries,
            lane: row.lane,
        });
        self.arrivals += 1;
        self.queries += u64::from(row.lane == Lane::Interactive);
        let audience = Audience::of(row.taker);
        self.items.push(Item {
            text: row.text,
            audience: Arc::clone(&audience),
        });
        audience
    }

    /// Drops what nobody wants any more, now and then; gives how many.
    fn sweep(&mut self, now: Instant) -> usize {
        if self.last_sweep.is_some_and(|last| now - last < SWEEP) {
            return 0;
        }
        self.drop_unwanted(now)
    }

    fn drop_unwanted(&mut self, now: Instant) -> usize {
        self.last_sweep = Some(now);
        // Also of what runs, so that their requests hold no place any more.
        let in_flight = self.texts.values();
        in_flight.for_each(|text| text.audience.let_go(now));
        let before = self.items.len();
        for at in (0..before).rev() {
            if !self.items[at].audience.is_wanted(now) {
                let item = self.remove(at);
                self.forget(&item);
            }
        }
        before - self.items.len()
    }

    fn take(&mut self, rules: &Rules, now: Instant) -> Vec<Item> {
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
            && let Some(in_flight) = self.texts.get_mut(&moved.text)
        {
            in_flight.waits_at = Some(at);
        }
        if let Some(in_flight) = self.texts.get_mut(&item.text) {
            in_flight.waits_at = None;
        }
        item
    }

    /// An equal text that comes later is computed anew.
    fn forget(&mut self, item: &Item) {
        let is_it = |known: &InFlight| Arc::ptr_eq(&known.audience, &item.audience);
        if self.texts.get(&item.text).is_some_and(is_it) {
            self.texts.remove(&item.text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::admission::{Admission, Bounds};
    use crate::batch::pending::{Counted, Interest, Pending, Terms};
    use crate::wire::reply::Answer;
    use crate::wire::vectors::Encoding;
    use tokio::sync::oneshot;
    use tokio_util::sync::CancellationToken;

    const BUDGET: Budget = Budget {
        padded_tokens: 256,
        squared_tokens: 256 * 256,
    };

    fn queue() -> Queue {
        Queue::new(Rules {
            budget: BUDGET,
            bulk_under_queries: BUDGET.at_most(32),
            deduplicate: true,
        })
    }

    type Reply =
        oneshot::Receiver<Result<(Answer, super::super::admission::Ticket), crate::wire::Error>>;

    /// A request of one row with these tokens.
    fn ask(queue: &Queue, ids: &[u32], lane: Lane, interest: &Arc<Interest>) -> (usize, Reply) {
        let (reply, answered) = oneshot::channel();
        let tokens = Counted {
            tokens: u32::try_from(ids.len()).unwrap(),
            truncated: false,
        };
        let terms = Terms {
            space: String::new(),
            encoding: Encoding::F32,
            meta: None,
            received: Instant::now(),
            interest: Arc::clone(interest),
            wait: Duration::ZERO,
            tokenize: Duration::ZERO,
            memo: None,
        };
        let ticket = Admission::new(Bounds::default(), 1).admit(1).unwrap();
        let owner = Arc::new(Pending::new(terms, 1, &[Ok(tokens)], ticket, reply));
        let joined = queue.push([Asked {
            text: (ids.into(), true),
            lane,
            taker: Taker { owner, row: 0 },
        }]);
        (joined, answered)
    }

    fn lasting() -> Arc<Interest> {
        let deadline = Instant::now() + Duration::from_secs(60);
        Interest::until(deadline, CancellationToken::new())
    }

    fn take(queue: &Queue) -> Vec<Item> {
        queue.take(|_| ()).unwrap()
    }

    fn complete(queue: &Queue, batch: &[Item]) {
        for item in batch {
            for taker in item.audience.close() {
                taker.owner.complete(taker.row, &[0.5]);
            }
        }
        queue.done(batch);
    }

    fn vector(mut reply: Reply) -> Vec<f32> {
        reply.try_recv().unwrap().ok().unwrap().0.vectors
    }

    #[test]
    fn equal_texts_that_wait_or_run_are_computed_once_and_answered_each() {
        let (queue, interest) = (queue(), lasting());
        let (alone, first) = ask(&queue, &[1, 2], Lane::Bulk, &interest);
        let (waiting, second) = ask(&queue, &[1, 2], Lane::Bulk, &interest);
        let batch = take(&queue);
        let (running, third) = ask(&queue, &[1, 2], Lane::Bulk, &interest);
        assert_eq!((alone, waiting, running, batch.len()), (0, 1, 1, 1));
        complete(&queue, &batch);
        for reply in [first, second, third] {
            assert_eq!(vector(reply), [0.5]);
        }
    }

    #[test]
    fn a_text_that_comes_after_its_equal_had_its_vector_is_computed_anew() {
        let (queue, interest) = (queue(), lasting());
        let _first = ask(&queue, &[1, 2], Lane::Bulk, &interest);
        complete(&queue, &take(&queue));
        let (joined, _) = ask(&queue, &[1, 2], Lane::Bulk, &interest);
        assert_eq!((joined, take(&queue).len()), (0, 1));
    }

    #[test]
    fn a_query_takes_an_equal_text_of_bulk_along() {
        let (queue, interest) = (queue(), lasting());
        let _older = ask(&queue, &[3; 200], Lane::Bulk, &interest);
        let _bulk = ask(&queue, &[1, 2], Lane::Bulk, &interest);
        let _query = ask(&queue, &[1, 2], Lane::Interactive, &interest);
        let batch = take(&queue);
        assert_eq!(batch[0].text.0[..], [1, 2]);
    }

    #[test]
    fn what_nobody_wants_is_dropped_and_what_one_still_wants_runs() {
        let (queue, gone) = (queue(), lasting());
        let _unwanted = ask(&queue, &[1], Lane::Bulk, &gone);
        let _left = ask(&queue, &[2], Lane::Bulk, &gone);
        let _stays = ask(&queue, &[2], Lane::Bulk, &lasting());
        gone.end();
        let dropped = std::cell::Cell::new(0);
        let batch = queue.take(|items| dropped.set(dropped.get() + items));
        let ids: Vec<_> = batch.unwrap().iter().map(|item| item.text.0[0]).collect();
        assert_eq!((ids, dropped.get()), (vec![2], 1));
    }

    #[test]
    fn runs_of_bulk_are_short_while_queries_come() {
        let (queue, interest) = (queue(), lasting());
        let fill = || {
            for id in 0..32 {
                let _reply = ask(&queue, &[id; 16], Lane::Bulk, &interest);
            }
        };
        fill();
        assert_eq!(take(&queue).len(), 16);
        let _query = ask(&queue, &[99], Lane::Interactive, &interest);
        assert_eq!(take(&queue).len(), 1);
        assert_eq!(take(&queue).len(), 2);
    }
}
