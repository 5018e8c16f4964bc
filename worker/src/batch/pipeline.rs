//! One model's way from a request's bytes to its answer.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::admission::{Admission, Bounds, Load, Ticket};
use super::executor::Executor;
use super::memo::Memo;
use super::objects::{Files, Store, beside};
use super::pending::{Interest, Reply};
use super::plan::Budget;
use super::queue::{Queue, Rules};
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
    /// Most that may wait.
    pub bounds: Bounds,
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

/// One model with its queue and threads.
pub struct Pipeline {
    facts: Arc<Facts>,
    admission: Arc<Admission>,
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

/// What a request brings besides its bytes.
#[derive(Clone, Default)]
pub struct Terms {
    /// Fires when its caller gives it up.
    pub cancelled: CancellationToken,
    /// Where the objects are that it may name.
    pub store: Option<Arc<dyn Store>>,
}

/// Ends the interest in a request when its caller stops waiting.
struct Waiting(Arc<Interest>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Pipeline {
    /// Starts the threads of a loaded model. `on_hang` is called, once, when a
    /// run has not returned for twice its limit.
    ///
    /// # Errors
    /// Where the system gives no more threads.
    pub fn start(
        loaded: Loaded,
        settings: Settings,
        metrics: &ModelMetrics,
        on_hang: Arc<dyn Fn() + Send + Sync>,
    ) -> std::io::Result<Self> {
        let Loaded {
            facts,
            tokenizer,
            instances,
        } = loaded;
        let admission = Admission::new(settings.bounds, instances.len());
        // No run holds two texts where company would move a vector: so they spread
        // over the executors, and a query waits for one text at most.
        let most = if facts.runs_alone { 0 } else { usize::MAX };
        let queue = Arc::new(Queue::new(Rules {
            budget: settings.budget.at_most(most),
            bulk_under_queries: settings.bulk_under_queries.at_most(most),
            deduplicate: settings.deduplicate,
        }));
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
        let watchdog = Watchdog::start(slots, settings.run_limit, on_hang)?;
        let pooled = Arc::clone(&stage);
        let tokenizers = Tokenizers::start(settings.tokenizers, move |job| pooled.take(job))?;
        Ok(Self {
            facts,
            admission,
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

    /// What waits now.
    #[must_use]
    pub fn load(&self) -> Load {
        self.admission.load()
    }

    /// Bytes of vectors that are remembered.
    #[must_use]
    pub fn remembered_bytes(&self) -> u64 {
        self.memo.as_ref().map_or(0, |memo| memo.bytes())
    }

    /// Tokens per second, a moving average over runs.
    #[must_use]
    pub fn tokens_per_second(&self) -> f64 {
        self.admission.tokens_per_second()
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

    /// Admits one request, whose answer is then awaited. `room` is what a reply
    /// may take. The ticket is to be held until the reply is sent. Dropping the
    /// future gives the request up: what has not run never will.
    ///
    /// # Errors
    /// Any refusal of the contract; `overloaded` at once, before the future.
    pub fn submit(
        &self,
        call: Call,
        room: Room,
        body: Bytes,
        received: Instant,
    ) -> Result<impl Future<Output = Result<(Answer, Ticket), Error>> + Send + 'static, Error> {
        let op = self.facts.op;
        self.submit_under(Terms::default(), op, call, room, body, received)
    }

    /// As [`Self::submit`], of a request for any operation that the model serves,
    /// and that may be cancelled; the answer is that, then, and [`Self::drop_unwanted`] gives its place back.
    /// Objects that it names are read by the future.
    ///
    /// # Errors
    /// As [`Self::submit`], and `cancelled` where it is already.
    pub fn submit_under(
        &self,
        terms: Terms,
        op: Op,
        call: Call,
        room: Room,
        body: Bytes,
        received: Instant,
    ) -> Result<impl Future<Output = Result<(Answer, Ticket), Error>> + Send + 'static, Error> {
        let Terms { cancelled, store } = terms;
        if call.timeout.is_zero() || cancelled.is_cancelled() {
            self.metrics.expired_request();
            return Err(match cancelled.is_cancelled() {
                true => Error::cancelled(),
                false => deadline_exceeded(call.timeout),
            });
        }
        // Files say nothing of what their images cost; those are charged when they
        // are counted.
        let ticket = match op {
            Op::Image => self.admission.admit_as(0, body.len()),
            _ => self.admission.admit(body.len()),
        }?;
        let deadline = received + call.timeout;
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
        Ok(async move {
            let _waiting = waiting;
            if let Some((stage, job)) = inline {
                stage.take(job);
            }
            let answered = tokio::time::timeout_at(deadline.into(), beside(reading, answered));
            let answered = tokio::select! {
                // First, since a queue that sees it drops the other.
                biased;
                () = cancelled.cancelled() => return Err(Error::cancelled()),
                answered = answered => answered,
            };
            match answered {
                Ok(Ok(answer)) => answer,
                Ok(Err(_)) if Instant::now() < deadline => Err(Error::new(
                    ErrorCode::Internal,
                    "the request was lost in the worker",
                )),
                // A queue may see the deadline before the timer does, and drop it.
                Ok(Err(_)) | Err(_) => Err(deadline_exceeded(call.timeout)),
            }
        })
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

pub(super) fn deadline_exceeded(timeout: Duration) -> Error {
    let message = format!("no answer within {} ms", timeout.as_millis());
    Error::new(ErrorCode::DeadlineExceeded, message)
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;
    use crate::models::fake::{self, Behaviour};
    use crate::models::{Tokenize, Tokens};
    use crate::telemetry::metrics::Metrics;
    use crate::wire::Format;
    use crate::wire::call::Lane;
    use crate::wire::text::TextRequest;

    const BUDGET: Budget = Budget {
        padded_tokens: 8,
        squared_tokens: 64,
    };

    /// A tokenizer that two sides must meet at, before it begins and to go on.
    struct Held(Barrier);

    impl Tokenize for Held {
        fn tokenize(&self, _text: &str) -> Result<Tokens, Error> {
            self.0.wait();
            self.0.wait();
            Ok(Tokens::of_text(vec![1], false))
        }
    }

    #[tokio::test]
    async fn a_request_given_up_before_it_is_tokenized_is_counted_and_never_decoded() {
        let metrics = Metrics::new();
        let held = Arc::new(Held(Barrier::new(2)));
        let loaded = Loaded {
            tokenizer: Arc::clone(&held) as Arc<dyn Tokenize>,
            ..fake::load("Fake", 8, 1, &Behaviour::default())
        };
        let settings = Settings {
            bounds: Bounds::default(),
            budget: BUDGET,
            bulk_under_queries: BUDGET,
            deduplicate: true,
            vector_cache_bytes: 0,
            tokenizers: 1,
            inline_bytes: 0,
            run_limit: Duration::from_secs(30),
        };
        let of_model = metrics.of_model("text", "Fake");
        let pipeline = Pipeline::start(loaded, settings, &of_model, Arc::new(|| {})).unwrap();
        let call = Call {
            format: Format::MsgPack,
            timeout: Duration::from_secs(30),
            lane: Lane::Interactive,
            parts: false,
            alive: false,
        };
        let request = TextRequest {
            inputs: vec!["a".to_owned()],
            ..TextRequest::default()
        };
        let body = Bytes::from(call.format.encode(&request).unwrap());
        let submit = || {
            let room = Room::within(usize::MAX);
            pipeline
                .submit(call, room, body.clone(), Instant::now())
                .unwrap()
        };
        let first = submit();
        held.0.wait();
        drop(submit());
        held.0.wait();
        assert!(first.await.is_ok());
        // Ends the tokenizer's thread, so that it has seen the second one.
        drop(pipeline);
        let counted = r#"fastembed_expired_requests_total{op="text",model="Fake"} 1"#;
        assert!(metrics.render().contains(counted), "{}", metrics.render());
    }
}
