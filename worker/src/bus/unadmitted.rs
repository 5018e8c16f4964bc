//! Answers outside of admission, refusals and facts: bounded by themselves.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::Semaphore;
use tokio::task::unconstrained;
use tokio_util::task::TaskTracker;

/// Those that may be on their way out at once; past it the receive loop waits for
/// the bus, which is the one thing that it may wait for.
const MOST: usize = 4096;

/// Who gives them.
pub(super) struct Unadmitted {
    permits: Arc<Semaphore>,
    tasks: TaskTracker,
}

impl Unadmitted {
    /// Gives those that take time by tasks among `tasks`.
    pub(super) fn among(tasks: TaskTracker) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(MOST)),
            tasks,
        }
    }

    /// Gives one here, if the bus takes it now, and else by a task: which may wake a
    /// thread, and that costs more than a refusal does.
    pub(super) async fn give(&self, mut answer: BoxFuture<'static, ()>) {
        // The caller's loop counts what it takes at a time.
        if unconstrained(&mut answer).now_or_never().is_none() {
            // The semaphore is never closed.
            let permit = Arc::clone(&self.permits).acquire_owned().await.ok();
            self.tasks.spawn(async move {
                let _held_until_sent = permit;
                answer.await;
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn what_the_bus_takes_now_needs_no_task_and_the_rest_is_given_once_by_one() {
        let unadmitted = Unadmitted::among(TaskTracker::new());
        let given = Arc::new(AtomicUsize::new(0));
        let note = Arc::clone(&given);
        let now = async move {
            note.fetch_add(1, Ordering::Relaxed);
        };
        unadmitted.give(now.boxed()).await;
        assert_eq!(
            (unadmitted.tasks.len(), given.load(Ordering::Relaxed)),
            (0, 1)
        );

        let (taken, room) = oneshot::channel();
        let note = Arc::clone(&given);
        let later = async move {
            room.await.unwrap();
            note.fetch_add(1, Ordering::Relaxed);
        };
        unadmitted.give(later.boxed()).await;
        assert_eq!(
            (unadmitted.tasks.len(), given.load(Ordering::Relaxed)),
            (1, 1)
        );
        assert_eq!(unadmitted.permits.available_permits(), MOST - 1);
        taken.send(()).unwrap();
        unadmitted.tasks.close();
        unadmitted.tasks.wait().await;
        assert_eq!(given.load(Ordering::Relaxed), 2);
        assert_eq!(unadmitted.permits.available_permits(), MOST);
    }
}
