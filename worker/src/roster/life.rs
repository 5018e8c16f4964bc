//! How far a model is loaded, and who holds it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::batch::Pipeline;
use crate::wire::{Error, ErrorCode};

/// Shortest and longest time for which a load that failed is not tried again.
const BACK_OFF: Duration = Duration::from_secs(1);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(60);

/// The state of one model.
pub(super) struct Life {
    state: State,
    /// Requests that have been taken and not yet answered.
    hands: usize,
    used: Instant,
}

enum State {
    /// Not loaded; with how that failed.
    Absent(Option<Failure>),
    /// After so many failures in a row.
    Loading(u32),
    Loaded(Arc<Pipeline>),
    /// Its threads end and its memory is given back.
    Unloading,
}

struct Failure {
    error: Error,
    /// Not tried again before.
    until: Instant,
    /// In a row; 0 where only room was missing.
    times: u32,
}

impl Failure {
    /// What callers are told now.
    fn told(&self, now: Instant) -> Error {
        let error = self.error.clone();
        if error.retry_after_ms.is_none() {
            return error;
        }
        let left = self.until.saturating_duration_since(now).as_millis() + 1;
        error.with_retry_after_ms(u32::try_from(left).unwrap_or(u32::MAX))
    }
}

impl Life {
    /// Not loaded.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            state: State::Absent(None),
            hands: 0,
            used: now,
        }
    }

    /// The state, for people.
    pub(super) fn name(&self) -> &'static str {
        match self.state {
            State::Absent(_) => "unloaded",
            State::Loading(_) => "loading",
            State::Loaded(_) => "loaded",
            State::Unloading => "unloading",
        }
    }

    pub(super) fn pipeline(&self) -> Option<Arc<Pipeline>> {
        match &self.state {
            State::Loaded(pipeline) => Some(Arc::clone(pipeline)),
            _ => None,
        }
    }

    /// Somebody wants it; whether it is to be loaded for that, from now on.
    ///
    /// # Errors
    /// Why it could not be loaded a moment ago.
    pub(super) fn want(&mut self, now: Instant) -> Result<bool, Error> {
        let times = match &self.state {
            State::Absent(None) => 0,
            State::Absent(Some(failure)) if now < failure.until => {
                return Err(failure.told(now));
            }
            State::Absent(Some(failure)) => failure.times,
            State::Loading(_) | State::Loaded(_) | State::Unloading => return Ok(false),
        };
        self.state = State::Loading(times);
        Ok(true)
    }

    /// It is loaded.
    pub(super) fn came(&mut self, pipeline: Pipeline, now: Instant) {
        self.state = State::Loaded(Arc::new(pipeline));
        self.used = now;
    }

    /// It could not be loaded.
    pub(super) fn failed(&mut self, error: Error, now: Instant) {
        let times = match self.state {
            // It may pass at any time, with what others ask.
            _ if error.code == ErrorCode::Overloaded => 0,
            State::Loading(times) => times + 1,
            _ => 1,
        };
        let pause = BACK_OFF.saturating_mul(1 << times.saturating_sub(1).min(10));
        self.state = State::Absent(Some(Failure {
            error,
            until: now + pause.min(LONGEST_BACK_OFF),
            times,
        }));
    }

    /// It is tried again at once, whatever happened before.
    pub(super) fn forgive(&mut self) {
        if self.is_absent() {
            self.state = State::Absent(None);
        }
    }

    /// Gives its threads away, unless it has work in hand or is not loaded.
    pub(super) fn leave(&mut self) -> Option<Arc<Pipeline>> {
        match self.hands {
            0 => self.end(),
            _ => None,
        }
    }

    /// The same, whatever work it has.
    pub(super) fn end(&mut self) -> Option<Arc<Pipeline>> {
        let pipeline = self.pipeline()?;
        self.state = State::Unloading;
        Some(pipeline)
    }

    /// Its threads have ended.
    pub(super) fn left(&mut self) {
        self.state = State::Absent(None);
    }

    pub(super) fn is_absent(&self) -> bool {
        matches!(self.state, State::Absent(_))
    }

    /// Whether it takes memory, and then whether that could be given back now: what
    /// is being given back is there until it is.
    pub(super) fn held(&self) -> Option<bool> {
        match self.state {
            State::Absent(_) | State::Loading(_) => None,
            State::Loaded(_) => Some(self.is_idle()),
            State::Unloading => Some(false),
        }
    }

    /// Whether its memory is being given back.
    pub(super) fn is_leaving(&self) -> bool {
        matches!(self.state, State::Unloading)
    }

    /// One more request is in hand.
    pub(super) fn taken(&mut self) {
        self.hands += 1;
    }

    /// One less; whether none is any more.
    pub(super) fn answered(&mut self, now: Instant) -> bool {
        self.hands -= 1;
        if self.is_idle() {
            self.used = now;
        }
        self.is_idle()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.hands == 0
    }

    /// When it last had work.
    pub(super) fn used(&self) -> Instant {
        self.used
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error() -> Error {
        Error::new(ErrorCode::Internal, "it broke")
    }

    #[test]
    fn whoever_wants_it_first_has_it_loaded_and_the_others_wait() {
        let now = Instant::now();
        let mut life = Life::new(now);
        assert_eq!(life.want(now), Ok(true));
        assert_eq!(life.want(now), Ok(false));
        assert_eq!(life.name(), "loading");
    }

    #[test]
    fn a_load_that_failed_is_tried_again_later_and_later_but_within_a_minute() {
        let mut now = Instant::now();
        let mut life = Life::new(now);
        for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(life.want(now), Ok(true));
            life.failed(error(), now);
            now += Duration::from_secs(pause);
            let early = now - Duration::from_millis(1);
            assert_eq!(life.want(early), Err(error()));
        }
        assert_eq!(life.want(now), Ok(true));
    }

    #[test]
    fn a_lack_of_room_makes_nobody_wait_longer_than_the_first_time_and_all_hear_what_is_left() {
        let mut now = Instant::now();
        let mut life = Life::new(now);
        let crowded = |left| Error::new(ErrorCode::Overloaded, "no room").with_retry_after_ms(left);
        for _ in 0..5 {
            assert_eq!(life.want(now), Ok(true));
            life.failed(crowded(1000), now);
            now += BACK_OFF * 3 / 4;
            assert_eq!(life.want(now), Err(crowded(251)));
            now += BACK_OFF / 4;
        }
        assert_eq!(life.want(now), Ok(true));
    }

    #[test]
    fn a_failed_load_that_is_forgiven_is_tried_again_at_once() {
        let now = Instant::now();
        let mut life = Life::new(now);
        assert_eq!(life.want(now), Ok(true));
        life.forgive();
        assert_eq!(life.want(now), Ok(false), "it is on its way");
        life.failed(error(), now);
        assert_eq!(life.want(now), Err(error()));
        life.forgive();
        assert_eq!(life.want(now), Ok(true));
    }

    #[test]
    fn it_was_used_when_the_last_request_was_answered() {
        let start = Instant::now();
        let (first, last) = (start + BACK_OFF, start + 2 * BACK_OFF);
        let mut life = Life::new(start);
        life.taken();
        life.taken();
        assert!(!life.answered(first) && life.used() == start);
        assert!(life.answered(last) && life.used() == last);
    }
}
