//! Queries that come while bulk saturates.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use tokio::task::JoinSet;

use super::SHORT_TEXT;
use super::bus::{self, Caller, Outcome};
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
    let before = bus::one_caller(caller, texts).await?;
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
    let (rates, queries) = tokio::try_join!(bulks, async {
        let queries = queries(caller).await;
        is_over.store(true, Ordering::Relaxed);
        queries
    })?;
    let rate: f64 = rates.iter().sum();
    let Queries { latencies, refused } = queries;
    ensure!(refused == 0, "the worker is overloaded");
    figures.add(
        "interactive_p50_under_bulk_seconds",
        latencies.percentile(50.0),
    );
    figures.add(
        "interactive_p99_under_bulk_seconds",
        latencies.percentile(99.0),
    );
    figures.add("bulk_texts_per_second_under_interactive", rate);
    // Both beside the queries: the machine's speed moves within minutes.
    let best = before.max(bus::one_caller(caller, texts).await?);
    figures.add("bulk_share_under_interactive", rate / best);
    Ok(())
}

/// What became of queries.
pub(super) struct Queries {
    pub(super) latencies: Latencies,
    /// Those that the worker had no room for.
    pub(super) refused: u32,
}

/// Each goes out by its own time, whether or not the one before has an answer.
pub(super) async fn queries(caller: &Caller) -> anyhow::Result<Queries> {
    let mut ticks = tokio::time::interval(INTERVAL);
    let mut asked = JoinSet::new();
    for _ in 0..QUERIES {
        ticks.tick().await;
        let caller = caller.clone();
        asked.spawn(async move {
            let start = Instant::now();
            let outcome = caller.try_embed(&[SHORT_TEXT.to_owned()]).await?;
            anyhow::Ok((outcome, start.elapsed()))
        });
    }
    let (mut latencies, mut refused) = (Latencies::new()?, 0);
    for query in asked.join_all().await {
        match query? {
            (Outcome::Answered, latency) => latencies.add(latency)?,
            (Outcome::Overloaded, _) => refused += 1,
        }
    }
    Ok(Queries { latencies, refused })
}
