//! Everybody who asked for the same row.

use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::pending::Pending;
use crate::wire::Error;

/// A place in one request that a row's vector goes to.
pub(super) struct Taker {
    pub(super) owner: Arc<Pending>,
    pub(super) row: usize,
}

/// The takers of one row. They may join until it has its vector.
pub(super) struct Audience {
    /// `None` once closed.
    takers: Mutex<Option<Vec<Taker>>>,
}

impl Audience {
    pub(super) fn of(taker: Taker) -> Arc<Self> {
        Arc::new(Self {
            takers: Mutex::new(Some(vec![taker])),
        })
    }

    /// Adds a taker, or gives it back where it comes too late.
    pub(super) fn join(&self, taker: Taker) -> Result<(), Taker> {
        match self.takers().as_mut() {
            Some(takers) => {
                takers.push(taker);
                Ok(())
            }
            None => Err(taker),
        }
    }

    /// Whether any of them still waits.
    pub(super) fn is_wanted(&self, now: Instant) -> bool {
        let takers = self.takers();
        let mut takers = takers.iter().flatten();
        takers.any(|taker| taker.owner.is_wanted(now))
    }

    /// Lets those go who do not wait any more.
    pub(super) fn let_go(&self, now: Instant) {
        if let Some(takers) = self.takers().as_mut() {
            takers.retain(|taker| taker.owner.is_wanted(now));
        }
    }

    /// Does `each` with every taker there is now.
    pub(super) fn each(&self, each: impl FnMut(&Taker)) {
        self.takers().iter().flatten().for_each(each);
    }

    /// Lets nobody join any more, and gives those who did.
    pub(super) fn close(&self) -> Vec<Taker> {
        self.takers().take().unwrap_or_default()
    }

    fn takers(&self) -> MutexGuard<'_, Option<Vec<Taker>>> {
        // What is done under this lock does not panic half way.
        self.takers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the requests of all takers of these rows. All are closed before any taker
/// is answered: who asks again at once must not join a row that is about to fail.
pub(super) fn fail_all(rows: impl Iterator<Item = impl Deref<Target = Audience>>, error: &Error) {
    let takers: Vec<Taker> = rows.flat_map(|row| row.close()).collect();
    for taker in takers {
        taker.owner.fail(error);
    }
}
