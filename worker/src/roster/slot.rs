//! One configured model, whether it is loaded or not.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::sync::mpsc::UnboundedSender;

use super::life::Life;
use super::room::Held;
use crate::batch::admission::{Admission, Bounds, Load, Ticket};
use crate::batch::{Pipeline, Request};
use crate::config::Model;
use crate::models::Facts;
use crate::start::{self, Size};
use crate::telemetry::metrics::{Metrics, ModelMetrics};
use crate::wire::reply::Answer;
use crate::wire::{Error, ErrorCode};

/// A model's place among the others.
pub(super) struct Surroundings {
    /// Its index.
    pub(super) at: usize,
    pub(super) bounds: Bounds,
    pub(super) metrics: Arc<Metrics>,
    /// Rings when a model has no work in hand any more, or has left.
    pub(super) idle: Arc<Notify>,
    /// Where its index goes when it is to be loaded.
    pub(super) wanted: UnboundedSender<usize>,
}

/// One configured model.
pub struct Slot {
    model: Model,
    facts: RwLock<Arc<Facts>>,
    /// Older and younger than any one load, as requests wait for that too.
    admission: Arc<Admission>,
    metrics: ModelMetrics,
    surroundings: Surroundings,
    files: u64,
    /// What it takes by the rule of thumb.
    thumb: u64,
    /// What it takes when it is loaded, as far as is known.
    memory: AtomicU64,
    /// It is asked for on the bus.
    open: AtomicBool,
    /// It was loaded at start, and nobody has unloaded it.
    stays: AtomicBool,
    life: Mutex<Life>,
    /// Rings when its state has changed.
    changed: Notify,
}

/// A request's hold on its model, which is not unloaded meanwhile.
pub struct Hand(Arc<Slot>);

/// An answer, with what must be held until it is sent.
pub struct Served {
    /// What to write.
    pub answer: Answer,
    /// The model's facts, as of the load that answered.
    pub facts: Arc<Facts>,
    /// The place in the queue, and the hold on the model.
    pub until_sent: (Ticket, Hand),
}

impl Slot {
    pub(super) fn new(
        model: Model,
        facts: Arc<Facts>,
        size: Size,
        surroundings: Surroundings,
    ) -> Arc<Self> {
        Arc::new(Self {
            metrics: surroundings
                .metrics
                .of_model(facts.op.as_str(), &facts.name),
            facts: RwLock::new(facts),
            admission: Admission::new(surroundings.bounds, 1),
            files: size.files,
            thumb: size.memory,
            memory: AtomicU64::new(size.memory),
            open: AtomicBool::new(true),
            stays: AtomicBool::new(!model.lazy),
            model,
            surroundings,
            life: Mutex::new(Life::new(Instant::now())),
            changed: Notify::new(),
        })
    }

    /// Its settings.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Whether it is loaded with its first request.
    #[must_use]
    pub fn is_lazy(&self) -> bool {
        self.model.lazy
    }

    /// What it is: as it was loaded last, or as its files said at start.
    #[must_use]
    pub fn facts(&self) -> Arc<Facts> {
        let facts = self.facts.read();
        Arc::clone(&facts.unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether it is asked for on the bus.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }

    /// Notes whether it is asked for on the bus.
    pub fn set_open(&self, open: bool) {
        self.open.store(open, Ordering::Relaxed);
    }

    /// `loaded`, or how far from it.
    #[must_use]
    pub fn state(&self) -> &'static str {
        self.life().name()
    }

    /// What waits for it now.
    #[must_use]
    pub fn load(&self) -> Load {
        self.admission.load()
    }

    /// Tokens per second, a moving average over runs.
    #[must_use]
    pub fn tokens_per_second(&self) -> f64 {
        self.admission.tokens_per_second()
    }

    /// Its threads and queue, while it is loaded.
    #[must_use]
    pub fn pipeline(&self) -> Option<Arc<Pipeline>> {
        self.life().pipeline()
    }

    /// Sets what is known only when somebody looks.
    pub fn show(&self, metrics: &Metrics) {
        let (facts, pipeline) = (self.facts(), self.pipeline());
        let (op, name) = (facts.op.as_str(), &facts.name);
        let remembered = pipeline
            .as_ref()
            .map_or(0, |model| model.remembered_bytes());
        metrics.set_load(op, name, self.load(), remembered);
        let memory = pipeline.as_ref().map_or(0, |_| self.memory());
        metrics.set_loaded(op, name, pipeline.is_some(), memory);
    }

    /// Admits one request, whose answer is then awaited. A model that is not
    /// loaded is, and the request waits for it.
    ///
    /// # Errors
    /// Any refusal of the contract; `overloaded` at once, before the future.
    pub fn submit(
        self: &Arc<Self>,
        request: Request,
    ) -> Result<impl Future<Output = Result<Served, Error>> + Send + use<>, Error> {
        let ticket = request.admit(&self.admission, &self.metrics)?;
        let hand = Hand::take(self);
        let entered = match self.pipeline() {
            Some(pipeline) => Ok((pipeline.submit(request, ticket)?, pipeline.facts().clone())),
            None => {
                self.want()?;
                Err((request, ticket))
            }
        };
        let slot = Arc::clone(self);
        Ok(async move {
            let (answer, facts) = match entered {
                Ok(entered) => entered,
                Err((request, ticket)) => {
                    let pipeline = slot.loaded_for(&request).await?;
                    (pipeline.submit(request, ticket)?, pipeline.facts().clone())
                }
            };
            let (answer, ticket) = answer.await?;
            Ok(Served {
                answer,
                facts,
                until_sent: (ticket, hand),
            })
        })
    }

    /// Waits until it is loaded, and has it loaded.
    ///
    /// # Errors
    /// Why it cannot be.
    pub async fn loaded(&self) -> Result<Arc<Pipeline>, Error> {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            self.want()?;
            if let Some(pipeline) = self.pipeline() {
                return Ok(pipeline);
            }
            changed.await;
        }
    }

    /// The same, for as long as the request is worth answering.
    async fn loaded_for(&self, request: &Request) -> Result<Arc<Pipeline>, Error> {
        let loaded = tokio::time::timeout_at(request.deadline().into(), self.loaded());
        let expired = tokio::select! {
            biased;
            () = request.cancelled.cancelled() => Error::cancelled(),
            loaded = loaded => match loaded {
                Ok(loaded) => return loaded,
                Err(_elapsed) => request.expired(),
            },
        };
        self.metrics.expired_request();
        Err(expired)
    }

    /// Has it loaded, unless it is or will be.
    ///
    /// # Errors
    /// Why it could not be a moment ago.
    fn want(&self) -> Result<(), Error> {
        if !self.life().want(Instant::now())? {
            return Ok(());
        }
        let surroundings = &self.surroundings;
        surroundings.wanted.send(surroundings.at).map_err(|_| {
            // The keeper goes with the worker.
            Error::new(ErrorCode::Draining, "this worker is stopping")
        })
    }

    /// It can be asked from now on.
    pub(super) fn came(&self, pipeline: Pipeline) {
        let facts = Arc::clone(pipeline.facts());
        *self.facts.write().unwrap_or_else(PoisonError::into_inner) = facts;
        self.life().came(pipeline, Instant::now());
        self.changed.notify_waiters();
    }

    /// It could not be loaded; who waits is told.
    pub(super) fn failed(&self, error: Error) {
        self.life().failed(error, Instant::now());
        self.changed.notify_waiters();
    }

    /// Has the next who wants it try at once, though it could not be loaded a
    /// moment ago.
    pub fn forgive(&self) {
        self.life().forgive();
    }

    /// Rings when its state has changed.
    pub(super) fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }

    /// Takes its threads away, unless it has work in hand or is not loaded.
    pub(super) fn leave(&self) -> Option<Arc<Pipeline>> {
        self.life().leave()
    }

    /// Its threads have ended.
    pub(super) fn left(&self) {
        self.life().left();
        self.changed.notify_waiters();
        self.surroundings.idle.notify_waiters();
    }

    /// Whether it is not loaded, nor about to be.
    pub(super) fn is_absent(&self) -> bool {
        self.life().is_absent()
    }

    /// As it stands for who looks for room; none where it takes none.
    pub(super) fn held(&self) -> Option<Held> {
        let life = self.life();
        life.held().map(|is_idle| Held {
            at: self.surroundings.at,
            bytes: self.memory(),
            used: life.used(),
            may_leave: life.is_leaving() || !self.stays.load(Ordering::Relaxed),
            is_idle,
        })
    }

    /// What it takes when it is loaded: as measured, or by a rule of thumb.
    pub(super) fn memory(&self) -> u64 {
        self.memory.load(Ordering::Relaxed)
    }

    /// By how much the process grew with it. What was given back before and not
    /// to the system hides a part of it, but never its files' own size.
    pub(super) fn measured(&self, growth: u64) {
        self.memory.store(growth.max(self.files), Ordering::Relaxed);
    }

    /// Goes back to the rule of thumb, where that says less: whatever else ran when
    /// it was measured must not keep it out for good. Whether it did.
    pub(super) fn forget_measured(&self) -> bool {
        self.memory.fetch_min(self.thumb, Ordering::Relaxed) > self.thumb
    }

    /// It has been unloaded on request, and has no right to stay any more.
    pub(super) fn may_leave(&self) {
        self.stays.store(false, Ordering::Relaxed);
    }

    pub(super) fn admission(&self) -> &Arc<Admission> {
        &self.admission
    }

    pub(super) fn metrics(&self) -> &ModelMetrics {
        &self.metrics
    }

    /// Makes one inference, if it is loaded.
    pub(super) async fn first_inference(&self) -> anyhow::Result<()> {
        match self.pipeline() {
            Some(pipeline) => start::first_inference(&pipeline, &self.metrics).await,
            None => Ok(()),
        }
    }

    /// Ends its threads, if it has any. Blocks.
    pub(super) fn close(&self) {
        let pipeline = self.life().end();
        drop(pipeline);
    }

    fn life(&self) -> MutexGuard<'_, Life> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hand {
    fn take(slot: &Arc<Slot>) -> Self {
        slot.life().taken();
        Self(Arc::clone(slot))
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        let is_idle = self.0.life().answered(Instant::now());
        if is_idle {
            self.0.surroundings.idle.notify_waiters();
        }
    }
}
