//! One model's way from a request's bytes to its answer.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use super::admission::{Admission, Ticket};
use super::executor::Executor;
use super::memo::Memo;
use super::objects::{Files, beside};
use super::pending::{Interest, Reply};
use super::plan::Budget;
use super::processors::Processors;
use super::queue::{Queue, Rules};
use super::request::Request;
use super::stage::Stage;
use super::tokenizers::Tokenizers;
use super::watchdog::{Slot, Watchdog};
use crate::models::{Facts, Loaded, Op};
use crate::telemetry::logs::Failures;
use crate::telemetry::metrics::ModelMetrics;
use crate::telemetry::window::Window;
use crate::wire::call::Call;
use crate::wire::reply::{Answer, Room};
use crate::wire::text::has_few_inputs;
use crate::wire::{Error, ErrorCode};

/// How a pipeline is cut.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Most that one run may hold.
    pub budget: Budget,
    /// Most that a run of bulk may hold while queries come.
    pub bulk_under_queries: Budget,
    /// Compute equal texts that are in flight once.
    pub deduplicate: bool,
    /// Bytes of vectors to remember; none at 0.
    pub vector_cache_bytes: usize,
    /// Threads that decode and tokenize.
    pub tokenizers: usize,
    /// Largest body, in bytes, that is decoded and tokenized where it is awaited:
    /// a fraction of a millisecond, less than handing it to a thread can take.
    pub inline_bytes: usize,
    /// Longest that one run may take; past it, its callers are answered and it
    /// is ended.
    pub run_limit: Duration,
}

/// What the models of a worker share.
#[derive(Clone)]
pub struct Company {
    /// What they run on.
    pub processors: Arc<Processors>,
    /// Called, once for a model, when a run has not returned for twice its limit.
    pub on_hang: Arc<dyn Fn() + Send + Sync>,
}

/// One model with its queue and threads.
pub struct Pipeline {
    facts: Arc<Facts>,
    waits: Arc<Window>,
    queue: Arc<Queue>,
    memo: Option<Arc<Memo>>,
    stage: Arc<Stage>,
    inline_bytes: usize,
    tokenizers: Tokenizers,
    executors: Vec<JoinHandle<()>>,
    metrics: ModelMetrics,
    _watchdog: Watchdog,
}

/// An answer to come, with what is to be held until it is sent.
pub type Answering = BoxFuture<'static, Result<(Answer, Ticket), Error>>;

/// A request that was admitted, on its way to a tokenizer thread.
pub(super) struct Job {
    pub(super) op: Op,
    pub(super) call: Call,
    pub(super) room: Room,
    pub(super) body: Bytes,
    pub(super) files: Files,
    pub(super) received: Instant,
    pub(super) ticket: Ticket,
    pub(super) interest: Arc<Interest>,
    pub(super) reply: Reply,
}

/// Ends the interest in a request when its caller stops waiting.
struct Waiting(Arc<Interest>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Lets the executors end that have started, where something else could not.
struct Closing(Option<Arc<Queue>>);

impl Drop for Closing {
    fn drop(&mut self) {
        if let Some(queue) = &self.0 {
            queue.close();
        }
    }
}

impl Pipeline {
    /// Starts the threads of a loaded model, behind a gate that may be older than
    /// this load of it.
    ///
    /// # Errors
    /// Where the system gives no more threads.
    pub fn start(
        loaded: Loaded,
        settings: Settings,
        admission: Arc<Admission>,
        metrics: &ModelMetrics,
        company: &Company,
    ) -> std::io::Result<Self> {
        let Loaded {
            facts,
            tokenizer,
            instances,
        } = loaded;
        admission.runs_on(instances.len());
        let share = company.processors.share(instances.len(), facts.threads);
        // No run holds two texts where company would move a vector: so they spread
        // over the executors, and a query waits for one text at most.
        let most = if facts.runs_alone { 0 } else { usize::MAX };
        let rules = Rules {
            budget: settings.budget.at_most(most),
            bulk_under_queries: settings.bulk_under_queries.at_most(most),
            deduplicate: settings.deduplicate,
        };
        let queue = Arc::new(Queue::new(rules, share));
        let mut unless_all_start = Closing(Some(Arc::clone(&queue)));
        let waits = Arc::new(Window::default());
        let slots: Vec<Arc<Slot>> = instances
            .iter()
            .map(|model| Slot::new(model.terminator()))
            .collect();
        let executors = instances
            .into_iter()
            .zip(&slots)
            .enumerate()
            .map(|(at, (model, slot))| {
                let executor = Executor {
                    model,
                    slot: Arc::clone(slot),
                    facts: Arc::clone(&facts),
                    queue: Arc::clone(&queue),
                    admission: Arc::clone(&admission),
                    waits: Arc::clone(&waits),
                    metrics: metrics.clone(),
                    failures: Failures::default(),
                };
                thread::Builder::new()
                    .name(format!("execute-{at}"))
                    .spawn(move || executor.run())
            })
            .collect::<std::io::Result<_>>()?;
        // Vectors of texts are what comes again.
        let remembered = match facts.op {
            Op::Text => settings.vector_cache_bytes,
            _ => 0,
        };
        let memo = Memo::of(remembered, facts.shape.dense);
        let stage = Arc::new(Stage {
            memo: memo.clone(),
            facts: Arc::clone(&facts),
            tokenizer,
            queue: Arc::clone(&queue),
            metrics: metrics.clone(),
        });
        let watchdog = Watchdog::start(slots, settings.run_limit, Arc::clone(&company.on_hang))?;
        let pooled = Arc::clone(&stage);
        let tokenizers = Tokenizers::start(settings.tokenizers, move |job| pooled.take(job))?;
        unless_all_start.0 = None;
        Ok(Self {
            facts,
            waits,
            queue,
            memo,
            stage,
            inline_bytes: settings.inline_bytes,
            tokenizers,
            executors,
            metrics: metrics.clone(),
            _watchdog: watchdog,
        })
    }

    /// What is fixed about the model.
    #[must_use]
    pub fn facts(&self) -> &Arc<Facts> {
        &self.facts
    }

    /// Bytes of vectors that are remembered.
    #[must_use]
    pub fn remembered_bytes(&self) -> u64 {
        self.memo.as_ref().map_or(0, |memo| memo.bytes())
    }

    /// How long texts waited lately.
    #[must_use]
    pub fn waits(&self) -> &Window {
        &self.waits
    }

    /// Drops at once what waits here and was cancelled, with the places that it
    /// took. What runs is thrown away when it has run.
    pub fn drop_unwanted(&self) {
        self.queue
            .drop_unwanted(|texts| self.metrics.expired(texts));
    }

    /// Takes a request that was admitted; its answer is then awaited, and the ticket
    /// that comes with it is to be held until that is sent. Dropping the future gives
    /// the request up: what has not run never will.
    ///
    /// # Errors
    /// `draining`. From the future, any refusal of the contract.
    pub fn submit(&self, request: Request, ticket: Ticket) -> Result<Answering, Error> {
        let deadline = request.deadline();
        let Request {
            op,
            call,
            room,
            body,
            received,
            cancelled,
            store,
        } = request;
        let waiting = Waiting(Interest::until(deadline, cancelled.clone()));
        let (reply, answered) = oneshot::channel();
        let interest = Arc::clone(&waiting.0);
        let store = store.filter(|_| op == Op::Image);
        let (files, reading) = Files::through(store, self.tokenizers.handle());
        let job = Job {
            op,
            call,
            room,
            body,
            files,
            received,
            ticket,
            interest,
            reply,
        };
        let mut inline = None;
        let is_short = job.body.len() <= self.inline_bytes && op != Op::Image;
        if is_short && has_few_inputs(&job.body) {
            inline = Some((Arc::clone(&self.stage), job));
        } else if !self.tokenizers.submit(job) {
            return Err(Error::new(ErrorCode::Draining, "this worker is stopping"));
        }
        // Boxed: it is some kilobytes, and copying them from hand to hand took a tenth
        // of all time where a model costs nothing.
        let answer = async move {
            if let Some((stage, job)) = inline {
                stage.take(job);
            }
            let answered = tokio::time::timeout_at(deadline.into(), beside(reading, answered));
            let answered = tokio::select! {
                biased;
                () = cancelled.cancelled() => return Err(Error::cancelled()),
                answered = answered => answered,
            };
            match answered {
                Ok(Ok(answer)) => answer,
                // A queue may see its end before we do, and drop it.
                Ok(Err(_)) => Err(waiting.0.unanswered(Instant::now(), call.timeout)),
                Err(_elapsed) => Err(waiting.0.end_of(call.timeout)),
            }
        };
        Ok(answer.boxed())
    }
}

/// Finishes what was admitted, then ends all threads.
impl Drop for Pipeline {
    fn drop(&mut self) {
        self.tokenizers.stop();
        self.queue.close();
        for thread in self.executors.drain(..) {
            // A thread of ours that panicked has nothing left to give back.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;
