//! One budget of processors for all models of a worker.
//!
//! Every model has sessions enough to fill the processors by itself, and two
//! that are busy would share each processor between two runs. So a run first
//! takes as many processors as its session has threads. Where the models that
//! are loaded cannot take more than there are, as one alone never can, nothing
//! is taken.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::wire::call::Lane;

/// Runs that may go before one that came earlier: of queries before bulk. Past
/// it, it is next, whatever it is.
const MAX_OVERTAKEN: usize = 16;

/// The processors of a worker.
pub struct Processors {
    own: usize,
    /// Whether the models together could take more than there are.
    scarce: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Most that each model can take, by the name of its share.
    shares: Vec<(usize, usize)>,
    taken: usize,
    /// In order of arrival.
    line: Vec<Turn>,
    names: usize,
}

/// An executor that waits for processors.
struct Turn {
    name: usize,
    share: usize,
    lane: Lane,
    overtaken: usize,
}

/// What one model may take; given up when dropped.
pub struct Share {
    processors: Arc<Processors>,
    name: usize,
    threads: usize,
}

/// Processors for one run; given back when dropped.
pub struct Grant {
    processors: Arc<Processors>,
    threads: usize,
}

impl Processors {
    /// So many, for all models together.
    #[must_use]
    pub fn new(own: usize) -> Arc<Self> {
        Arc::new(Self {
            own,
            scarce: AtomicBool::new(false),
            state: Mutex::default(),
            changed: Condvar::new(),
        })
    }

    /// Room for a model of so many sessions of so many threads. One that was
    /// configured to take more than there are takes them.
    #[must_use]
    pub fn share(self: &Arc<Self>, sessions: usize, threads: usize) -> Share {
        let mut state = self.state();
        let name = state.next_name();
        state.shares.push((name, sessions * threads));
        self.reckon(&state);
        Share {
            processors: Arc::clone(self),
            name,
            threads,
        }
    }

    /// Executors that wait.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.state().line.len()
    }

    fn all(&self, state: &State) -> usize {
        let most = state.shares.iter().map(|(_, most)| *most).max();
        most.unwrap_or(0).max(self.own)
    }

    /// After the models have changed.
    fn reckon(&self, state: &State) {
        let wanted: usize = state.shares.iter().map(|(_, most)| *most).sum();
        let scarce = wanted > self.all(state);
        self.scarce.store(scarce, Ordering::Relaxed);
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// Whether a run has to take processors before it chooses what it runs.
    #[must_use]
    pub fn is_scarce(&self) -> bool {
        self.processors.scarce.load(Ordering::Relaxed)
    }

    /// Processors for a run that needs none to be taken.
    #[must_use]
    pub fn free(&self) -> Grant {
        Grant {
            processors: Arc::clone(&self.processors),
            threads: 0,
        }
    }

    /// Waits for the processors of one run.
    #[must_use]
    pub fn take(&self, lane: Lane) -> Grant {
        let processors = &self.processors;
        let mut state = processors.state();
        let name = state.next_name();
        state.line.push(Turn {
            name,
            share: self.name,
            lane,
            overtaken: 0,
        });
        loop {
            let is_scarce = self.is_scarce();
            let has_room = state.taken + self.threads <= processors.all(&state);
            if !is_scarce || has_room && state.is_next(name) {
                state.leave(name);
                let threads = if is_scarce { self.threads } else { 0 };
                state.taken += threads;
                // There may be room for another.
                processors.changed.notify_all();
                return Grant {
                    processors: Arc::clone(processors),
                    threads,
                };
            }
            let changed = processors.changed.wait(state);
            state = changed.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A query came to this model: whichever of its executors wait, wait for it.
    pub fn hurry(&self) {
        if !self.is_scarce() {
            return;
        }
        let mut state = self.processors.state();
        let own = |turn: &&mut Turn| turn.share == self.name && turn.lane == Lane::Bulk;
        let mut hurried = false;
        for turn in state.line.iter_mut().filter(own) {
            turn.lane = Lane::Interactive;
            hurried = true;
        }
        if hurried {
            self.processors.changed.notify_all();
        }
    }
}

impl State {
    fn next_name(&mut self) -> usize {
        self.names += 1;
        self.names
    }

    /// Whether it is this one's turn: who was overtaken too often, then queries,
    /// then bulk, and of these who came first.
    fn is_next(&self, name: usize) -> bool {
        let rank = |turn: &&Turn| {
            let waited = turn.overtaken >= MAX_OVERTAKEN;
            (!waited, !waited && turn.lane == Lane::Bulk)
        };
        // The first of equals.
        let next = self.line.iter().min_by_key(rank);
        next.is_some_and(|turn| turn.name == name)
    }

    fn leave(&mut self, name: usize) {
        if let Some(at) = self.line.iter().position(|turn| turn.name == name) {
            let overtaken = self.line[..at].iter_mut();
            overtaken.for_each(|turn| turn.overtaken += 1);
            self.line.remove(at);
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut state = self.processors.state();
        state.shares.retain(|(name, _)| *name != self.name);
        self.processors.reckon(&state);
    }
}

impl Drop for Grant {
    fn drop(&mut self) {
        if self.threads > 0 {
            self.processors.state().taken -= self.threads;
            self.processors.changed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::thread;

    use super::*;

    /// Takes processors from a thread of its own, and says so with its name. They
    /// are held until the name is taken from the sender that comes with it.
    fn wait(
        share: &Arc<Share>,
        lane: Lane,
        name: &'static str,
        came: &Sender<(&'static str, Sender<()>)>,
    ) {
        let (share, came) = (Arc::clone(share), came.clone());
        let before = share.processors.state().line.len();
        let processors = Arc::clone(&share.processors);
        thread::spawn(move || {
            let grant = share.take(lane);
            let (done, over) = channel();
            came.send((name, done)).unwrap();
            let _ = over.recv();
            drop(grant);
        });
        while processors.state().line.len() == before {
            thread::yield_now();
        }
    }

    /// The names in the order in which they come, each let go at once.
    fn order(came: &Receiver<(&'static str, Sender<()>)>, count: usize) -> Vec<&'static str> {
        (0..count).map(|_| came.recv().unwrap().0).collect()
    }

    #[test]
    fn a_model_alone_takes_nothing_and_two_take_what_there_is() {
        let processors = Processors::new(2);
        let first = processors.share(2, 1);
        assert!(!first.is_scarce());
        let second = processors.share(2, 1);
        assert!(first.is_scarce());
        let grants = (first.take(Lane::Bulk), second.take(Lane::Bulk));
        assert_eq!(processors.state().taken, 2);
        drop(grants);
        drop(second);
        assert!(!first.is_scarce());
        assert_eq!(processors.state().taken, 0);
    }

    #[test]
    fn small_models_that_fit_side_by_side_take_nothing() {
        let processors = Processors::new(2);
        let shares = (processors.share(1, 1), processors.share(1, 1));
        assert!(!shares.0.is_scarce());
    }

    #[test]
    fn a_model_that_was_given_more_than_there_is_takes_it() {
        let processors = Processors::new(2);
        let large = processors.share(1, 4);
        let _small = processors.share(1, 1);
        assert!(large.is_scarce());
        // It would wait for ever otherwise.
        drop(large.take(Lane::Bulk));
    }

    #[test]
    fn queries_go_before_bulk_and_who_came_first_before_who_came_later() {
        let processors = Processors::new(1);
        let one = Arc::new(processors.share(1, 1));
        let other = Arc::new(processors.share(1, 1));
        let (came, comes) = channel();
        let held = one.take(Lane::Bulk);
        wait(&one, Lane::Bulk, "bulk", &came);
        wait(&other, Lane::Interactive, "first query", &came);
        wait(&one, Lane::Interactive, "second query", &came);
        drop(held);
        assert_eq!(order(&comes, 3), ["first query", "second query", "bulk"]);
    }

    #[test]
    fn a_query_that_comes_to_a_model_takes_its_waiting_executor_along() {
        let processors = Processors::new(1);
        let one = Arc::new(processors.share(1, 1));
        let other = Arc::new(processors.share(1, 1));
        let (came, comes) = channel();
        let held = one.take(Lane::Bulk);
        wait(&one, Lane::Bulk, "bulk", &came);
        wait(&other, Lane::Bulk, "hurried", &came);
        other.hurry();
        drop(held);
        assert_eq!(order(&comes, 2), ["hurried", "bulk"]);
    }

    #[test]
    fn bulk_is_overtaken_so_often_and_then_runs() {
        let processors = Processors::new(1);
        let bulk = Arc::new(processors.share(1, 1));
        let queries = Arc::new(processors.share(1, 1));
        let (came, comes) = channel();
        let held = bulk.take(Lane::Bulk);
        wait(&bulk, Lane::Bulk, "bulk", &came);
        for _ in 0..2 * MAX_OVERTAKEN {
            wait(&queries, Lane::Interactive, "query", &came);
        }
        drop(held);
        let order = order(&comes, 2 * MAX_OVERTAKEN + 1);
        assert_eq!(
            order.iter().position(|name| *name == "bulk"),
            Some(MAX_OVERTAKEN)
        );
    }
}
