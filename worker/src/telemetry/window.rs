//! Quantiles of what happened lately.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Observations kept; a quantile of fewer is of all there are.
const KEPT: usize = 1024;

/// The latest durations, the oldest overwritten first.
#[derive(Default)]
pub struct Window(Mutex<Ring>);

#[derive(Default)]
struct Ring {
    kept: Vec<Duration>,
    next: usize,
}

impl Window {
    /// Adds one.
    pub fn observe(&self, duration: Duration) {
        let mut ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ring.kept.len() < KEPT {
            ring.kept.push(duration);
        } else {
            let at = ring.next;
            ring.kept[at] = duration;
        }
        ring.next = (ring.next + 1) % KEPT;
    }

    /// The duration that `percent` of them do not exceed; zero of none.
    #[must_use]
    pub fn percentile(&self, percent: usize) -> Duration {
        let mut kept = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .kept
            .clone();
        if kept.is_empty() {
            return Duration::ZERO;
        }
        let at = (kept.len() * percent / 100).min(kept.len() - 1);
        *kept.select_nth_unstable(at).1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_observations_give_way_to_new_ones() {
        let window = Window::default();
        assert_eq!(window.percentile(50), Duration::ZERO);
        for ms in 0..2048 {
            window.observe(Duration::from_millis(ms));
        }
        assert_eq!(window.percentile(0), Duration::from_millis(1024));
        assert_eq!(window.percentile(50), Duration::from_millis(1536));
    }
}
