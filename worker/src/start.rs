//! From a model's settings to a model that has run once.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::batch::admission::{Admission, Bounds};
use crate::batch::{Pipeline, Request, Settings};
use crate::config::{Config, Model, ModelKind};
use crate::hub::{self, Pins};
#[cfg(feature = "candle")]
use crate::models;
use crate::models::catalog::Entry;
use crate::models::fake::Behaviour;
use crate::models::files::Files;
use crate::models::onnx::Prepared;
use crate::models::session::{self, Environment, Parallelism};
use crate::models::{Facts, Loaded, Op, calibration, fake, image};
use crate::telemetry::metrics::ModelMetrics;
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

/// Memory that a loaded model takes, over the bytes of its files: its weights, and
/// what sessions pack of them.
const MEMORY_OF_FILES: u64 = 2;

/// Reads models as they are configured.
pub struct Loader {
    config: Config,
    environment: Option<Environment>,
}

/// How large a model is, as far as its files tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Bytes of graph and weights; it takes no less memory.
    pub files: u64,
    /// Bytes of memory that it will take, by a rule of thumb.
    pub memory: u64,
}

/// When a model is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Nothing else runs, and its files have just been checked.
    Start,
    /// Others run.
    Later,
}

impl Loader {
    /// Opens ONNX Runtime where a model needs it.
    ///
    /// # Errors
    /// Where its library cannot be loaded.
    pub fn new(config: &Config) -> anyhow::Result<Self> {
        let mut served = config.served().into_iter();
        let environment = served
            .any(|model| model.kind == ModelKind::Onnx)
            .then(|| session::runtime(&config.runtime.library()))
            .transpose()?;
        Ok(Self {
            config: config.clone(),
            environment,
        })
    }

    /// How every pipeline is cut.
    #[must_use]
    pub fn settings(&self) -> Settings {
        let runtime = &self.config.runtime;
        Settings {
            budget: runtime.budget(),
            bulk_under_queries: runtime.bulk_under_queries(),
            deduplicate: runtime.deduplicate,
            vector_cache_bytes: runtime.vector_cache_bytes,
            tokenizers: runtime.tokenizers,
            inline_bytes: INLINE_BYTES,
            run_limit: Duration::from_millis(runtime.run_limit_ms),
        }
    }

    /// How large a model is.
    ///
    /// # Errors
    /// Where a file is missing.
    pub fn size(&self, model: &Model) -> anyhow::Result<Size> {
        if !is_onnx(model) {
            let memory = model.fake.memory_bytes as u64;
            return Ok(Size {
                files: memory,
                memory,
            });
        }
        let files = Files::find(&self.config.runtime.cache, &model.entry()?)?.bytes();
        Ok(Size {
            files,
            memory: files.saturating_mul(MEMORY_OF_FILES),
        })
    }

    /// Reads a model's files and forgets them again: a model that is loaded on first
    /// use says from the start what it is, as far as it is known before it runs.
    /// Blocks while they are read.
    ///
    /// # Errors
    /// Where the files cannot be used.
    pub fn survey(&self, model: &Model) -> anyhow::Result<Facts> {
        if !is_onnx(model) {
            return Ok((*self.fake(model).facts).clone());
        }
        let (runtime, entry) = (&self.config.runtime, model.entry()?);
        #[cfg(feature = "candle")]
        if entry.is_candle {
            let (cache, max_length) = (&runtime.cache, model.max_length);
            return Ok((*models::candle::load(cache, &entry, max_length)?.facts).clone());
        }
        let (mut facts, parallelism) = if entry.op == Op::Image {
            let mut prepared = image::Prepared::read(&runtime.cache, entry)?;
            if let Some(environment) = &self.environment {
                prepared = prepared.measured(environment)?;
            }
            (prepared.facts().clone(), self.most_sessions())
        } else {
            let mut prepared = Prepared::read(&runtime.cache, entry, model.max_length)?;
            if let Some(environment) = &self.environment {
                prepared = prepared.measured(environment)?;
            }
            (prepared.facts().clone(), self.remembered(&prepared))
        };
        facts.executors = parallelism.instances;
        facts.threads = parallelism.threads;
        Ok(facts)
    }

    /// Loads a model for as many sessions and threads as are configured, or found to
    /// be fastest here; that is found out at a start alone, since what else runs
    /// would count. Blocks while it is read and compiled.
    ///
    /// # Errors
    /// Where it cannot be loaded, or its files are no longer those that are pinned.
    pub fn load(&self, model: &Model, moment: Moment) -> anyhow::Result<Loaded> {
        let Some(environment) = self.environment.as_ref().filter(|_| is_onnx(model)) else {
            std::thread::sleep(Duration::from_millis(model.fake.load_ms));
            return Ok(self.fake(model));
        };
        let (runtime, entry) = (&self.config.runtime, model.entry()?);
        if moment == Moment::Later {
            self.verify(&entry)?;
        }
        if entry.op == Op::Image {
            let prepared = image::Prepared::read(&runtime.cache, entry)?.measured(environment)?;
            return Ok(prepared.load(environment, self.most_sessions())?);
        }
        #[cfg(feature = "candle")]
        if entry.is_candle {
            let (cache, max_length) = (&runtime.cache, model.max_length);
            return Ok(models::candle::load(cache, &entry, max_length)?);
        }
        let prepared =
            Prepared::read(&runtime.cache, entry, model.max_length)?.measured(environment)?;
        let parallelism = if runtime.is_calibrated() && moment == Moment::Start {
            let processors = runtime.processors();
            calibration::choose(&prepared, environment, processors, &runtime.cache)?.parallelism()
        } else {
            self.remembered(&prepared)
        };
        Ok(prepared.load(environment, parallelism)?)
    }

    fn verify(&self, entry: &Entry) -> anyhow::Result<()> {
        let runtime = &self.config.runtime;
        let pins = Pins::load(runtime)?;
        hub::verify(&runtime.cache, entry, &pins, runtime.locked)?;
        Ok(())
    }

    /// As it is configured, or what was found to be fastest at an earlier start.
    fn remembered(&self, prepared: &Prepared) -> Parallelism {
        let runtime = &self.config.runtime;
        let known = runtime
            .is_calibrated()
            .then(|| calibration::remembered(prepared, runtime.processors(), &runtime.cache));
        known
            .flatten()
            .map_or_else(|| self.most_sessions(), calibration::Choice::parallelism)
    }

    /// As it is configured, or the most sessions, as a full queue is served best by.
    fn most_sessions(&self) -> Parallelism {
        let runtime = &self.config.runtime;
        match runtime.is_calibrated() {
            true => Parallelism {
                instances: runtime.processors(),
                threads: 1,
            },
            false => runtime.parallelism(),
        }
    }

    fn fake(&self, model: &Model) -> Loaded {
        fake::load(
            &model.name,
            model.max_length.unwrap_or(fake::MAX_TOKENS),
            self.config.runtime.parallelism().instances,
            &Behaviour {
                dimensions: model.dimensions.unwrap_or_default(),
                ..model.fake.clone()
            },
        )
    }
}

fn is_onnx(model: &Model) -> bool {
    model.kind == ModelKind::Onnx
}

/// Makes one inference through the whole pipeline, which is not counted: nobody
/// asked for it. A model that has not done so is not ready.
///
/// # Errors
/// Where it cannot answer.
pub async fn first_inference(pipeline: &Pipeline, metrics: &ModelMetrics) -> anyhow::Result<()> {
    metrics.count(false);
    let answered = answer_first(pipeline, metrics).await;
    metrics.count(true);
    answered.with_context(|| format!("model {}: first inference", pipeline.facts().name))
}

async fn answer_first(pipeline: &Pipeline, metrics: &ModelMetrics) -> anyhow::Result<()> {
    let call = Call {
        format: Format::MsgPack,
        timeout: Duration::from_millis(protocol::MAX_TIMEOUT_MS),
        lane: Lane::Interactive,
        parts: false,
        alive: false,
    };
    let facts = pipeline.facts();
    let request = Request {
        op: facts.op,
        call,
        room: Room::within(usize::MAX),
        body: Bytes::from(first_request(facts.op, call.format)?),
        received: Instant::now(),
        cancelled: CancellationToken::new(),
        store: None,
    };
    // A gate of its own: requests may wait for this at the other one.
    let ticket = request.admit(&Admission::new(Bounds::default(), 1), metrics)?;
    let (answer, _ticket) = pipeline.submit(request, ticket)?.await?;
    tracing::info!(
        model = %facts.name,
        tokens = answer.tokens.first(),
        infer_us = answer.timings.infer,
        "first inference"
    );
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
