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
    // The first round of each pays for pages and caches.
    for round in 0..=settings.rounds {
        let start = Instant::now();
        let values = [
            load::bulk(&local, &texts).await?,
            load::bulk(&bus, &texts).await?,
            load::singles(&local, &texts).await?,
            load::singles(&bus, &texts).await?,
        ];
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
        }
        print(&format!(
            "round {round} of {}: {:.1} s\n",
            settings.rounds,
            start.elapsed().as_secs_f64()
        ))?;
    }
    let memory = bus.worker_memory_mib();
    bus.stop().await?;
    let report = report::Report::new(workload, &figures, memory);
    print(&report.table())?;
    report.write(&settings.report)
}

/// The bench's output is its result, not a log.
fn print(text: &str) -> std::io::Result<()> {
    std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes())
}
