//! A thread that runs batches on its own instance of a model.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use super::admission::Admission;
use super::audience;
use super::processors::Grant;
use super::queue::Queue;
use super::waiting::Item;
use super::watchdog::Slot;
use crate::models::{self, Facts, Model, Outputs, Row};
use crate::telemetry::logs::Failures;
use crate::telemetry::metrics::ModelMetrics;
use crate::telemetry::window::Window;
use crate::wire::{Error, ErrorCode};

/// What an executor works with.
pub(super) struct Executor {
    pub(super) model: Box<dyn Model>,
    pub(super) slot: Arc<Slot>,
    pub(super) facts: Arc<Facts>,
    pub(super) queue: Arc<Queue>,
    pub(super) admission: Arc<Admission>,
    pub(super) waits: Arc<Window>,
    pub(super) metrics: ModelMetrics,
    pub(super) failures: Failures,
}

impl Executor {
    /// Runs batches until the queue is closed and empty.
    pub(super) fn run(mut self) {
        let mut outputs = Outputs::default();
        let metrics = self.metrics.clone();
        while let Some((batch, grant)) = self.queue.take(|items| metrics.expired(items)) {
            self.run_batch(&batch, grant, &mut outputs);
            self.queue.done(&batch);
        }
    }

    fn run_batch(&mut self, batch: &[Item], grant: Grant, outputs: &mut Outputs) {
        let start = Instant::now();
        for item in batch {
            item.audience.each(|taker| {
                let wait = taker.owner.started(start);
                self.waits.observe(wait);
                self.metrics.waited(wait);
            });
        }
        let rows: Vec<Row<'_>> = batch.iter().map(|item| item.content.row()).collect();
        outputs.clear();
        // A panic is this batch's failure, never the process's; the model keeps
        // no state between runs that half a run could spoil.
        let audiences = batch.iter().map(|item| Arc::clone(&item.audience));
        self.slot.enter(audiences.collect(), grant);
        let ran = catch_unwind(AssertUnwindSafe(|| self.model.run(&rows, outputs)));
        self.slot.leave();
        let tokens = batch.iter().map(|item| item.content.tokens()).sum();
        let shape = self.facts.shape;
        let elapsed = start.elapsed();
        match ran {
            Ok(Ok(())) if outputs.has(rows.len(), shape) => {
                self.metrics.ran(tokens, rows.len(), elapsed);
                self.admission.ran(tokens, elapsed);
                let bad = (0..batch.len()).filter(|at| !outputs.row(*at, shape).is_finite());
                self.metrics.not_finite(bad.count());
                for (at, item) in batch.iter().enumerate() {
                    let output = outputs.row(at, shape);
                    for taker in item.audience.close() {
                        taker.owner.complete(taker.row, output);
                    }
                }
            }
            Ok(Ok(())) => self.fail(
                batch,
                &models::Error::run("a result of another shape").to_string(),
            ),
            Ok(Err(fault)) => self.fail(batch, &fault.to_string()),
            Err(_) => self.fail(batch, "the model panicked"),
        }
    }

    fn fail(&self, batch: &[Item], reason: &str) {
        // The runtime's own words stay in the log: they name files.
        if let Some(count) = self.failures.due("run") {
            tracing::error!(model = %self.facts.name, count, reason, "runs failed");
        }
        let error = Error::new(ErrorCode::Internal, "the model failed on this batch");
        audience::fail_all(batch.iter().map(|item| &*item.audience), &error);
    }
}
