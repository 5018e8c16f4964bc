//! `fastembed-worker bench`: what the bus costs, on this machine, in one run.
//!
//! The same texts and the same model, in process and through a nats-server and
//! a worker of the bench's own, in interleaved rounds. Absolute figures move
//! with the machine; the ratio of a pair does not.

mod bus;
mod figures;
mod load;
mod local;
mod report;
mod usage;
pub mod workload;

use std::time::Instant;

use crate::cli::Bench;
use figures::{Figure, Unit};

/// Texts in the workload.
const TEXTS: usize = 1024;

/// Seed of the workload.
const SEED: u64 = 1;

/// Measures, prints a table, and writes the report.
///
/// # Errors
/// Where the server, the worker or the model cannot be started, or a call fails.
pub async fn run(settings: &Bench) -> anyhow::Result<()> {
    let texts = workload::texts(SEED, TEXTS);
    let local = local::Local::start()?;
    let workload = local.describe(&texts).await?;
    print(&format!(
        "{} texts, {} to {} words; tokens p50 {}, mean {:.1}, max {}\n",
        texts.len(),
        workload.words_min,
        workload.words_max,
        workload.tokens_p50,
        workload.tokens_mean,
        workload.tokens_max
    ))?;
    let bus = bus::Bus::start(&settings.nats_server).await?;
    let memory_at_start = bus.worker().and_then(usage::memory_mib);
    let tokens = workload.tokens_mean * workload.texts as f64;

    let mut figures = [
        Figure::new("in process, one caller of all texts", Unit::TextsPerSecond),
        Figure::new(
            "through the bus, one caller of all texts",
            Unit::TextsPerSecond,
        ),
        Figure::new(
            "in process, 64 callers of single texts",
            Unit::TextsPerSecond,
        ),
        Figure::new(
            "through the bus, 64 callers of single texts",
            Unit::TextsPerSecond,
        ),
        Figure::new(
            "in process, one short text at a time, p50",
            Unit::Microseconds,
        ),
        Figure::new(
            "through the bus, one short text at a time, p50",
            Unit::Microseconds,
        ),
        Figure::new(
            "in process, one short text at a time, p99",
            Unit::Microseconds,
        ),
        Figure::new(
            "through the bus, one short text at a time, p99",
            Unit::Microseconds,
        ),
    ];
    let mut work = [
        Figure::new(
            "the worker, one caller of all texts",
            Unit::TokensPerProcessorSecond,
        ),
        Figure::new(
            "the worker, 64 callers of single texts",
            Unit::TokensPerProcessorSecond,
        ),
    ];
    // The first round of each pays for pages and caches.
    for round in 0..=settings.rounds {
        let start = Instant::now();
        let used = || bus.worker().and_then(usage::processor_seconds);
        let local_bulk = load::bulk(&local, &texts).await?;
        let before = used();
        let bus_bulk = load::bulk(&bus, &texts).await?;
        let between = used();
        let local_singles = load::singles(&local, &texts).await?;
        let idle = used();
        let bus_singles = load::singles(&bus, &texts).await?;
        let spent = [(before, between), (idle, used())];
        let values = [local_bulk, bus_bulk, local_singles, bus_singles];
        let local_latency = load::latency(&local).await?;
        let bus_latency = load::latency(&bus).await?;
        let latencies =
            [50.0, 99.0].map(|p| [local_latency.percentile(p), bus_latency.percentile(p)]);
        if round > 0 {
            let values = values.into_iter().chain(latencies.into_iter().flatten());
            figures
                .iter_mut()
                .zip(values)
                .for_each(|(figure, value)| figure.add(value));
            for (figure, (before, after)) in work.iter_mut().zip(spent) {
                if let (Some(before), Some(after)) = (before, after) {
                    figure.add(tokens / (after - before));
                }
            }
        }
        print(&format!(
            "round {round} of {}: {:.1} s\n",
            settings.rounds,
            start.elapsed().as_secs_f64()
        ))?;
    }
    let memory = memory_at_start.zip(bus.worker().and_then(usage::memory_mib));
    bus.stop().await?;
    let report = report::Report::new(workload, &figures, &work, memory);
    print(&report.table())?;
    report.write(&settings.report)
}

/// The bench's output is its result, not a log.
fn print(text: &str) -> std::io::Result<()> {
    std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes())
}
