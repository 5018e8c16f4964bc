//! The ways in which callers come, the same for both roads.

use std::time::Instant;

use futures_util::future::try_join_all;
use tokio::sync::Semaphore;

use super::figures::Latencies;

/// Texts in one request of a caller who has many.
const REQUEST_TEXTS: usize = 128;

/// Callers of single texts at once.
const CALLERS: usize = 64;

/// Single texts, one at a time, whose latency is measured.
const SINGLES: usize = 200;

/// A text of 16 tokens, special ones included.
const SHORT_TEXT: &str = "the quick brown fox jumps over the lazy dog near the old stone bridge";

/// A road from texts to vectors.
pub(super) trait Road {
    /// Embeds the texts of one request.
    fn embed(&self, texts: &[String]) -> impl Future<Output = anyhow::Result<()>>;
}

/// Texts per second of one caller who has all of them, in a few requests at once.
pub(super) async fn bulk(road: &impl Road, texts: &[String]) -> anyhow::Result<f64> {
    let start = Instant::now();
    try_join_all(texts.chunks(REQUEST_TEXTS).map(|chunk| road.embed(chunk))).await?;
    Ok(texts.len() as f64 / start.elapsed().as_secs_f64())
}

/// Texts per second of 64 callers, each with one text at a time.
pub(super) async fn singles(road: &impl Road, texts: &[String]) -> anyhow::Result<f64> {
    let start = Instant::now();
    let callers = &Semaphore::new(CALLERS);
    let call = |text| async move {
        let _caller = callers.acquire().await?;
        road.embed(std::slice::from_ref(text)).await
    };
    try_join_all(texts.iter().map(call)).await?;
    Ok(texts.len() as f64 / start.elapsed().as_secs_f64())
}

/// Latency of one caller with a short text at a time.
pub(super) async fn latency(road: &impl Road) -> anyhow::Result<Latencies> {
    let mut latencies = Latencies::new()?;
    let text = [SHORT_TEXT.to_owned()];
    for _ in 0..SINGLES {
        let start = Instant::now();
        road.embed(&text).await?;
        latencies.add(start.elapsed())?;
    }
    Ok(latencies)
}
