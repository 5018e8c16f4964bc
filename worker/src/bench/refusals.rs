//! Bad requests of every kind: the right answer to each, and how soon it comes.
//!
//! Images lie in folders by the code that they are refused with
//! (tests/models/full_size.py); those of 200 are bombs that hold a small picture.

use std::path::Path;
use std::time::Instant;

use anyhow::ensure;
use bytes::Bytes;
use serde_json::{Value, json};

use super::bus::{Caller, service_error};
use super::figures::{Figures, Latencies};
use super::kinds::{self, CLIP, RERANKER, SPLADE};
use crate::models::Op;
use crate::wire::image::ImageRequest;
use crate::wire::vectors::Packed;
use crate::wire::{ErrorCode, Format};

/// How often each is sent.
const TIMES: usize = 20;

/// A model that is asked for nothing else: it is small.
const JOINT: &str = "BGEM3Q";

/// A model of texts whose prompts and dimensions are known.
const TEXT: &str = "Fake";

/// One request, and the name of the error that it must be answered with, if any.
struct Bad {
    caller: Caller,
    body: Bytes,
    error: Option<&'static str>,
}

pub(super) async fn measure(url: &str, models: &Path, figures: &mut Figures) -> anyhow::Result<()> {
    let real = [
        (Op::Rerank, RERANKER),
        (Op::Sparse, SPLADE),
        (Op::Image, CLIP),
        (Op::Joint, JOINT),
    ];
    let real: String = real.map(|(op, model)| kinds::table(op, model)).concat();
    let configuration = format!("{real}[[models]]\nname = '{TEXT}'\nkind = 'fake'\n");
    let worker = kinds::worker(url, models, &configuration).await?;
    let rounds = [
        (
            requests(url).await?,
            "refused_request_p50_seconds",
            "refused_request_p99_seconds",
        ),
        (
            images(
                url,
                models,
                &[ErrorCode::InvalidRequest, ErrorCode::PayloadTooLarge],
            )
            .await?,
            "refused_image_p50_seconds",
            "refused_image_p99_seconds",
        ),
        (
            images(url, models, &[]).await?,
            "bomb_image_p50_seconds",
            "bomb_image_p99_seconds",
        ),
    ];
    for (all, p50, p99) in rounds {
        let mut latencies = Latencies::new()?;
        for bad in std::iter::repeat_n(&all, TIMES).flatten() {
            let start = Instant::now();
            let message = bad.caller.send(bad.body.clone()).await?;
            latencies.add(start.elapsed())?;
            let error = service_error(&message);
            ensure!(
                error == bad.error,
                "answered {error:?}, not {:?}",
                bad.error
            );
        }
        figures.add(p50, latencies.percentile(50.0));
        figures.add(p99, latencies.percentile(99.0));
    }
    worker.stop().await
}

/// Requests that make no sense.
async fn requests(url: &str) -> anyhow::Result<Vec<Bad>> {
    let many = vec!["b"; 10_000];
    let one = json!(["a"]);
    let bad: [(Op, &str, Value); 17] = [
        (
            Op::Rerank,
            RERANKER,
            json!({ "query": "a", "documents": [] }),
        ),
        (
            Op::Rerank,
            RERANKER,
            json!({ "query": "a", "documents": many }),
        ),
        (
            Op::Rerank,
            RERANKER,
            json!({ "query": "a", "documents": one, "top_n": 0 }),
        ),
        (Op::Rerank, RERANKER, json!({ "documents": one })),
        (Op::Sparse, SPLADE, json!({ "inputs": one, "query": true })),
        (
            Op::Sparse,
            SPLADE,
            json!({ "inputs": one, "dimensions": 8 }),
        ),
        (Op::Image, CLIP, json!({ "inputs": one })),
        (Op::Text, TEXT, json!({ "inputs": one, "dimensions": 0 })),
        (
            Op::Text,
            TEXT,
            json!({ "inputs": one, "dimensions": 9_999 }),
        ),
        (
            Op::Text,
            TEXT,
            json!({ "inputs": one, "prompt": "nobody's" }),
        ),
        (Op::Text, TEXT, json!({ "images": one })),
        (
            Op::Joint,
            JOINT,
            json!({ "inputs": one, "outputs": ["dense", "late"] }),
        ),
        (
            Op::Joint,
            JOINT,
            json!({ "inputs": one, "outputs": ["dense", "dense"] }),
        ),
        (Op::Joint, JOINT, json!({ "inputs": one, "outputs": [] })),
        (Op::Joint, JOINT, json!({ "inputs": one, "dimensions": 8 })),
        (Op::Joint, JOINT, json!({ "inputs": [] })),
        (Op::Joint, JOINT, json!({ "inputs": many })),
    ];
    // Vectors of so many tokens are more than one message holds.
    let tokens = json!({ "inputs": vec!["b ".repeat(64); 36], "outputs": ["colbert"] });
    let too_large = (Op::Joint, JOINT, tokens, ErrorCode::PayloadTooLarge);
    let bad = bad.map(|(op, model, document)| (op, model, document, ErrorCode::InvalidRequest));
    let mut requests = Vec::new();
    for (op, model, document, code) in bad.into_iter().chain([too_large]) {
        requests.push(Bad {
            caller: Caller::of(url, op, model).await?,
            body: Format::MsgPack.encode(&document)?.into(),
            error: Some(code.name()),
        });
    }
    Ok(requests)
}

/// Requests of one bad image each, of those that are refused with these codes, or
/// where there is none of those that are answered.
async fn images(url: &str, models: &Path, codes: &[ErrorCode]) -> anyhow::Result<Vec<Bad>> {
    let caller = Caller::of(url, Op::Image, CLIP).await?;
    let folders: Vec<(u16, Option<&'static str>)> = match codes {
        [] => vec![(200, None)],
        codes => codes
            .iter()
            .map(|code| (code.number(), Some(code.name())))
            .collect(),
    };
    let mut requests = Vec::new();
    for (folder, error) in folders {
        for (_, file) in kinds::files(&models.join("bad").join(folder.to_string()))? {
            let request = ImageRequest {
                images: Some(vec![Packed(file.into())]),
                ..ImageRequest::default()
            };
            requests.push(Bad {
                caller: caller.clone(),
                body: Format::MsgPack.encode(&request)?.into(),
                error,
            });
        }
    }
    Ok(requests)
}
