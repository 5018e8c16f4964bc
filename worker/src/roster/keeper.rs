//! Loads what is asked for, a model at a time, and makes room for it.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::spawn_blocking;
use tokio_util::task::TaskTracker;

use super::room::{self, Answer};
use super::slot::{Slot, Surroundings};
use crate::batch::{Company, Pipeline};
use crate::config::Model;
use crate::models::Loaded;
use crate::start::{self, Loader, Moment, Size};
use crate::telemetry::memory;
use crate::telemetry::metrics::Metrics;
use crate::wire::{Error, ErrorCode};

/// How long a load waits for models to have no work in hand, where only those
/// could leave. Past it, its callers had better go to another worker.
const PATIENCE: Duration = Duration::from_secs(1);

/// Pause between looks at who else still holds a pipeline, for a moment.
const LOOK: Duration = Duration::from_millis(1);

/// Why a model is unloaded.
const FOR_ROOM: &str = "room";
const BY_ADMIN: &str = "admin";

/// What it takes to load a model.
pub(super) struct Means {
    pub(super) loader: Loader,
    pub(super) company: Company,
}

impl Means {
    /// Loads a model before anything is asked of it. Blocks.
    pub(super) fn load_at_start(
        &self,
        model: Model,
        size: Size,
        surroundings: Surroundings,
    ) -> anyhow::Result<Arc<Slot>> {
        let (start, before) = (Instant::now(), resident_bytes());
        let loaded = self.loader.load(&model, Moment::Start)?;
        let slot = Slot::new(model, Arc::clone(&loaded.facts), size, surroundings);
        let pipeline = self.pipeline(&slot, loaded)?;
        note(&slot, &pipeline, start, before);
        slot.came(pipeline);
        Ok(slot)
    }

    fn pipeline(&self, slot: &Slot, loaded: Loaded) -> anyhow::Result<Pipeline> {
        let admission = Arc::clone(slot.admission());
        let settings = self.loader.settings();
        let (metrics, company) = (slot.metrics(), &self.company);
        Ok(Pipeline::start(
            loaded, settings, admission, metrics, company,
        )?)
    }
}

/// Why a model was not loaded.
enum Fault {
    /// For now.
    Room(&'static str),
    /// It cannot be used as it is.
    Broken(String),
}

impl Fault {
    fn reason(&self) -> &str {
        match self {
            Self::Room(reason) => reason,
            Self::Broken(reason) => reason,
        }
    }

    /// What callers are told.
    fn told(&self) -> Error {
        match self {
            Self::Room(reason) => {
                let message = format_args!("no memory: {reason}");
                let pause = u32::try_from(PATIENCE.as_millis()).unwrap_or(u32::MAX);
                Error::new(ErrorCode::Overloaded, message).with_retry_after_ms(pause)
            }
            Self::Broken(_) => Error::new(ErrorCode::Internal, "the model could not be loaded"),
        }
    }
}

pub(super) struct Keeper {
    pub(super) means: Arc<Means>,
    /// Bytes; 0: no bound.
    pub(super) budget: u64,
    pub(super) slots: Arc<[Arc<Slot>]>,
    pub(super) metrics: Arc<Metrics>,
    /// Rings when a model has no work in hand any more, or has left.
    pub(super) idle: Arc<Notify>,
    /// Loads and unloads that are under way; closed when none is to begin.
    pub(super) working: TaskTracker,
}

impl Keeper {
    /// Loads what is asked for, in that order.
    pub(super) async fn keep(self: Arc<Self>, mut wishes: UnboundedReceiver<usize>) {
        while let Some(at) = wishes.recv().await {
            if self.working.is_closed() {
                return;
            }
            if let Some(slot) = self.slots.get(at) {
                self.working.track_future(self.load(slot)).await;
            }
        }
    }

    async fn load(self: &Arc<Self>, slot: &Arc<Slot>) {
        let facts = slot.facts();
        let (op, name) = (facts.op.as_str(), &facts.name);
        match self.try_load(slot).await {
            Ok(pipeline) => {
                self.metrics.model_load(op, name, "ok");
                slot.came(pipeline);
                self.give_way(slot).await;
            }
            Err(fault) => {
                self.metrics.model_load(op, name, "failed");
                let reason = fault.reason();
                tracing::error!(model = %name, reason, "a model could not be loaded");
                slot.failed(fault.told());
            }
        }
    }

    /// The model, having run once.
    async fn try_load(self: &Arc<Self>, slot: &Arc<Slot>) -> Result<Pipeline, Fault> {
        self.make_room(slot).await.map_err(Fault::Room)?;
        let (start, before) = (Instant::now(), resident_bytes());
        let (means, read) = (Arc::clone(&self.means), Arc::clone(slot));
        let read = spawn_blocking(move || {
            let loaded = means.loader.load(read.model(), Moment::Later)?;
            means.pipeline(&read, loaded)
        });
        let pipeline = read
            .await
            .map_err(|_| Fault::Broken("loading panicked".to_owned()))?
            .map_err(|fault| Fault::Broken(format!("{fault:#}")))?;
        if let Err(fault) = start::first_inference(&pipeline, slot.metrics()).await {
            end(Arc::new(pipeline)).await;
            return Err(Fault::Broken(format!("{fault:#}")));
        }
        note(slot, &pipeline, start, before);
        Ok(pipeline)
    }

    /// Has models leave until there is room for this one.
    async fn make_room(&self, slot: &Slot) -> Result<(), &'static str> {
        if self.budget == 0 {
            return Ok(());
        }
        let until = tokio::time::Instant::now() + PATIENCE;
        loop {
            let mut idle = pin!(self.idle.notified());
            idle.as_mut().enable();
            let held: Vec<_> = self.slots.iter().filter_map(|slot| slot.held()).collect();
            match room::make(&held, slot.memory(), self.budget) {
                Answer::Leave(leaving) if leaving.is_empty() => return Ok(()),
                Answer::Leave(leaving) => self.dismiss(&leaving).await,
                Answer::Wait => {
                    if tokio::time::timeout_at(until, idle).await.is_err() {
                        return Err("the models that could leave have work in hand");
                    }
                }
                Answer::Never if slot.forget_measured() => {}
                Answer::Never => return Err("it does not fit into runtime.memory_budget_bytes"),
            }
        }
    }

    /// After a load that took more than was thought: others leave that can.
    async fn give_way(&self, came: &Slot) {
        if self.budget == 0 {
            return;
        }
        let others = self
            .slots
            .iter()
            .filter(|slot| !std::ptr::eq(&***slot, came));
        let held: Vec<_> = others.filter_map(|slot| slot.held()).collect();
        match room::make(&held, came.memory(), self.budget) {
            Answer::Leave(leaving) => self.dismiss(&leaving).await,
            Answer::Wait | Answer::Never => tracing::warn!(
                model = %came.facts().name,
                memory_bytes = came.memory(),
                "the loaded models take more than runtime.memory_budget_bytes"
            ),
        }
    }

    async fn dismiss(&self, leaving: &[usize]) {
        for slot in leaving.iter().filter_map(|at| self.slots.get(*at)) {
            self.try_unload(slot, FOR_ROOM).await;
        }
    }

    /// Unloads a model when all that it was asked is answered.
    pub(super) async fn retire(&self, slot: &Slot) {
        slot.may_leave();
        loop {
            let (mut idle, mut changed) = (pin!(self.idle.notified()), pin!(slot.changed()));
            idle.as_mut().enable();
            changed.as_mut().enable();
            if slot.is_absent() || self.try_unload(slot, BY_ADMIN).await {
                return;
            }
            tokio::select! {
                () = idle => {}
                // A load that is under way ends in a model that can be unloaded.
                () = changed => {}
            }
        }
    }

    /// Unloads a model that has no work in hand; whether it was one.
    async fn try_unload(&self, slot: &Slot, reason: &'static str) -> bool {
        let Some(pipeline) = slot.leave() else {
            return false;
        };
        let facts = Arc::clone(pipeline.facts());
        let (op, name) = (facts.op.as_str(), &facts.name);
        let left = async {
            end(pipeline).await;
            slot.left();
        };
        self.working.track_future(left).await;
        self.metrics.model_unload(op, name, reason);
        tracing::info!(model = %name, reason, "model unloaded");
        true
    }
}

/// What this process holds.
fn resident_bytes() -> Option<u64> {
    memory::bytes("self", memory::RESIDENT)
}

/// Says what was loaded, and measures it.
fn note(slot: &Slot, pipeline: &Pipeline, start: Instant, before: Option<u64>) {
    if let (Some(before), Some(after)) = (before, resident_bytes()) {
        slot.measured(after.saturating_sub(before));
    }
    let facts = pipeline.facts();
    tracing::info!(
        model = %facts.name,
        space = %facts.space,
        source = %facts.source,
        executors = facts.executors,
        threads = facts.threads,
        batch_invariant = facts.batch_invariant,
        memory_bytes = slot.memory(),
        load_ms = start.elapsed().as_secs_f64() * 1e3,
        "model loaded"
    );
}

/// Ends a pipeline's threads and gives its memory back. Whoever else looks at it
/// does so for a moment, and must not be the one to wait for its threads.
async fn end(mut pipeline: Arc<Pipeline>) {
    let ended = spawn_blocking(move || {
        loop {
            match Arc::try_unwrap(pipeline) {
                Ok(last) => return drop(last),
                Err(shared) => pipeline = shared,
            }
            std::thread::sleep(LOOK);
        }
    });
    // A panic there leaves nothing to give back.
    let _ = ended.await;
}
