//! Ranked documents, sparse vectors and images per second, each beside fastembed's
//! own call: the same files, the same input, one caller who has all of it.
//!
//! The models are of real size with random weights (tests/models/full_size.py).

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use futures_util::future::try_join_all;
use serde_json::{Value, json};

use super::bus::{Caller, service_error};
use super::process::Process;
use super::{EACH_TEXT, Session, println};
use crate::models::Op;
use crate::wire::Format;
use crate::wire::image::ImageRequest;
use crate::wire::rerank::RerankRequest;
use crate::wire::sparse::SparseRequest;
use crate::wire::vectors::Packed;

pub(super) const RERANKER: &str = "JINARerankerV1TurboEn";
pub(super) const SPLADE: &str = "SPLADEPPV1";
pub(super) const CLIP: &str = "ClipVitB32";

/// Documents of one query: two of fastembed's own batches. Texts: less than one, as
/// its logits of these take gigabytes.
const DOCUMENTS: usize = 512;
const TEXTS: usize = 128;

/// Texts and images in one request.
const TEXTS_AT_ONCE: usize = 64;
const IMAGES_AT_ONCE: usize = 16;

/// What a sparse model's memory is measured with: so many texts of so many tokens.
const LONG_TEXTS: usize = 32;
const LONG_TOKENS: usize = 256;

/// Words of SPLADE's vocabulary, each with a logit for each token.
const VOCABULARY: usize = 30_522;

/// One kind, and what is measured of it.
struct Kind {
    op: Op,
    model: &'static str,
    /// Requests that together hold all items.
    bodies: Vec<Bytes>,
    /// The same as one call of fastembed.
    call: Value,
    items: usize,
    ours: &'static str,
    theirs: &'static str,
}

impl Session<'_> {
    pub(super) async fn kinds(&mut self, url: &str) -> anyhow::Result<()> {
        let images = files(&self.settings.models.join("images"))?;
        for kind in [rerank(&self.texts)?, sparse(&self.texts)?, image(&images)?] {
            self.kind(url, &kind).await?;
        }
        Ok(())
    }

    /// One worker of this model alone, and fastembed, in turns.
    async fn kind(&mut self, url: &str, kind: &Kind) -> anyhow::Result<()> {
        let (op, model) = (kind.op, kind.model);
        let worker = worker(url, &self.settings.models, &table(op, model)).await?;
        let caller = Caller::of(url, op, model).await?.in_bulk();
        if op == Op::Sparse {
            self.peak(&worker, &caller).await?;
        }
        let mut rival = self.rival(op, model).await?;
        // Pages, caches, and the arenas' largest shape, on both sides.
        kind.ask(&caller).await?;
        rival.call(kind.call.clone()).await?;
        for round in 1..=self.settings.rounds {
            let theirs = rival.call(kind.call.clone()).await?;
            let ours = kind.ask(&caller).await?;
            let rate = |elapsed: Duration| kind.items as f64 / elapsed.as_secs_f64();
            self.figures.add(kind.theirs, rate(theirs));
            self.figures.add(kind.ours, rate(ours));
            let (ours, theirs) = (ours.as_secs_f64(), theirs.as_secs_f64());
            println(&format!(
                "{op} {round}: {ours:.1} s, fastembed {theirs:.1} s"
            ))?;
        }
        worker.stop().await
    }

    /// What the worker holds at most while it answers a request of long texts, its
    /// model included, over the logits of all of them.
    async fn peak(&mut self, worker: &Process, caller: &Caller) -> anyhow::Result<()> {
        let text = vec!["the"; LONG_TOKENS - 2].join(" ");
        // No two alike.
        let text = |at: usize| text.replacen("the", &format!("{at}"), 1);
        let request = SparseRequest {
            inputs: (0..LONG_TEXTS).map(text).collect(),
            ..SparseRequest::default()
        };
        let body = Format::MsgPack.encode(&request)?.into();
        let Some(before) = worker.resident_bytes() else {
            return Ok(());
        };
        worker.forget_peak()?;
        answered(&caller.send(body).await?)?;
        let most = worker.peak_bytes().context("no peak")?;
        let logits = (LONG_TEXTS * LONG_TOKENS * VOCABULARY * size_of::<f32>()) as f64;
        self.figures.add("sparse_peak_growth_bytes", most - before);
        self.figures.add("sparse_peak_over_logits", most / logits);
        Ok(())
    }
}

impl Kind {
    /// How long it takes until all requests are answered.
    async fn ask(&self, caller: &Caller) -> anyhow::Result<Duration> {
        let start = Instant::now();
        let asked = self.bodies.iter().map(|body| caller.send(body.clone()));
        for reply in try_join_all(asked).await? {
            answered(&reply)?;
        }
        Ok(start.elapsed())
    }
}

/// The configuration of one model.
pub(super) fn table(op: Op, model: &str) -> String {
    format!("[[models]]\nname = '{op}/{model}'\n")
}

/// A worker of these models of real size.
pub(super) async fn worker(
    url: &str,
    models: &Path,
    configuration: &str,
) -> anyhow::Result<Process> {
    let cache = format!("--set=runtime.cache={}", models.join("hub").display());
    Process::worker_of(url, configuration, &[EACH_TEXT, &cache]).await
}

/// What a reply of any kind says of items that failed.
#[derive(serde::Deserialize)]
struct Failed {
    #[serde(default)]
    errors: Vec<serde::de::IgnoredAny>,
}

/// Asserts that a reply is no refusal, and no item failed.
fn answered(reply: &async_nats::Message) -> anyhow::Result<()> {
    let error = service_error(reply);
    ensure!(error.is_none(), "the worker answered {error:?}");
    let failed: Failed = rmp_serde::from_slice(&reply.payload)?;
    ensure!(failed.errors.is_empty(), "an item failed");
    Ok(())
}

/// Files of a folder in the order of their names, with their content.
pub(super) fn files(folder: &Path) -> anyhow::Result<Vec<(PathBuf, Vec<u8>)>> {
    let entries = std::fs::read_dir(folder);
    let entries = entries.with_context(|| format!("cannot read {}", folder.display()))?;
    let mut paths = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<Vec<PathBuf>>>()?;
    paths.sort();
    let read = |path: PathBuf| Ok((path.clone(), std::fs::read(path)?));
    paths.into_iter().map(read).collect()
}

fn rerank(texts: &[String]) -> anyhow::Result<Kind> {
    let (query, documents) = texts.split_first().context("no texts")?;
    let documents = &documents[..DOCUMENTS];
    let request = RerankRequest {
        query: query.clone(),
        documents: documents.to_vec(),
        ..RerankRequest::default()
    };
    Ok(Kind {
        op: Op::Rerank,
        model: RERANKER,
        bodies: vec![Format::MsgPack.encode(&request)?.into()],
        call: json!({ "query": query, "documents": documents }),
        items: DOCUMENTS,
        ours: "bus_rerank_pairs_per_second",
        theirs: "fastembed_rerank_pairs_per_second",
    })
}

fn sparse(texts: &[String]) -> anyhow::Result<Kind> {
    let texts = &texts[..TEXTS];
    let body = |inputs: &[String]| {
        let request = SparseRequest {
            inputs: inputs.to_vec(),
            ..SparseRequest::default()
        };
        Ok(Format::MsgPack.encode(&request)?.into())
    };
    Ok(Kind {
        op: Op::Sparse,
        model: SPLADE,
        bodies: texts
            .chunks(TEXTS_AT_ONCE)
            .map(body)
            .collect::<anyhow::Result<_>>()?,
        call: json!({ "texts": texts }),
        items: TEXTS,
        ours: "bus_sparse_texts_per_second",
        theirs: "fastembed_sparse_texts_per_second",
    })
}

fn image(files: &[(PathBuf, Vec<u8>)]) -> anyhow::Result<Kind> {
    let body = |files: &[(PathBuf, Vec<u8>)]| {
        let images = files.iter().map(|(_, file)| Packed(file.clone().into()));
        let request = ImageRequest {
            images: Some(images.collect()),
            ..ImageRequest::default()
        };
        Ok(Format::MsgPack.encode(&request)?.into())
    };
    let paths: Vec<&PathBuf> = files.iter().map(|(path, _)| path).collect();
    Ok(Kind {
        op: Op::Image,
        model: CLIP,
        bodies: files
            .chunks(IMAGES_AT_ONCE)
            .map(body)
            .collect::<anyhow::Result<_>>()?,
        call: json!({ "files": paths }),
        items: files.len(),
        ours: "bus_images_per_second",
        theirs: "fastembed_images_per_second",
    })
}
