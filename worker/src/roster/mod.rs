//! The models of a worker, loaded or not: who is here, who comes, who leaves.
//!
//! A slot for each configured model, which its requests go through; one keeper
//! that loads and unloads, a model at a time.

mod keeper;
mod life;
mod room;
mod slot;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use anyhow::ensure;
use tokio::sync::{Mutex, Notify, OwnedMutexGuard, mpsc};
use tokio::task::{spawn_blocking, unconstrained};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::batch::Company;
use crate::config::{Config, Model};
use crate::start::{Loader, Size};
use crate::telemetry::metrics::Metrics;
use keeper::{Keeper, Means};
use slot::Surroundings;

pub use slot::{Hand, Served, Slot};

/// Every configured model.
pub struct Roster {
    slots: Arc<[Arc<Slot>]>,
    keeper: Arc<Keeper>,
    /// Operators' commands are carried out one at a time, whichever connection they
    /// came on.
    turn: Arc<Mutex<()>>,
    /// Loads what is asked for, until the roster goes.
    _keeping: AbortOnDropHandle<()>,
}

impl Roster {
    /// Looks at the files of every model and loads those that are not lazy, one
    /// after another. Blocks for as long as that takes; to be called where a runtime
    /// is.
    ///
    /// # Errors
    /// The first model that cannot be loaded, or that has no room.
    pub fn load(config: &Config, company: Company, metrics: &Arc<Metrics>) -> anyhow::Result<Self> {
        let served = config.served();
        let means = Arc::new(Means {
            loader: Loader::new(config)?,
            company,
        });
        let budget = config.runtime.memory_budget_bytes;
        let sizes = sizes(&means.loader, &served, budget)?;
        let (wanted, wishes) = mpsc::unbounded_channel();
        let idle = Arc::<Notify>::default();
        let slots: Arc<[Arc<Slot>]> = served
            .into_iter()
            .zip(sizes)
            .enumerate()
            .map(|(at, (model, size))| {
                let surroundings = Surroundings {
                    at,
                    bounds: config.queue.bounds(),
                    metrics: Arc::clone(metrics),
                    idle: Arc::clone(&idle),
                    wanted: wanted.clone(),
                };
                if model.lazy {
                    let facts = means.loader.survey(&model)?.into();
                    Ok(Slot::new(model, facts, size, surroundings))
                } else {
                    means.load_at_start(model, size, surroundings)
                }
            })
            .collect::<anyhow::Result<_>>()?;
        let keeper = Arc::new(Keeper {
            means,
            budget,
            slots: Arc::clone(&slots),
            metrics: Arc::clone(metrics),
            idle,
            working: TaskTracker::new(),
        });
        Ok(Self {
            _keeping: AbortOnDropHandle::new(tokio::spawn(Arc::clone(&keeper).keep(wishes))),
            slots,
            keeper,
            turn: Arc::default(),
        })
    }

    /// Makes one inference on every model that is loaded.
    ///
    /// # Errors
    /// The first model that cannot answer.
    pub async fn first_inference(&self) -> anyhow::Result<()> {
        for slot in self.slots.iter() {
            slot.first_inference().await?;
        }
        Ok(())
    }

    /// The slots, in the order of the configuration.
    #[must_use]
    pub fn slots(&self) -> &Arc<[Arc<Slot>]> {
        &self.slots
    }

    /// The turn to load or unload on request, in the order in which this was polled
    /// first.
    pub fn turn(&self) -> impl Future<Output = OwnedMutexGuard<()>> + Send + use<> {
        // A look that is made to yield would not be in line.
        unconstrained(Arc::clone(&self.turn).lock_owned())
    }

    /// Unloads a model when all that it was asked is answered. Nobody must ask it
    /// any more.
    pub async fn unload(&self, slot: &Slot) {
        self.keeper.retire(slot).await;
    }

    /// Ends all threads, when what they were asked is done, and waits for the load
    /// and the unloads that are under way. None is begun any more.
    pub async fn close(&self) {
        let close = || {
            let slots = Arc::clone(&self.slots);
            spawn_blocking(move || slots.iter().for_each(|slot| slot.close()))
        };
        self.keeper.working.close();
        let _ = tokio::join!(close(), self.keeper.working.wait());
        // What came meanwhile.
        let _ = close().await;
    }
}

/// How large the models are.
///
/// # Errors
/// Where one alone takes more than there is room for beside the models that stay, by
/// the rule of thumb that its first load goes by too.
fn sizes(loader: &Loader, served: &[Model], budget: u64) -> anyhow::Result<Vec<Size>> {
    let sizes = served.iter().map(|model| loader.size(model));
    let sizes = sizes.collect::<anyhow::Result<Vec<Size>>>()?;
    let memory = |is_lazy: bool| {
        let of_kind = served
            .iter()
            .zip(&sizes)
            .filter(move |(model, _)| model.lazy == is_lazy);
        of_kind.map(|(_, size)| size.memory)
    };
    let (stay, largest) = (memory(false).sum::<u64>(), memory(true).max().unwrap_or(0));
    ensure!(
        budget == 0 || stay.saturating_add(largest) <= budget,
        "runtime.memory_budget_bytes is {budget}, and the models that stay are thought to take {stay} bytes, \
         the largest lazy one {largest}"
    );
    Ok(sizes)
}
