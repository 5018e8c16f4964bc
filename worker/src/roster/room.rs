//! Who leaves where memory is short. Pure.

use std::time::Instant;

/// A model that is loaded, as it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    /// Which one.
    pub(super) at: usize,
    pub(super) bytes: u64,
    /// When it last had work.
    pub(super) used: Instant,
    /// It may leave at some time.
    pub(super) may_leave: bool,
    /// It has no work in hand.
    pub(super) is_idle: bool,
}

/// What to do for a model that needs room.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// These leave, and then there is room; none of them, where there is already.
    Leave(Vec<usize>),
    /// There will be room when more models have no work in hand.
    Wait,
    /// There never will be, not before models that stay are gone.
    Never,
}

/// Which models leave for `needed` bytes more under `budget`: of those that may
/// and have no work, the least recently used, and no more than it takes.
pub(super) fn make(held: &[Held], needed: u64, budget: u64) -> Answer {
    let staying: u64 = held
        .iter()
        .filter(|held| !held.may_leave)
        .map(|held| held.bytes)
        .sum();
    if staying.saturating_add(needed) > budget {
        return Answer::Never;
    }
    let mut taken: u64 = held.iter().map(|held| held.bytes).sum();
    let mut idle: Vec<&Held> = held
        .iter()
        .filter(|held| held.may_leave && held.is_idle)
        .collect();
    idle.sort_by_key(|held| held.used);
    let mut leaving = Vec::new();
    for held in idle {
        if taken.saturating_add(needed) <= budget {
            break;
        }
        taken -= held.bytes;
        leaving.push(held.at);
    }
    if taken.saturating_add(needed) <= budget {
        Answer::Leave(leaving)
    } else {
        Answer::Wait
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Models of ten bytes, each used a second after the one before it.
    fn models<const N: usize>() -> [Held; N] {
        let start = Instant::now();
        std::array::from_fn(|at| Held {
            at,
            bytes: 10,
            used: start + Duration::from_secs(at as u64),
            may_leave: true,
            is_idle: true,
        })
    }

    #[test]
    fn nobody_leaves_where_there_is_room() {
        assert_eq!(make(&models::<2>(), 10, 30), Answer::Leave(vec![]));
    }

    #[test]
    fn the_least_recently_used_leave_and_no_more_than_it_takes() {
        let mut held = models::<3>();
        held[1].used = held[0].used - Duration::from_secs(1);
        assert_eq!(make(&held, 10, 30), Answer::Leave(vec![1]));
        assert_eq!(make(&held, 11, 30), Answer::Leave(vec![1, 0]));
    }

    #[test]
    fn a_model_with_work_in_hand_stays_and_the_next_one_leaves() {
        let mut held = models::<2>();
        held[0].is_idle = false;
        assert_eq!(make(&held, 10, 20), Answer::Leave(vec![1]));
        held[1].is_idle = false;
        assert_eq!(make(&held, 10, 20), Answer::Wait);
    }

    #[test]
    fn beside_models_that_stay_there_may_never_be_room() {
        let mut held = models::<2>();
        held[0].may_leave = false;
        assert_eq!(make(&held, 10, 20), Answer::Leave(vec![1]));
        assert_eq!(make(&held, 11, 20), Answer::Never);
    }

    #[test]
    fn a_model_larger_than_everything_never_has_room() {
        assert_eq!(make(&[], 11, 10), Answer::Never);
        assert_eq!(make(&[], u64::MAX, 10), Answer::Never);
    }
}
