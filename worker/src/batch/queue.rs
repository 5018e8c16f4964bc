//! Where requests of all callers meet, and executors wait for work.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::plan::Budget;
use super::processors::{Grant, Share};
use super::waiting::{Asked, Item, Waiting};
use crate::wire::call::Lane;

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
    share: Share,
    state: Mutex<Waiting>,
    changed: Condvar,
}

impl Queue {
    /// `share` is what its executors may take of the processors.
    pub(super) fn new(rules: Rules, share: Share) -> Self {
        Self {
            rules,
            share,
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Adds the rows of one request; gives how many joined an equal one.
    pub(super) fn push(&self, rows: impl IntoIterator<Item = Asked>) -> usize {
        let mut state = self.state();
        if state.closed {
            // Dropping the rows answers them.
            return 0;
        }
        let (mut joined, mut queries) = (0, false);
        for row in rows {
            queries |= row.lane == Lane::Interactive;
            if self.rules.deduplicate {
                joined += usize::from(state.join_or_add(row));
            } else {
                state.add(row);
            }
        }
        let wake = state.is_due_to_wake();
        drop(state);
        if wake {
            self.changed.notify_one();
        }
        if queries {
            self.share.hurry();
        }
        joined
    }

    /// Waits for the next batch, a plan over what is still wanted, and for the
    /// processors that it runs on. `expired` is told how many items nobody wants any
    /// more; those never run. `None` once the queue is closed and empty.
    pub(super) fn take(&self, expired: impl Fn(usize)) -> Option<(Vec<Item>, Grant)> {
        let mut state = self.state();
        let mut grant = None;
        loop {
            let now = Instant::now();
            let dropped = state.sweep_in_turn(now);
            if dropped > 0 {
                expired(dropped);
            }
            if !state.items.is_empty() {
                if grant.is_none() && self.share.is_scarce() {
                    // Before anything is chosen: a query that comes while processors
                    // are waited for is not behind what was chosen before it came.
                    let lane = state.lane();
                    drop(state);
                    grant = Some(self.share.take(lane));
                    state = self.state();
                    continue;
                }
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
                let wake = state.is_due_to_wake();
                drop(state);
                if wake {
                    self.changed.notify_one();
                }
                let grant = grant.unwrap_or_else(|| self.share.free());
                return Some((wanted, grant));
            }
            if state.closed {
                return None;
            }
            // Others can use them meanwhile.
            grant = None;
            state.idle += 1;
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
            state.waking = false;
        }
    }

    /// Drops at once what [`Self::take`] would drop with the next batch, unless
    /// looking takes long and it has just been done.
    pub(super) fn drop_unwanted(&self, expired: impl Fn(usize)) {
        let dropped = self.state().sweep_out_of_turn(Instant::now());
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

    fn state(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::batch::admission::{Admission, Bounds};
    use crate::batch::audience::Taker;
    use crate::batch::content::{Content, Payload};
    use crate::batch::finish::Finish;
    use crate::batch::pending::{Counted, Interest, Pending, Terms};
    use crate::batch::processors::Processors;
    use crate::models::{Options, RowOutput, Shape};
    use crate::wire::joint::Kind;
    use crate::wire::reply::Answer;
    use crate::wire::vectors::Encoding;
    use tokio::sync::oneshot;
    use tokio_util::sync::CancellationToken;

    const BUDGET: Budget = Budget {
        padded_tokens: 256,
        squared_tokens: 256 * 256,
    };

    const SHAPE: Shape = Shape {
        dense: 1,
        sparse: false,
        colbert: 0,
    };

    const HALF: RowOutput<'_> = RowOutput {
        dense: &[0.5],
        sparse: None,
        colbert: None,
    };

    fn ids(item: &Item) -> &[u32] {
        item.content.row().ids()
    }

    fn queue() -> Queue {
        let rules = Rules {
            budget: BUDGET,
            bulk_under_queries: BUDGET.at_most(32),
            deduplicate: true,
        };
        Queue::new(rules, Processors::new(1).share(1, 1))
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
            normalize: true,
            finish: Finish::Vectors(&[Kind::Dense]),
            meta: None,
            received: Instant::now(),
            interest: Arc::clone(interest),
            wait: Duration::ZERO,
            tokenize: Duration::ZERO,
            memo: None,
        };
        let ticket = Admission::new(Bounds::default(), 1).admit(1).unwrap();
        let owner = Arc::new(Pending::new(terms, SHAPE, &[Ok(tokens)], ticket, reply));
        let joined = queue.push([Asked {
            content: Content {
                payload: Payload::Tokens {
                    ids: ids.into(),
                    second: ids.len(),
                },
                options: Options::default(),
            },
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
        queue.take(|_| ()).unwrap().0
    }

    fn complete(queue: &Queue, batch: &[Item]) {
        for item in batch {
            for taker in item.audience.close() {
                taker.owner.complete(taker.row, HALF);
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
        assert_eq!(ids(&batch[0]), [1, 2]);
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
        let ids: Vec<_> = batch.unwrap().0.iter().map(|item| ids(item)[0]).collect();
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
    #[test]
    fn a_query_that_comes_while_processors_are_waited_for_is_chosen_first() {
        let processors = Processors::new(1);
        let (rules, other) = (queue().rules, processors.share(1, 1));
        let queue = Queue::new(rules, processors.share(1, 1));
        let interest = lasting();
        let held = other.take(Lane::Interactive);
        let _bulk = ask(&queue, &[3; 200], Lane::Bulk, &interest);
        std::thread::scope(|scope| {
            let taken = scope.spawn(|| take(&queue));
            while processors.waiting() == 0 {
                std::thread::yield_now();
            }
            let _query = ask(&queue, &[1, 2], Lane::Interactive, &interest);
            drop(held);
            assert_eq!(ids(&taken.join().unwrap()[0]), [1, 2]);
        });
    }
}
