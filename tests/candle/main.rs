//! Models that fastembed runs by candle, on small random weights: over the bus they
//! give what fastembed's own types give of the same files. `make candle` makes these
//! where `HF_HOME` says, which both sides read.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what must hold by panicking, and its helpers too"
)]

#[path = "../harness/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the other binaries use the rest")]
mod harness;

use candle_core::{DType, Device};
use fastembed::{NomicV2MoeTextEmbedding, Qwen3TextEmbedding};
use harness::{Ask, Caller, Launch, Server, Worker};
use serde_json::{Value, json};

const QWEN: &str = "Qwen3Embedding06B";
const NOMIC: &str = "NomicEmbedTextV2Moe";

/// Texts of many lengths, two of them of one.
const TEXTS: [&str; 10] = [
    "the harbour",
    "a harbour",
    "The old harbour was rebuilt in stone after the storm of that winter.",
    "bread and olives",
    "7",
    "Where do the boats go when the river freezes?",
    "ünïcödé, and CAPITALS",
    "stone bridges outlast the river that they cross, and the people who crossed them, by centuries at least",
    "wine",
    "a letter that came too late to change anything at all",
];

struct Stage {
    caller: Caller,
    _worker: Worker,
    _server: Server,
}

impl Stage {
    async fn start() -> Self {
        let server = Server::start().await;
        let config = format!("[[models]]\nname = '{QWEN}'\n[[models]]\nname = '{NOMIC}'\n");
        let hub = std::env::var("HF_HOME").expect("HF_HOME, which `make candle` sets");
        let worker = Launch::new(&server.url(), &config).env("HF_HOME", &hub);
        Self {
            _worker: worker.ready().await,
            caller: Caller::connect(&server).await,
            _server: server,
        }
    }

    async fn ask(&self, model: &str, request: &Value) -> Value {
        let reply = self.caller.call(Ask::text(model).json(request)).await;
        assert!(!reply.is_refusal(), "{reply}");
        reply.value()
    }

    async fn vectors(&self, model: &str, texts: &[&str]) -> Vec<Vec<f32>> {
        let reply = self.ask(model, &json!({ "inputs": texts })).await;
        serde_json::from_value(reply["embeddings"]["rows"].clone()).unwrap()
    }
}

/// What fastembed gives of the same files, at the length that the catalogue has.
fn expected(model: &str) -> Vec<Vec<f32>> {
    let (device, single) = (Device::Cpu, DType::F32);
    if model == QWEN {
        let own = Qwen3TextEmbedding::from_hf("Qwen/Qwen3-Embedding-0.6B", &device, single, 512);
        return own.unwrap().embed(&TEXTS).unwrap();
    }
    let repository = "nomic-ai/nomic-embed-text-v2-moe";
    let own = NomicV2MoeTextEmbedding::from_hf(repository, &device, single, 512).unwrap();
    // One text a call: a text's vector must not be that of its company.
    let alone = |text| own.embed(&[text]).unwrap().remove(0);
    TEXTS.into_iter().map(alone).collect()
}

fn apart(one: &[f32], other: &[f32]) -> f32 {
    assert_eq!(one.len(), other.len());
    let apart = one.iter().zip(other).map(|(x, y)| (x - y).abs());
    apart.fold(0.0, f32::max)
}

#[tokio::test]
async fn candle_models_give_what_fastembeds_own_types_give_alone_and_in_company() {
    let stage = Stage::start().await;
    for (model, dimensions) in [(QWEN, 1024), (NOMIC, 768)] {
        let expected = expected(model);
        let together = stage.vectors(model, &TEXTS).await;
        let mut cosines = Vec::new();
        for (at, text) in TEXTS.iter().enumerate() {
            let alone = stage.vectors(model, &[text]).await.remove(0);
            assert_eq!(alone.len(), dimensions);
            let differs = apart(&alone, &expected[at]);
            assert!(differs <= 1e-5, "{model}, {text:?}: {differs}");
            let moved = apart(&alone, &together[at]);
            assert!(moved <= 1e-6, "{model}, {text:?}: {moved}");
            let dot =
                |other: &Vec<f32>| -> f32 { alone.iter().zip(other).map(|(x, y)| x * y).sum() };
            cosines.extend(expected[..at].iter().map(dot));
        }
        // Weights that make all texts alike would hide every fault.
        cosines.sort_by(f32::total_cmp);
        let median = cosines[cosines.len() / 2];
        assert!(median < 0.9, "{model}: median cosine {median}");
    }
}

#[tokio::test]
async fn candle_models_count_cut_and_describe_as_all_others_and_refuse_raw_vectors() {
    let stage = Stage::start().await;
    for (model, pooling, matryoshka) in [
        (QWEN, "last", None),
        (NOMIC, "mean", Some(json!([768, 256]))),
    ] {
        let info = stage.caller.call(Ask::info(model)).await.value();
        assert_eq!(info["pooling"], pooling);
        assert_eq!(
            (&info["license"], &info["max_tokens"]),
            (&json!("Apache-2.0"), &json!(512))
        );
        assert_eq!(info.get("matryoshka").cloned(), matryoshka);
        let long = "harbour ".repeat(600);
        let request = json!({ "inputs": ["wine", long], "dimensions": 32, "prompt": "query" });
        let reply = stage.ask(model, &request).await;
        assert_eq!(reply["embeddings"]["dims"], 32);
        assert_eq!(reply["truncated"], json!([false, true]));
        assert_eq!(reply["tokens"][1], 512);
        let raw = json!({ "inputs": ["wine"], "normalize": false });
        let refused = stage.caller.call(Ask::text(model).json(&raw)).await;
        let refused = refused.refused("invalid_request");
        assert!(
            refused["message"].as_str().unwrap().contains("normalize"),
            "{refused}"
        );
        let ranked = json!({ "query": "wine", "documents": ["wine", "the harbour"] });
        let ranked = Ask::on(format!("fastembed.v1.rerank.{model}")).json(&ranked);
        let ranked = stage.caller.call(ranked).await.value();
        assert_eq!(ranked["results"][0]["index"], 0, "{ranked}");
    }
}

#[tokio::test]
async fn candle_models_refuse_a_max_length_beyond_their_positions() {
    let hub = std::env::var("HF_HOME").expect("HF_HOME, which `make candle` sets");
    for (model, positions) in [(QWEN, 32_768), (NOMIC, 2048)] {
        let length = positions + 1;
        let config = format!("[[models]]\nname = '{model}'\nmax_length = {length}\n");
        let launch = Launch::new("nats://127.0.0.1:1", &config).env("HF_HOME", &hub);
        let exit = launch.exit().await;
        let output = exit.lines.join("\n");
        let reason = format!("max_length {length} is more than the model's {positions} positions");
        assert!(exit.code == Some(1) && output.contains(&reason), "{output}");
    }
}
