//! Processors taken one by one, and a worker that has nothing to do.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::bus::{self, Caller};
use super::figures::Figures;
use super::oracle::Oracle;
use super::process::Process;
use crate::config::Model;

/// Callers of single texts for each worker, and how long they call.
const CALLERS: usize = 64;
const SPAN: Duration = Duration::from_secs(8);

/// Requests in flight of one call of the Go client, and the texts of each.
const ONE_CALL: (usize, usize) = (32, 16);

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
    strangers(caller, texts, 1).await?;
    for _ in 0..rounds {
        let (alone, call_alone) = both(caller, texts, 1).await?;
        let second = Process::worker(url, &flags, Some(1)).await?;
        strangers(caller, texts, 2).await?;
        let (together, call_together) = both(caller, texts, 2).await?;
        second.stop().await?;
        let in_process = |oracle: &mut Oracle, executors| {
            let pass = oracle.with_executors(executors, texts)?;
            anyhow::Ok(pass.elapsed.as_secs_f64())
        };
        let (by_one, by_two) = (in_process(oracle, 1)?, in_process(oracle, 2)?);
        figures.add("one_core_worker_texts_per_second", alone);
        figures.add("two_workers_over_one", together / alone);
        let one_call = call_together / call_alone;
        figures.add("two_workers_over_one_for_one_caller", one_call);
        figures.add("two_executors_over_one", by_one / by_two);
    }
    first.stop().await
}

/// Texts per second of strangers, and of one caller.
async fn both(caller: &Caller, texts: &[String], workers: usize) -> anyhow::Result<(f64, f64)> {
    let strangers = strangers(caller, texts, workers).await?;
    let (in_flight, at_once) = ONE_CALL;
    let one_call = bus::many_callers(&caller.in_bulk(), texts, in_flight, at_once).await?;
    Ok((strangers, one_call))
}

/// Texts per second while 64 callers for each worker wait for one text each, so
/// that as many wait at one worker as at two. Over a span: a server deals requests
/// out by chance, so the last ones of a list would keep one worker longer than the
/// other.
async fn strangers(caller: &Caller, texts: &[String], workers: usize) -> anyhow::Result<f64> {
    let next = &AtomicUsize::new(0);
    bus::rate(workers * CALLERS, SPAN, || async {
        let text = next.fetch_add(1, Ordering::Relaxed) % texts.len();
        caller.embed(&texts[text..=text]).await
    })
    .await
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
