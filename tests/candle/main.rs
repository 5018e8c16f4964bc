//! Models that fastembed runs by candle, on small random weights: over the bus they
//! give what fastembed's own types give of the same files. `make candle` makes these
//! where `HF_HOME` says, which both sides read.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what must hold by panicking, and its helpers too"
)]

#[path = "../hub/fake_hub.rs"]
#[allow(dead_code, reason = "tests of the hub use the rest")]
mod fake_hub;
#[path = "../harness/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the other binaries use the rest")]
mod harness;
#[path = "../hub/program.rs"]
#[allow(dead_code, reason = "tests of the hub use the rest")]
mod program;
mod shards;

use candle_core::{DType, Device};
use fastembed::{NomicV2MoeTextEmbedding, Qwen3TextEmbedding};
use fastembed_worker::models::Op;
use fastembed_worker::models::catalog;
use harness::{Ask, Caller, Launch, Server, Worker};
use serde_json::{Value, json};

const QWEN: &str = "Qwen3Embedding06B";
const QWEN_4B: &str = "Qwen3Embedding4B";
const QWEN_8B: &str = "Qwen3Embedding8B";
const NOMIC: &str = "NomicEmbedTextV2Moe";

/// Every one of them, with the values in its vectors.
const MODELS: [(&str, usize); 4] = [(QWEN, 1024), (QWEN_4B, 2560), (QWEN_8B, 4096), (NOMIC, 768)];

/// The cache of models that `make candle` made.
fn hub() -> String {
    std::env::var("HF_HOME").expect("HF_HOME, which `make candle` sets")
}

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
        Self::of(&hub(), &MODELS.map(|(name, _)| name), "").await
    }

    /// Serves these models of a cache, each with more lines of TOML.
    async fn of(hub: &str, models: &[&str], more: &str) -> Self {
        let server = Server::start().await;
        let table = |name: &&str| format!("[[models]]\nname = '{name}'\n{more}\n");
        let config: String = models.iter().map(table).collect();
        let worker = Launch::new(&server.url(), &config).env("HF_HOME", hub);
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

/// What fastembed gives of the same files, cut after so many tokens.
fn expected(model: &str, texts: &[&str], max_tokens: usize) -> Vec<Vec<f32>> {
    let (device, single) = (Device::Cpu, DType::F32);
    let repository = catalog::find(Op::Text, model).unwrap().repository;
    if model != NOMIC {
        let own = Qwen3TextEmbedding::from_hf(&repository, &device, single, max_tokens);
        return own.unwrap().embed(texts).unwrap();
    }
    let own = NomicV2MoeTextEmbedding::from_hf(&repository, &device, single, max_tokens).unwrap();
    // One text a call: a text's vector must not be that of its company.
    let alone = |text: &&str| own.embed(&[*text]).unwrap().remove(0);
    texts.iter().map(alone).collect()
}

fn apart(one: &[f32], other: &[f32]) -> f32 {
    assert_eq!(one.len(), other.len());
    let apart = one.iter().zip(other).map(|(x, y)| (x - y).abs());
    apart.fold(0.0, f32::max)
}

#[tokio::test]
async fn candle_models_give_what_fastembeds_own_types_give_alone_and_in_company() {
    let stage = Stage::start().await;
    for (model, dimensions) in MODELS {
        let expected = expected(model, &TEXTS, 512);
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
async fn candle_models_cut_long_texts_where_fastembeds_own_types_cut_them() {
    const MAX_TOKENS: usize = 16;
    let long = TEXTS.concat();
    // fastembed reads no more of a long text than 16 bytes a token, up to a space.
    let (spaced, unbroken) = (long.repeat(8), "harbour".repeat(200));
    let wide = " ".repeat(400) + &long;
    let texts = [TEXTS[7], &long, &spaced, &unbroken, &wide];
    let stage = Stage::of(&hub(), &MODELS.map(|(name, _)| name), "max_length = 16").await;
    for (model, _) in MODELS {
        let reply = stage.ask(model, &json!({ "inputs": texts })).await;
        assert_eq!(
            reply["truncated"],
            json!(vec![true; texts.len()]),
            "{model}"
        );
        let ours: Vec<Vec<f32>> =
            serde_json::from_value(reply["embeddings"]["rows"].clone()).unwrap();
        let whole = expected(model, &texts, 512);
        let cut = expected(model, &texts, MAX_TOKENS);
        for at in 0..texts.len() {
            let differs = apart(&ours[at], &cut[at]);
            assert!(differs <= 1e-5, "{model}, text {at}: {differs}");
            // A cut that shows in no vector would hide another one.
            assert!(apart(&ours[at], &whole[at]) > 1e-3, "{model}, text {at}");
        }
    }
}

#[tokio::test]
async fn candle_models_count_cut_and_describe_as_all_others_and_refuse_raw_vectors() {
    let stage = Stage::start().await;
    for (model, pooling, matryoshka) in [
        (QWEN, "last", None),
        (QWEN_4B, "last", None),
        (QWEN_8B, "last", None),
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
        assert_eq!(ranked["score_kind"], "cosine", "{ranked}");
        // Both are read behind the model's prompts: equal texts need not be the nearest.
        let asked = json!({ "inputs": ["wine"], "prompt": "query" });
        let mut told = json!({ "inputs": ["wine", "the harbour"] });
        if model == NOMIC {
            told["prompt"] = "passage".into();
        }
        let rows = async |request: &Value| -> Vec<Vec<f32>> {
            let reply = stage.ask(model, request).await;
            serde_json::from_value(reply["embeddings"]["rows"].clone()).unwrap()
        };
        let (asked, told) = (rows(&asked).await, rows(&told).await);
        let results = ranked["results"].as_array().unwrap();
        let scores = results.iter().map(|each| each["score"].as_f64().unwrap());
        assert_eq!(results.len(), told.len(), "{ranked}");
        assert!(scores.is_sorted_by(|x, y| x >= y), "{ranked}");
        for each in results {
            let other = &told[each["index"].as_u64().unwrap() as usize];
            let cosine: f32 = asked[0].iter().zip(other).map(|(x, y)| x * y).sum();
            let score = each["score"].as_f64().unwrap() as f32;
            assert!((score - cosine).abs() <= 1e-5, "{model}: {score}, {cosine}");
        }
    }
}

#[tokio::test]
async fn candle_models_refuse_a_max_length_beyond_their_positions() {
    let hub = hub();
    for (model, positions) in [(QWEN, 32_768), (QWEN_4B, 32_768), (NOMIC, 2048)] {
        let length = positions + 1;
        let config = format!("[[models]]\nname = '{model}'\nmax_length = {length}\n");
        let launch = Launch::new("nats://127.0.0.1:1", &config).env("HF_HOME", &hub);
        let exit = launch.exit().await;
        let output = exit.lines.join("\n");
        let reason = format!("max_length {length} is more than the model's {positions} positions");
        assert!(exit.code == Some(1) && output.contains(&reason), "{output}");
    }
}
