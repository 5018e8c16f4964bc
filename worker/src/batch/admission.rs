//! What waits is bounded: in requests, in tokens and in bytes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::wire::{Error, ErrorCode, protocol};

/// Most that may wait at once; past any of them a request is refused at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Requests.
    pub requests: usize,
    /// Tokens, the measure of computing time owed.
    pub tokens: usize,
    /// Bytes of request bodies and results, the measure of memory held.
    pub bytes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            requests: protocol::QUEUE_MAX_REQUESTS,
            tokens: protocol::QUEUE_MAX_TOKENS,
            bytes: protocol::QUEUE_MAX_BYTES,
        }
    }
}

/// What waits now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Requests.
    pub requests: usize,
    /// Tokens; an upper estimate for requests that are not tokenized yet.
    pub tokens: usize,
    /// Bytes.
    pub bytes: usize,
}

impl Load {
    fn has_room(&self, tokens: usize, bytes: usize, bounds: Bounds) -> bool {
        self.tokens.saturating_add(tokens) <= bounds.tokens
            && self.bytes.saturating_add(bytes) <= bounds.bytes
    }
}

/// Shortest and longest advice on when to come back.
const RETRY_AFTER: std::ops::RangeInclusive<u64> = 10..=10_000;

/// The part of all tokens that may wait which one request is charged at most before
/// it is read: a megabyte of one text is 256 tokens, and should not shut the gate
/// to all others until somebody has looked.
const UNREAD_SHARE: usize = 16;

/// The part of all requests that may wait which may be reading from elsewhere: what
/// is slow or silent there does not shut the gate to those that need nothing of it.
const READING_SHARE: usize = 4;

/// Advice on when to come back to those that would read: how long that takes is
/// not of this worker.
const READING_RETRY_AFTER_MS: u32 = 1000;

/// Weight of the newest run in the moving average of speed.
const SPEED_WEIGHT: f64 = 0.1;

/// The gate that every request passes.
pub struct Admission {
    bounds: Bounds,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    load: Load,
    /// Those of the requests that are reading from elsewhere.
    reading: usize,
    /// Tokens per second of one executor while it runs; 0 before the first run.
    speed: f64,
    executors: usize,
}

impl Admission {
    /// A gate for a model that runs on `executors` at once.
    #[must_use]
    pub fn new(bounds: Bounds, executors: usize) -> Arc<Self> {
        let state = State {
            executors,
            ..State::default()
        };
        Arc::new(Self {
            bounds,
            state: Mutex::new(state),
        })
    }

    /// Admits a request of `bytes`, charged one token a byte, but no more than a
    /// sixteenth of the bound, until it is tokenized. A byte a token is more than text
    /// has; what exceeds the charge all the same is charged when it is known:
    /// [`Ticket::grow`]. A request that exceeds a bound by itself passes when nothing
    /// else waits.
    ///
    /// # Errors
    /// `overloaded`, with the time after which half of the queue will be done.
    pub fn admit(self: &Arc<Self>, bytes: usize) -> Result<Ticket, Error> {
        let tokens = bytes.min(self.bounds.tokens / UNREAD_SHARE);
        self.admit_as(tokens, bytes)
    }

    /// As [`Self::admit`], charged `tokens`.
    ///
    /// # Errors
    /// As [`Self::admit`].
    pub fn admit_as(self: &Arc<Self>, tokens: usize, bytes: usize) -> Result<Ticket, Error> {
        let mut state = self.state();
        let full = state.load.requests >= self.bounds.requests
            || !state.load.has_room(tokens, bytes, self.bounds);
        if full && state.load.requests > 0 {
            return Err(state.overloaded());
        }
        let load = &mut state.load;
        load.requests += 1;
        load.tokens += tokens;
        load.bytes += bytes;
        Ok(Ticket {
            gate: Arc::clone(self),
            tokens,
            bytes,
            reads: false,
        })
    }

    /// What waits now.
    #[must_use]
    pub fn load(&self) -> Load {
        self.state().load
    }

    /// Tokens per second of all executors together, a moving average over runs.
    #[must_use]
    pub fn tokens_per_second(&self) -> f64 {
        let state = self.state();
        state.speed * state.executors as f64
    }

    /// From now on the model runs on `executors` at once.
    pub fn runs_on(&self, executors: usize) {
        self.state().executors = executors;
    }

    /// Notes that one executor ran `tokens` in `elapsed`.
    pub fn ran(&self, tokens: usize, elapsed: Duration) {
        let now = tokens as f64 / elapsed.as_secs_f64().max(1e-6);
        let mut state = self.state();
        state.speed = if state.speed == 0.0 {
            now
        } else {
            state.speed + SPEED_WEIGHT * (now - state.speed)
        };
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // Counters are whole after every step, so a panic elsewhere leaves them usable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn overloaded(&self) -> Error {
        Error::new(ErrorCode::Overloaded, "the queue is full")
            .with_retry_after_ms(self.retry_after_ms())
    }

    fn retry_after_ms(&self) -> u32 {
        let speed = self.speed * self.executors as f64;
        let half_ms = if speed > 0.0 {
            (self.load.tokens as f64 / 2.0 / speed * 1000.0) as u64
        } else {
            *RETRY_AFTER.end()
        };
        u32::try_from(half_ms.clamp(*RETRY_AFTER.start(), *RETRY_AFTER.end())).unwrap_or(u32::MAX)
    }
}

/// The place of one admitted request; given back when dropped.
pub struct Ticket {
    gate: Arc<Admission>,
    tokens: usize,
    bytes: usize,
    reads: bool,
}

impl Ticket {
    /// What it is charged for now.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    /// Most that all requests together may hold, in bytes.
    #[must_use]
    pub fn most_bytes(&self) -> usize {
        self.gate.bounds.bytes
    }

    /// Charges more before it is taken: what a request turns out to need. As at
    /// the gate, what exceeds a bound by itself passes when nothing else waits.
    ///
    /// # Errors
    /// As [`Admission::admit`].
    pub fn grow(&mut self, tokens: usize, bytes: usize) -> Result<(), Error> {
        let mut state = self.gate.state();
        if state.load.requests > 1 && !state.load.has_room(tokens, bytes, self.gate.bounds) {
            return Err(state.overloaded());
        }
        state.load.tokens += tokens;
        state.load.bytes += bytes;
        self.tokens += tokens;
        self.bytes += bytes;
        Ok(())
    }

    /// Notes that its request waits for what it reads from elsewhere, until
    /// [`Self::end_reading`].
    ///
    /// # Errors
    /// `overloaded`, where as many do as may: a quarter of the requests that may
    /// wait, and one at least.
    pub fn begin_reading(&mut self) -> Result<(), Error> {
        let most = (self.gate.bounds.requests / READING_SHARE).max(1);
        let mut state = self.gate.state();
        if state.reading >= most {
            let message = "as many requests read objects as may at once";
            return Err(Error::new(ErrorCode::Overloaded, message)
                .with_retry_after_ms(READING_RETRY_AFTER_MS));
        }
        state.reading += 1;
        self.reads = true;
        Ok(())
    }

    /// Its request has read what it needs.
    pub fn end_reading(&mut self) {
        if std::mem::take(&mut self.reads) {
            self.gate.state().reading -= 1;
        }
    }

    /// Replaces the estimate by what the tokenizer counted, and adds the memory
    /// that the result will take.
    pub fn correct(&mut self, tokens: usize, result_bytes: usize) {
        let mut state = self.gate.state();
        state.load.tokens = state.load.tokens - self.tokens + tokens;
        state.load.bytes += result_bytes;
        self.tokens = tokens;
        self.bytes += result_bytes;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.end_reading();
        let mut state = self.gate.state();
        state.load.requests -= 1;
        state.load.tokens -= self.tokens;
        state.load.bytes -= self.bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        requests: 2,
        tokens: 100,
        bytes: 1000,
    };

    #[test]
    fn a_full_queue_refuses_at_once_and_says_when_to_come_back() {
        let gate = Admission::new(BOUNDS, 2);
        gate.ran(1000, Duration::from_secs(1));
        let _first = gate.admit_as(80, 80).unwrap();
        let refused = gate.admit_as(30, 30).err().unwrap();
        assert_eq!(refused.code, ErrorCode::Overloaded);
        // 80 tokens at 2 × 1,000 a second: half are done after 20 ms.
        assert_eq!(refused.retry_after_ms, Some(20));
    }

    #[test]
    fn a_corrected_estimate_makes_room() {
        let gate = Admission::new(BOUNDS, 1);
        let mut first = gate.admit_as(80, 80).unwrap();
        assert!(gate.admit_as(30, 30).is_err());
        first.correct(20, 0);
        assert!(gate.admit_as(30, 30).is_ok());
    }

    #[test]
    fn a_large_body_does_not_shut_the_gate_before_it_is_read() {
        let gate = Admission::new(BOUNDS, 1);
        let _large = gate.admit(500).unwrap();
        assert_eq!(gate.load().tokens, 100 / UNREAD_SHARE);
        assert!(gate.admit(8).is_ok());
    }

    #[test]
    fn every_bound_counts() {
        let requests = Admission::new(BOUNDS, 1);
        let _held = (requests.admit(1).unwrap(), requests.admit(1).unwrap());
        assert!(requests.admit(1).is_err());

        let bytes = Admission::new(
            Bounds {
                bytes: 10,
                ..BOUNDS
            },
            1,
        );
        let _held = bytes.admit(8).unwrap();
        assert!(bytes.admit(3).is_err());
    }

    #[test]
    fn the_memory_of_a_result_counts() {
        let gate = Admission::new(BOUNDS, 1);
        let mut first = gate.admit(10).unwrap();
        first.correct(5, 900);
        assert_eq!(gate.load().bytes, 910);
        assert!(gate.admit(91).is_err());
        drop(first);
        assert_eq!(gate.load(), Load::default());
    }

    #[test]
    fn what_a_request_turns_out_to_need_is_refused_where_others_wait_and_given_back() {
        let gate = Admission::new(BOUNDS, 1);
        let mut first = gate.admit_as(0, 10).unwrap();
        first.grow(50, 2000).unwrap();
        assert_eq!((gate.load().tokens, gate.load().bytes), (50, 2010));
        drop(first);
        let (_first, mut second) = (gate.admit_as(0, 10).unwrap(), gate.admit_as(0, 10).unwrap());
        assert_eq!(second.grow(0, 981).unwrap_err().code, ErrorCode::Overloaded);
        assert_eq!(second.grow(101, 0).unwrap_err().code, ErrorCode::Overloaded);
        second.grow(100, 980).unwrap();
        drop(second);
        assert_eq!((gate.load().tokens, gate.load().bytes), (0, 10));
    }

    #[test]
    fn a_quarter_of_the_requests_may_read_from_elsewhere_at_once() {
        let bounds = Bounds {
            requests: 8,
            ..BOUNDS
        };
        let gate = Admission::new(bounds, 1);
        let admit = || gate.admit_as(0, 0).unwrap();
        let [mut first, mut second, mut third] = [admit(), admit(), admit()];
        first.begin_reading().unwrap();
        second.begin_reading().unwrap();
        assert_eq!(
            third.begin_reading().unwrap_err().code,
            ErrorCode::Overloaded
        );
        first.end_reading();
        third.begin_reading().unwrap();
        assert!(first.begin_reading().is_err());
        drop(second);
        first.begin_reading().unwrap();
        drop((first, third));
        assert_eq!(gate.state().reading, 0);
    }

    #[test]
    fn a_request_larger_than_the_queue_passes_when_nothing_waits() {
        let gate = Admission::new(BOUNDS, 1);
        let large = gate.admit(5000).unwrap();
        assert!(gate.admit(1).is_err());
        drop(large);
        assert_eq!(gate.load(), Load::default());
    }
}
