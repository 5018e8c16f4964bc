//! Ten times as many calls as the worker can answer.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::bus::{self, Caller, Outcome};
use super::figures::{Figures, Latencies};

const SPAN: Duration = Duration::from_secs(30);
const FACTOR: f64 = 10.0;

/// Calls go out by a clock, whether or not earlier ones have an answer. Every one
/// must have one in the end; a call that fails otherwise fails the bench.
pub(super) async fn measure(
    caller: &Caller,
    texts: &[String],
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let before = bus::many_callers(caller, texts, 64, 1).await?;
    let mut ticks = tokio::time::interval(Duration::from_secs_f64(1.0 / (before * FACTOR)));
    let end = Instant::now() + SPAN;
    let mut calls = JoinSet::new();
    for text in texts.iter().cycle() {
        ticks.tick().await;
        let asked = Instant::now();
        if asked >= end {
            break;
        }
        let (caller, text) = (caller.clone(), [text.clone()]);
        calls.spawn(async move {
            let outcome = caller.try_embed(&text).await?;
            anyhow::Ok((outcome, asked, Instant::now()))
        });
    }
    let offered = calls.len();
    let (mut answered, mut refused) = (0_u32, Latencies::new()?);
    for call in calls.join_all().await {
        match call? {
            (Outcome::Overloaded, asked, at) => refused.add(at - asked)?,
            // What is answered later was worked off in peace.
            (Outcome::Answered, _, at) => answered += u32::from(at < end),
        }
    }
    // Both beside the overload: the machine's speed moves within minutes.
    let after = bus::many_callers(caller, texts, 64, 1).await?;
    let (best, seconds) = (before.max(after), SPAN.as_secs_f64());
    figures.add("overload_best_texts_per_second", best);
    figures.add("overload_offered_per_second", offered as f64 / seconds);
    figures.add(
        "overload_rejects_per_second",
        refused.count() as f64 / seconds,
    );
    figures.add(
        "overload_goodput_over_best",
        f64::from(answered) / seconds / best,
    );
    figures.add("overload_reject_p99_seconds", refused.percentile(99.0));
    Ok(())
}
