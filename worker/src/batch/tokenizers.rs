//! Threads that turn request bodies into items: decoding and tokenizing are
//! work of milliseconds, which the receive loop must not wait for.

use std::sync::mpsc::{Receiver, SendError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::{self, JoinHandle};

use super::pipeline::Job;

/// A way to hand a job over later. It does not keep the pool alive.
pub(super) struct Handle(Weak<Sender<Job>>);

impl Handle {
    /// Hands a job over, or gives it back where the pool has ended.
    pub(super) fn submit(&self, job: Job) -> Result<(), Box<Job>> {
        match self.0.upgrade() {
            Some(jobs) => jobs.send(job).map_err(|SendError(job)| Box::new(job)),
            None => Err(Box::new(job)),
        }
    }
}

/// A pool of threads of its own, never a library's global one.
pub(super) struct Tokenizers {
    jobs: Option<Arc<Sender<Job>>>,
    threads: Vec<JoinHandle<()>>,
}

impl Tokenizers {
    /// Starts `threads` that each do `work`, which does not panic, on every job
    /// they get. Admission
    /// bounds how many jobs there can be.
    pub(super) fn start(
        threads: usize,
        work: impl Fn(Job) + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let (jobs, queue) = channel();
        let (queue, work) = (Arc::new(Mutex::new(queue)), Arc::new(work));
        let threads = (0..threads)
            .map(|at| {
                let (queue, work) = (Arc::clone(&queue), Arc::clone(&work));
                thread::Builder::new()
                    .name(format!("tokenize-{at}"))
                    .spawn(move || {
                        while let Some(job) = next(&queue) {
                            work(job);
                        }
                    })
            })
            .collect::<std::io::Result<_>>()?;
        Ok(Self {
            jobs: Some(Arc::new(jobs)),
            threads,
        })
    }

    /// Hands a job over; whether the pool still takes any.
    pub(super) fn submit(&self, job: Job) -> bool {
        self.jobs
            .as_ref()
            .is_some_and(|jobs| jobs.send(job).is_ok())
    }

    /// A way to hand jobs over from elsewhere.
    pub(super) fn handle(&self) -> Handle {
        Handle(self.jobs.as_ref().map_or_else(Weak::new, Arc::downgrade))
    }

    /// Finishes what was handed over and ends the threads.
    pub(super) fn stop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn next(queue: &Mutex<Receiver<Job>>) -> Option<Job> {
    queue
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .recv()
        .ok()
}
