//! The worker's own pipeline, without a bus.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;
use serde::Serialize;

use super::load::Road;
use crate::batch::Pipeline;
use crate::config::Layers;
use crate::start;
use crate::telemetry::metrics::Metrics;
use crate::wire::Format;
use crate::wire::call::{Call, Lane};
use crate::wire::reply::{Answer, Room};
use crate::wire::text::TextRequest;

/// The terms of every call here.
const CALL: Call = Call {
    format: Format::MsgPack,
    timeout: Duration::from_secs(600),
    lane: Lane::Interactive,
    parts: false,
    alive: false,
};

/// What the texts are like.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Workload {
    pub(super) texts: usize,
    pub(super) words_min: usize,
    pub(super) words_max: usize,
    pub(super) tokens_p50: u32,
    pub(super) tokens_mean: f64,
    pub(super) tokens_max: u32,
}

pub(super) struct Local {
    pipeline: Arc<Pipeline>,
}

impl Local {
    pub(super) fn start() -> anyhow::Result<Self> {
        let config = Layers::default()
            .environment(super::bus::own_variables())?
            .build()?;
        let pipelines = start::pipelines(&config, &Metrics::new(), &(Arc::new(|| ()) as _))?;
        let pipeline = pipelines
            .into_iter()
            .next()
            .context("no model is configured")?;
        Ok(Self { pipeline })
    }

    pub(super) async fn describe(&self, texts: &[String]) -> anyhow::Result<Workload> {
        let mut tokens = self.answer(texts).await?.tokens;
        tokens.sort_unstable();
        let words = || texts.iter().map(|text| text.split(' ').count());
        Ok(Workload {
            texts: texts.len(),
            words_min: words().min().unwrap_or(0),
            words_max: words().max().unwrap_or(0),
            tokens_p50: tokens.get(tokens.len() / 2).copied().unwrap_or(0),
            tokens_mean: tokens.iter().map(|&count| f64::from(count)).sum::<f64>()
                / texts.len() as f64,
            tokens_max: tokens.last().copied().unwrap_or(0),
        })
    }

    async fn answer(&self, texts: &[String]) -> anyhow::Result<Answer> {
        let request = TextRequest {
            inputs: texts.to_vec(),
            ..TextRequest::default()
        };
        let body = Bytes::from(CALL.format.encode(&request)?);
        let (answer, _ticket) = self
            .pipeline
            .submit(CALL, Room::within(usize::MAX), body, Instant::now())?
            .await?;
        anyhow::ensure!(answer.errors.is_empty(), "an item failed");
        Ok(answer)
    }
}

impl Road for Local {
    async fn embed(&self, texts: &[String]) -> anyhow::Result<()> {
        self.answer(texts).await.map(drop)
    }
}
