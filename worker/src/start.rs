//! From a configuration to models that have run once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;

use crate::batch::{Pipeline, Settings};
use crate::config::{Config, Model, ModelKind, Runtime};
use crate::models::onnx::{Environment, Parallelism, Prepared};
use crate::models::{Loaded, Op, calibration, catalog, fake, image, onnx};
use crate::telemetry::metrics::Metrics;
use crate::wire::call::{Call, Lane};
use crate::wire::image::ImageRequest;
use crate::wire::joint::JointRequest;
use crate::wire::reply::Room;
use crate::wire::rerank::RerankRequest;
use crate::wire::sparse::SparseRequest;
use crate::wire::text::TextRequest;
use crate::wire::vectors::Packed;
use crate::wire::{Format, protocol};

/// Bodies up to this are decoded and tokenized without a thread's help.
const INLINE_BYTES: usize = 512;

/// The text of the first inference.
const FIRST_TEXT: &str = "ready when this has become a vector";

/// Loads all configured models and starts their threads. Blocks for as long as
/// reading and compiling them takes. `on_hang` is called when a run of a model
/// does not return.
///
/// # Errors
/// The first model that cannot be loaded.
pub fn pipelines(
    config: &Config,
    metrics: &Metrics,
    on_hang: &Arc<dyn Fn() + Send + Sync>,
) -> anyhow::Result<Vec<Arc<Pipeline>>> {
    let served = config.served();
    let runtime = if served.iter().any(|model| model.kind == ModelKind::Onnx) {
        Some(onnx::runtime(&config.runtime.library())?)
    } else {
        None
    };
    let settings = Settings {
        bounds: config.queue.bounds(),
        budget: config.runtime.budget(),
        bulk_under_queries: config.runtime.bulk_under_queries(),
        deduplicate: config.runtime.deduplicate,
        vector_cache_bytes: config.runtime.vector_cache_bytes,
        tokenizers: config.runtime.tokenizers,
        inline_bytes: INLINE_BYTES,
        run_limit: Duration::from_millis(config.runtime.run_limit_ms),
    };
    served
        .iter()
        .map(|model| {
            let start = Instant::now();
            let loaded = match (&runtime, model.kind) {
                (Some(runtime), ModelKind::Onnx) => load(runtime, &config.runtime, model)?,
                _ => load_fake(model, config.runtime.parallelism().instances),
            };
            let facts = Arc::clone(&loaded.facts);
            let pipeline = Pipeline::start(
                loaded,
                settings,
                &metrics.of_model(facts.op.as_str(), &facts.name),
                Arc::clone(on_hang),
            )?;
            tracing::info!(
                model = %facts.name,
                space = %facts.space,
                source = %facts.source,
                executors = facts.executors,
                threads = facts.threads,
                batch_invariant = facts.batch_invariant,
                load_ms = start.elapsed().as_secs_f64() * 1e3,
                "model loaded"
            );
            Ok(Arc::new(pipeline))
        })
        .collect()
}

/// Loads a model for as many sessions and threads as are configured, or found to
/// be fastest here.
fn load(environment: &Environment, runtime: &Runtime, model: &Model) -> anyhow::Result<Loaded> {
    let entry = catalog::find_anywhere(&model.name)?;
    if entry.op == Op::Image {
        // Not tried out: the most sessions are what a full queue is served best by.
        let parallelism = match runtime.is_calibrated() {
            true => Parallelism {
                instances: runtime.processors(),
                threads: 1,
            },
            false => runtime.parallelism(),
        };
        return Ok(image::load(
            environment,
            &runtime.cache,
            &entry,
            parallelism,
        )?);
    }
    #[cfg(feature = "candle")]
    if entry.is_candle {
        return Ok(crate::models::candle::load(
            &runtime.cache,
            &entry,
            model.max_length,
        )?);
    }
    let prepared = Prepared::read(&runtime.cache, entry, model.max_length)?;
    let parallelism = match runtime.is_calibrated() {
        true => {
            let processors = runtime.processors();
            calibration::choose(&prepared, environment, processors, &runtime.cache)?.parallelism()
        }
        false => runtime.parallelism(),
    };
    Ok(prepared.load(environment, parallelism)?)
}

fn load_fake(model: &Model, instances: usize) -> Loaded {
    fake::load(
        &model.name,
        model.max_length.unwrap_or(fake::MAX_TOKENS),
        instances,
        &model.fake,
    )
}

/// Makes one inference on every model, through the whole pipeline. A worker
/// that has not done so is not ready.
///
/// # Errors
/// The first model that cannot answer.
pub async fn first_inference(pipelines: &[Arc<Pipeline>]) -> anyhow::Result<()> {
    let call = Call {
        format: Format::MsgPack,
        timeout: Duration::from_millis(protocol::MAX_TIMEOUT_MS),
        lane: Lane::Interactive,
        parts: false,
        alive: false,
    };
    for pipeline in pipelines {
        let start = Instant::now();
        let body = Bytes::from(first_request(pipeline.facts().op, call.format)?);
        let answer = pipeline.submit(call, Room::within(usize::MAX), body, start);
        let model = &pipeline.facts().name;
        let (answer, _ticket) = async { answer?.await }
            .await
            .with_context(|| format!("model {model}: first inference"))?;
        tracing::info!(
            model,
            tokens = answer.tokens.first(),
            infer_us = answer.timings.infer,
            "first inference"
        );
    }
    Ok(())
}

/// A request of one text, or the smallest image, for a model of this operation.
fn first_request(op: Op, format: Format) -> Result<Vec<u8>, crate::wire::Error> {
    let inputs = vec![FIRST_TEXT.to_owned()];
    match op {
        Op::Sparse => format.encode(&SparseRequest {
            inputs,
            ..SparseRequest::default()
        }),
        Op::Rerank => format.encode(&RerankRequest {
            query: FIRST_TEXT.to_owned(),
            documents: inputs,
            ..RerankRequest::default()
        }),
        Op::Joint => format.encode(&JointRequest {
            inputs,
            ..JointRequest::default()
        }),
        Op::Image => format.encode(&ImageRequest {
            images: Some(vec![Packed(image::SMALLEST.into())]),
            ..ImageRequest::default()
        }),
        Op::Text => format.encode(&TextRequest {
            inputs,
            ..TextRequest::default()
        }),
    }
}
