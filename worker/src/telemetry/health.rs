//! Whether this worker lives, and whether it takes requests.

use std::sync::Arc;

use tokio::sync::watch;

use super::metrics::Metrics;

/// Where the process stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Models load, or the first inference has not been made.
    Starting,
    /// Requests are taken.
    Ready,
    /// The bus refused a subscription or an answer.
    Denied,
    /// A run of a model did not return.
    Hung,
    /// What was admitted is finished; nothing new is taken.
    Draining,
}

#[derive(Clone, Copy)]
struct State {
    phase: Phase,
    connected: bool,
}

/// The process's health, shared by those who set it and those who ask.
pub struct Health {
    state: watch::Sender<State>,
    metrics: Arc<Metrics>,
}

impl Health {
    /// Starting, and not connected.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>) -> Arc<Self> {
        let state = State {
            phase: Phase::Starting,
            connected: false,
        };
        Arc::new(Self {
            state: watch::Sender::new(state),
            metrics,
        })
    }

    /// Enters a phase. There is no way back to `Ready`.
    pub fn enter(&self, phase: Phase) {
        self.update(|state| {
            // A hang is also drained, and stays what it is.
            let kept = state.phase == Phase::Hung
                || phase == Phase::Ready && state.phase != Phase::Starting;
            if !kept {
                state.phase = phase;
            }
        });
    }

    /// The bus came or went.
    pub fn set_connected(&self, connected: bool) {
        self.update(|state| state.connected = connected);
    }

    /// `ready`, or why not.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match *self.state.borrow() {
            State {
                phase: Phase::Starting,
                ..
            } => "starting",
            State {
                phase: Phase::Denied,
                ..
            } => "denied: the bus refused a subscription or an answer",
            State {
                phase: Phase::Hung, ..
            } => "hung: a run of the model does not return",
            State {
                phase: Phase::Draining,
                ..
            } => "draining",
            State {
                connected: false, ..
            } => "disconnected",
            State {
                phase: Phase::Ready,
                ..
            } => READY,
        }
    }

    /// Whether requests are taken.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.word() == READY
    }

    fn update(&self, change: impl FnOnce(&mut State)) {
        self.state.send_modify(change);
        self.metrics.set_ready(self.is_ready());
    }
}

const READY: &str = "ready";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draining_worker_never_becomes_ready_again() {
        let health = Health::new(Metrics::new());
        health.set_connected(true);
        assert_eq!(health.word(), "starting");
        health.enter(Phase::Ready);
        assert!(health.is_ready());
        health.enter(Phase::Draining);
        health.enter(Phase::Ready);
        assert_eq!(health.word(), "draining");
    }

    #[test]
    fn a_lost_connection_is_not_ready_and_a_regained_one_is() {
        let health = Health::new(Metrics::new());
        health.enter(Phase::Ready);
        assert_eq!(health.word(), "disconnected");
        health.set_connected(true);
        assert!(health.is_ready());
    }
}
