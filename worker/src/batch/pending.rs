//! One request on its way from tokens to an answer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::admission::Ticket;
use super::finish::{Finish, Rows};
use super::memo::{Key, Known, Memo};
use super::request::deadline_exceeded;
use crate::models::{RowOutput, Shape, SparseRow};
use crate::wire::meta::Meta;
use crate::wire::reply::Answer;
use crate::wire::text::Timings;
use crate::wire::vectors::Encoding;
use crate::wire::{Error, ErrorCode};

/// Whether anybody still waits for a request's answer.
pub(super) struct Interest {
    deadline: Instant,
    abandoned: AtomicBool,
    cancelled: CancellationToken,
}

impl Interest {
    pub(super) fn until(deadline: Instant, cancelled: CancellationToken) -> Arc<Self> {
        Arc::new(Self {
            deadline,
            abandoned: AtomicBool::new(false),
            cancelled,
        })
    }

    pub(super) fn lasts(&self, now: Instant) -> bool {
        let abandoned = self.abandoned.load(Ordering::Relaxed);
        now < self.deadline && !abandoned && !self.cancelled.is_cancelled()
    }

    /// What a caller is told whom nobody answers any more.
    pub(super) fn end_of(&self, timeout: Duration) -> Error {
        match self.cancelled.is_cancelled() {
            true => Error::cancelled(),
            false => deadline_exceeded(timeout),
        }
    }

    /// What a caller is told whose request was dropped without an answer.
    pub(super) fn unanswered(&self, now: Instant, timeout: Duration) -> Error {
        if self.cancelled.is_cancelled() || now >= self.deadline {
            return self.end_of(timeout);
        }
        Error::new(ErrorCode::Internal, "the request was lost in the worker")
    }

    pub(super) fn end(&self) {
        self.abandoned.store(true, Ordering::Relaxed);
    }
}

/// Where the answer goes, with the place in the queue that it still takes.
pub(super) type Reply = oneshot::Sender<Result<(Answer, Ticket), Error>>;

/// What a request asks of its vectors, and where its time went before them.
pub(super) struct Terms {
    pub(super) space: String,
    pub(super) encoding: Encoding,
    /// Whether vectors that are cut are scaled to unit length again.
    pub(super) normalize: bool,
    pub(super) finish: Finish,
    pub(super) meta: Option<Meta>,
    pub(super) received: Instant,
    pub(super) interest: Arc<Interest>,
    pub(super) wait: Duration,
    pub(super) tokenize: Duration,
    /// Where vectors are remembered, and by which key for each row.
    pub(super) memo: Option<(Arc<Memo>, Vec<Key>)>,
}

/// What is known of one text before it runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    pub(super) tokens: u32,
    pub(super) truncated: bool,
}

/// A request whose items are spread over batches. The last row completes it.
pub(super) struct Pending {
    terms: Terms,
    /// What is kept of each row: of a dense vector the first values.
    shape: Shape,
    queued: Instant,
    state: Mutex<State>,
}

struct State {
    reply: Option<Reply>,
    /// Goes with the answer, since that takes memory until it is sent.
    ticket: Option<Ticket>,
    remaining: usize,
    rows: Rows,
    first_run: Option<Instant>,
}

impl Pending {
    /// A request of one row an item; failed items are failed already.
    pub(super) fn new(
        terms: Terms,
        shape: Shape,
        items: &[Result<Counted, Error>],
        ticket: Ticket,
        reply: Reply,
    ) -> Self {
        let errors = items
            .iter()
            .zip(0_u32..)
            .filter_map(|(item, index)| item.as_ref().err().map(|error| (index, error.clone())));
        let state = State {
            reply: Some(reply),
            ticket: Some(ticket),
            remaining: items.iter().filter(|item| item.is_ok()).count(),
            rows: Rows {
                tokens: items
                    .iter()
                    .map(|item| item.as_ref().map_or(0, |counted| counted.tokens))
                    .collect(),
                truncated: items
                    .iter()
                    .map(|item| item.as_ref().is_ok_and(|counted| counted.truncated))
                    .collect(),
                errors: errors.collect(),
                ..Rows::empty(items.len(), shape)
            },
            first_run: None,
        };
        let pending = Self {
            terms,
            shape,
            queued: Instant::now(),
            state: Mutex::new(state),
        };
        pending.finish_if_complete(&mut pending.state());
        pending
    }

    /// Whether anybody still wants the answer.
    pub(super) fn is_wanted(&self, now: Instant) -> bool {
        self.terms.interest.lasts(now)
    }

    /// Notes that a batch with rows of this request starts; gives the time that
    /// they waited in the queue.
    pub(super) fn started(&self, now: Instant) -> Duration {
        self.state().first_run.get_or_insert(now);
        now - self.queued
    }

    /// Sets the vector of one row as it was remembered.
    pub(super) fn recall(&self, row: usize, vector: &[f32]) {
        let output = RowOutput {
            dense: vector,
            sparse: None,
            colbert: None,
        };
        self.set(&mut self.state(), row, output);
    }

    /// Sets the weights of one row that needed no run.
    pub(super) fn weigh(&self, row: usize, weights: &SparseRow) {
        let output = RowOutput {
            dense: &[],
            sparse: Some(weights),
            colbert: None,
        };
        self.set(&mut self.state(), row, output);
    }

    /// Sets what one row gave as it was computed, and remembers it. A value that
    /// is not finite fails the row.
    pub(super) fn complete(&self, row: usize, output: RowOutput<'_>) {
        let mut state = self.state();
        if let Some((memo, keys)) = &self.terms.memo
            && output.is_finite()
        {
            let known = Known {
                vector: output.dense.into(),
                tokens: state.rows.tokens[row],
                truncated: state.rows.truncated[row],
            };
            memo.insert(keys[row], known);
        }
        self.set(&mut state, row, output);
    }

    fn set(&self, state: &mut State, row: usize, output: RowOutput<'_>) {
        if output.is_finite() {
            state
                .rows
                .set(row, self.shape, output, self.terms.normalize);
        } else {
            let error = Error::new(
                ErrorCode::Internal,
                "the model gave a value that is not finite",
            );
            let row = u32::try_from(row).unwrap_or(u32::MAX);
            state.rows.errors.push((row, error));
        }
        state.remaining -= 1;
        self.finish_if_complete(state);
    }

    /// Ends the whole request with a refusal, unless it has ended.
    pub(super) fn fail(&self, error: &Error) {
        self.terms.interest.end();
        if let Some(reply) = self.state().reply.take() {
            // The caller may have gone, which is as good as answered.
            let _ = reply.send(Err(error.clone()));
        }
    }

    fn finish_if_complete(&self, state: &mut State) {
        if state.remaining > 0 {
            return;
        }
        let (Some(reply), Some(ticket)) = (state.reply.take(), state.ticket.take()) else {
            return;
        };
        let answer = self.answer(state);
        let _ = reply.send(answer.map(|answer| (answer, ticket)));
    }

    fn answer(&self, state: &mut State) -> Result<Answer, Error> {
        let now = Instant::now();
        let first_run = state.first_run.unwrap_or(now);
        let rows = std::mem::take(&mut state.rows);
        let finished = self.terms.finish.finish(rows, self.shape)?;
        Ok(Answer {
            timings: Timings {
                wait: micros(self.terms.wait),
                tokenize: micros(self.terms.tokenize),
                queue: micros(first_run - self.queued),
                infer: micros(now - first_run),
                total: micros(now - self.terms.received),
            },
            space: self.terms.space.clone(),
            encoding: self.terms.encoding,
            meta: self.terms.meta.clone(),
            ..finished
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic in a model happens outside of this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_was_dropped_was_cancelled_or_late_and_else_it_was_lost() {
        let (now, timeout) = (Instant::now(), Duration::from_millis(200));
        let cancelled = CancellationToken::new();
        let interest = Interest::until(now + timeout, cancelled.clone());
        let told = |at| interest.unanswered(at, timeout).code;
        assert_eq!(told(now), ErrorCode::Internal);
        assert_eq!(told(now + timeout), ErrorCode::DeadlineExceeded);
        cancelled.cancel();
        assert_eq!(told(now), ErrorCode::Cancelled);
    }
}
