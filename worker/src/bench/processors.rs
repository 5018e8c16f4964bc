//! Processors taken one by one, and a worker that has nothing to do.

use std::time::{Duration, Instant};

use super::bus::{self, Caller};
use super::figures::Figures;
use super::oracle::Oracle;
use super::process::Process;
use crate::config::Model;

/// How long an idle worker is watched.
const IDLE: Duration = Duration::from_secs(10);

/// One worker on one processor, two on one each, and the same without a bus.
pub(super) async fn one_by_one(
    url: &str,
    texts: &[String],
    rounds: usize,
    oracle: &mut Oracle,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let flags = [
        super::EACH_TEXT,
        "--set=runtime.executors=1",
        "--set=runtime.threads=1",
    ];
    let caller = &Caller::of_model(url, Model::DEFAULT).await?;
    let first = Process::worker(url, &flags, Some(0)).await?;
    bus::one_caller(caller, texts).await?;
    for _ in 0..rounds {
        let alone = bus::one_caller(caller, texts).await?;
        let second = Process::worker(url, &flags, Some(1)).await?;
        bus::one_caller(caller, texts).await?;
        let together = bus::one_caller(caller, texts).await?;
        second.stop().await?;
        let in_process = |oracle: &mut Oracle, executors| {
            let pass = oracle.with_executors(executors, texts)?;
            anyhow::Ok(pass.elapsed.as_secs_f64())
        };
        let (by_one, by_two) = (in_process(oracle, 1)?, in_process(oracle, 2)?);
        figures.add("one_core_worker_texts_per_second", alone);
        figures.add("two_workers_over_one", together / alone);
        figures.add("two_executors_over_one", by_one / by_two);
    }
    first.stop().await
}

/// Processor time of a worker that nobody calls.
pub(super) async fn idle(worker: &Process, figures: &mut Figures) -> anyhow::Result<()> {
    let (start, before) = (Instant::now(), worker.processor_seconds());
    tokio::time::sleep(IDLE).await;
    if let (Some(before), Some(after)) = (before, worker.processor_seconds()) {
        let cores = (after - before) / start.elapsed().as_secs_f64();
        figures.add("idle_cpu_cores", cores);
    }
    Ok(())
}
