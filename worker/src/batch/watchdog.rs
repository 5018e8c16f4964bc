//! Runs that take too long: ended, and where that fails, reported.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::audience::{self, Audience};
use super::processors::Grant;
use crate::models::Terminate;
use crate::wire::{Error, ErrorCode};

/// How often the watchdog looks, as a share of the limit and at the longest.
const LOOKS_PER_LIMIT: u32 = 10;
const LONGEST_LOOK: Duration = Duration::from_millis(250);

/// What one executor runs, as the watchdog sees it.
pub(super) struct Slot {
    running: Mutex<Option<Running>>,
    terminator: Arc<dyn Terminate>,
}

struct Running {
    started: Instant,
    rows: Vec<Arc<Audience>>,
    /// What it runs on, until it has returned or hung.
    grant: Option<Grant>,
    terminated: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Fine,
    Terminated,
    Hung,
}

impl Slot {
    pub(super) fn new(terminator: Arc<dyn Terminate>) -> Arc<Self> {
        Arc::new(Self {
            running: Mutex::new(None),
            terminator,
        })
    }

    /// A run of these rows starts, on these processors.
    pub(super) fn enter(&self, rows: Vec<Arc<Audience>>, grant: Grant) {
        *self.running() = Some(Running {
            started: Instant::now(),
            rows,
            grant: Some(grant),
            terminated: false,
        });
    }

    /// The run has returned. After this nothing terminates it, nor the next one
    /// in its place.
    pub(super) fn leave(&self) {
        *self.running() = None;
    }

    /// Terminates a run past `limit` and answers its callers. One that goes on
    /// for as long again has hung.
    fn look(&self, limit: Duration) -> Verdict {
        let mut slot = self.running();
        let Some(running) = slot.as_mut() else {
            return Verdict::Fine;
        };
        let elapsed = running.started.elapsed();
        if running.terminated {
            return if elapsed > 2 * limit {
                // What else was admitted is still to be answered.
                running.grant = None;
                Verdict::Hung
            } else {
                Verdict::Terminated
            };
        }
        if elapsed <= limit {
            return Verdict::Fine;
        }
        running.terminated = true;
        // Under the lock, so that it cannot strike the run that comes next.
        self.terminator.terminate();
        let message = format!("the model took longer than {} ms", limit.as_millis());
        let error = Error::new(ErrorCode::Internal, message);
        audience::fail_all(running.rows.drain(..), &error);
        Verdict::Terminated
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread that looks.
pub(super) struct Watchdog {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    /// Watches `slots`; calls `on_hang` once, if a run does not return.
    pub(super) fn start(
        slots: Vec<Arc<Slot>>,
        limit: Duration,
        on_hang: Arc<dyn Fn() + Send + Sync>,
    ) -> std::io::Result<Self> {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let stopped = Arc::clone(&stop);
        let pause = (limit / LOOKS_PER_LIMIT).min(LONGEST_LOOK);
        let watch = move || {
            let mut hung = false;
            while !wait(&stopped, pause) {
                if slots.iter().any(|slot| slot.look(limit) == Verdict::Hung) && !hung {
                    hung = true;
                    tracing::error!(
                        limit_ms = limit.as_millis() as u64,
                        "a run of the model does not return"
                    );
                    on_hang();
                }
            }
        };
        let thread = thread::Builder::new()
            .name("watchdog".to_owned())
            .spawn(watch)?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

/// Waits for a while; whether it is time to stop.
fn wait((stop, changed): &(Mutex<bool>, Condvar), pause: Duration) -> bool {
    let stop = stop.lock().unwrap_or_else(PoisonError::into_inner);
    let waited = changed.wait_timeout_while(stop, pause, |stop| !*stop);
    *waited.unwrap_or_else(PoisonError::into_inner).0
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        let (stop, changed) = &*self.stop;
        *stop.lock().unwrap_or_else(PoisonError::into_inner) = true;
        changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // It holds nothing that a panic could leave half done.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio_util::sync::CancellationToken;

    use crate::batch::admission::{Admission, Bounds};
    use crate::batch::plan::Budget;
    use crate::batch::processors::Processors;
    use crate::batch::{Company, Pipeline, Request, Settings};
    use crate::models::Op;
    use crate::models::fake::{self, Behaviour};
    use crate::telemetry::metrics::Metrics;
    use crate::wire::Format;
    use crate::wire::call::{Call, Lane};
    use crate::wire::reply::{Answer, Room};
    use crate::wire::text::TextRequest;

    // Long enough for a thread that a busy machine keeps waiting.
    const LIMIT: Duration = Duration::from_millis(250);

    fn pipeline(on_hang: impl Fn() + Send + Sync + 'static) -> Pipeline {
        let behaviour = Behaviour {
            stall_on: Some("stall".into()),
            hang_on: Some("hang".into()),
            ..Behaviour::default()
        };
        let budget = Budget {
            padded_tokens: 64,
            squared_tokens: 4096,
        };
        let settings = Settings {
            budget,
            bulk_under_queries: budget,
            deduplicate: true,
            vector_cache_bytes: 0,
            tokenizers: 1,
            inline_bytes: 0,
            run_limit: LIMIT,
        };
        let metrics = Metrics::new().of_model("text", "Fake");
        let company = Company {
            processors: Processors::new(2),
            on_hang: Arc::new(on_hang),
        };
        let loaded = fake::load("Fake", 16, 2, &behaviour);
        let admission = Admission::new(Bounds::default(), 1);
        Pipeline::start(loaded, settings, admission, &metrics, &company).unwrap()
    }

    async fn embed(pipeline: &Pipeline, text: &str) -> Result<Answer, Error> {
        let call = Call {
            format: Format::MsgPack,
            timeout: Duration::from_secs(60),
            lane: Lane::Interactive,
            parts: false,
            alive: false,
        };
        let request = TextRequest {
            inputs: vec![text.into()],
            ..TextRequest::default()
        };
        let body = call.format.encode(&request)?.into();
        let request = Request {
            op: Op::Text,
            call,
            room: Room::within(1 << 20),
            body,
            received: Instant::now(),
            cancelled: CancellationToken::new(),
            store: None,
        };
        let metrics = Metrics::new().of_model("text", "Fake");
        let ticket = request.admit(&Admission::new(Bounds::default(), 1), &metrics)?;
        pipeline
            .submit(request, ticket)?
            .await
            .map(|(answer, _ticket)| answer)
    }

    #[tokio::test]
    async fn a_run_past_its_limit_is_ended_and_its_executor_goes_on() {
        let pipeline = pipeline(|| panic!("the run was ended, so nothing hangs"));
        // More than there are executors: each must come back.
        for _ in 0..4 {
            let error = embed(&pipeline, "stall").await.unwrap_err();
            assert_eq!(error.code, ErrorCode::Internal);
            assert!(error.message.contains("250 ms"), "{}", error.message);
        }
        assert!(embed(&pipeline, "fine").await.is_ok());
    }

    #[tokio::test]
    async fn a_run_that_never_returns_is_reported_and_the_others_go_on() {
        let hung = Arc::new(tokio::sync::Notify::new());
        let report = Arc::clone(&hung);
        let pipeline = pipeline(move || report.notify_one());
        assert_eq!(
            embed(&pipeline, "hang").await.unwrap_err().code,
            ErrorCode::Internal
        );
        hung.notified().await;
        assert!(embed(&pipeline, "fine").await.is_ok());
        // Its thread cannot be joined.
        std::mem::forget(pipeline);
    }
}
