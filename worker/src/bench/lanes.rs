//! Queries that come while bulk saturates.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::task::JoinSet;

use super::SHORT_TEXT;
use super::bus::{self, Caller};
use super::figures::{Figures, Latencies};
use super::oracle::Oracle;

/// 20 queries a second, for 20 seconds.
const INTERVAL: Duration = Duration::from_millis(50);
const QUERIES: usize = 400;

/// Callers of bulk, so that the worker never runs dry between two of one's calls.
const BULK_CALLERS: usize = 2;

pub(super) async fn measure(
    caller: &Caller,
    texts: &[String],
    oracle: &mut Oracle,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let longest = texts.iter().max_by_key(|text| text.len());
    let longest = longest.context("no texts")?;
    for _ in 0..5 {
        let alone = oracle.single(longest)?;
        figures.add("longest_bulk_text_seconds", alone.as_secs_f64());
    }
    let is_over = &AtomicBool::new(false);
    let bulk = async || {
        let start = Instant::now();
        let mut done = 0;
        while !is_over.load(Ordering::Relaxed) {
            bus::one_caller(caller, texts).await?;
            done += texts.len();
        }
        anyhow::Ok(done as f64 / start.elapsed().as_secs_f64())
    };
    let bulks = futures_util::future::try_join_all((0..BULK_CALLERS).map(|_| bulk()));
    let (rates, latencies) = tokio::try_join!(bulks, async {
        let latencies = queries(caller).await;
        is_over.store(true, Ordering::Relaxed);
        latencies
    })?;
    let rate: f64 = rates.iter().sum();
    figures.add(
        "interactive_p50_under_bulk_seconds",
        latencies.percentile(50.0),
    );
    figures.add(
        "interactive_p99_under_bulk_seconds",
        latencies.percentile(99.0),
    );
    figures.add("bulk_texts_per_second_under_interactive", rate);
    const BEST: &str = "bus_one_caller_texts_per_second";
    if figures.median(BEST).is_some() {
        figures.add("bulk_share_under_interactive", rate / figures.best(BEST));
    }
    Ok(())
}

/// Each goes out by its own time, whether or not the one before has an answer.
pub(super) async fn queries(caller: &Caller) -> anyhow::Result<Latencies> {
    let mut ticks = tokio::time::interval(INTERVAL);
    let mut asked = JoinSet::new();
    for _ in 0..QUERIES {
        ticks.tick().await;
        let caller = caller.clone();
        asked.spawn(async move {
            let start = Instant::now();
            caller.embed(&[SHORT_TEXT.to_owned()]).await?;
            anyhow::Ok(start.elapsed())
        });
    }
    let mut latencies = Latencies::new()?;
    for latency in asked.join_all().await {
        latencies.add(latency?)?;
    }
    Ok(latencies)
}
