use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{folder, generated, table};
use crate::kinds::{Stage, near, numbers};

/// A worker that serves this model out of a folder, and no cache.
async fn serving(name: &str, test: &str, more: &str) -> Stage {
    let table = table(name, &folder(name, &format!("{test}-{name}")), more);
    Stage::of(&table, "/nowhere").await
}

async fn vectors(stage: &Stage, model: &str, request: &Value) -> (Vec<f32>, Value) {
    let reply = stage.ask("text", model, request).await;
    let rows = reply["embeddings"]["rows"].as_array().expect("rows");
    (rows.iter().flat_map(numbers).collect(), reply)
}

#[tokio::test]
async fn texts_of_every_pooling_get_the_references_vectors_however_weights_are_kept() {
    for (model, pooling) in [
        ("first", "pooling = 'cls'"),
        ("average", "pooling = 'mean'"),
        ("final", "pooling = 'last'"),
        ("int8", "pooling = 'mean'"),
        ("apart", "pooling = 'cls'"),
        ("pooled", "output = 'sentence_embedding'"),
    ] {
        let stage = serving(model, "pooling", pooling).await;
        let reference = generated().reference("text", model);
        let texts = reference.strings("texts");
        let (ours, reply) = vectors(&stage, model, &json!({ "inputs": texts })).await;
        let tokens: Vec<u64> = serde_json::from_value(reply["tokens"].clone()).unwrap();
        assert_eq!(tokens, reference.counts("tokens"), "{model}");
        near(model, &ours, reference.array("vectors"));
    }
}

#[tokio::test]
async fn sparse_models_of_ones_own_give_the_references_weights() {
    for (model, more) in [("words", ""), ("quick", "query_weights = 'idf.json'")] {
        let stage = serving(model, "sparse", more).await;
        let reference = generated().reference("sparse", model);
        let texts = reference.strings("texts");
        let ends = reference.counts("offsets");
        for (at, text) in texts.iter().enumerate() {
            let reply = stage
                .ask("sparse", model, &json!({ "inputs": [text] }))
                .await;
            let row = &reply["sparse"]["rows"][0];
            let these = ends[at] as usize..ends[at + 1] as usize;
            let ids: Vec<u64> = serde_json::from_value(row["indices"].clone()).unwrap();
            assert_eq!(ids, reference.counts("indices")[these.clone()], "{text:?}");
            near(
                text,
                &numbers(&row["values"]),
                &reference.array("values")[these],
            );
        }
        let request = json!({ "inputs": [texts[0]], "query": true });
        if more.is_empty() {
            stage
                .refused("sparse", model, &request, "invalid_request")
                .await;
            continue;
        }
        let reply = stage.ask("sparse", model, &request).await;
        let ids: Vec<u64> =
            serde_json::from_value(reply["sparse"]["rows"][0]["indices"].clone()).unwrap();
        let end = reference.counts("query_offsets")[1] as usize;
        assert_eq!(ids, reference.counts("query_indices")[..end]);
    }
}

#[tokio::test]
async fn a_cross_encoder_of_ones_own_gives_the_references_scores() {
    let stage = serving("cross", "rerank", "").await;
    let reference = generated().reference("rerank", "cross");
    let documents = reference.strings("documents");
    let query = reference.strings("queries").remove(0);
    let request = json!({ "query": query, "documents": documents, "raw_scores": true });
    let reply = stage.ask("rerank", "cross", &request).await;
    let order: Vec<u64> = serde_json::from_value(reference.facts["order"][0].clone()).unwrap();
    for (ranked, at) in reply["results"].as_array().unwrap().iter().zip(&order) {
        assert_eq!(ranked["index"], *at);
        let logit = reference.array("logits")[*at as usize];
        near(
            "cross",
            &[ranked["score"].as_f64().unwrap() as f32],
            &[logit],
        );
    }
}

#[tokio::test]
async fn a_joint_model_of_ones_own_gives_the_references_vectors_of_all_kinds() {
    let stage = serving("three", "joint", "").await;
    let reference = generated().reference("joint", "three");
    let text = reference.strings("texts").remove(0);
    let reply = stage
        .ask("joint", "three", &json!({ "inputs": [text] }))
        .await;
    let dense = numbers(&reply["embeddings"]["rows"][0]);
    near("dense", &dense, &reference.array("dense")[..64]);
    let end = reference.counts("sparse_offsets")[1] as usize;
    let weights = numbers(&reply["sparse"]["rows"][0]["values"]);
    near("sparse", &weights, &reference.array("sparse_values")[..end]);
    let tokens = reply["colbert"]["rows"][0].as_array().unwrap();
    let tokens: Vec<f32> = tokens.iter().flat_map(numbers).collect();
    let end = reference.counts("colbert_offsets")[1] as usize;
    near("colbert", &tokens, &reference.array("colbert")[..end * 64]);
}

#[tokio::test]
async fn an_image_model_of_ones_own_gives_the_references_vectors() {
    let stage = serving("tower", "image", "dimensions = 40").await;
    let reference = generated().reference("image", "tower");
    for (at, name) in reference.strings("images").iter().enumerate() {
        let request = json!({ "images": [STANDARD.encode(generated().image(name))] });
        let reply = stage.ask("image", "tower", &request).await;
        let ours = numbers(&reply["embeddings"]["rows"][0]);
        let theirs = &reference.array("vectors")[at * 40..(at + 1) * 40];
        let cosine: f32 = ours
            .iter()
            .zip(theirs)
            .map(|(one, other)| one * other)
            .sum();
        // Pixels may differ by rounding, as in tests/images.
        assert!(cosine > 0.9999, "{name}: {cosine}");
    }
}

#[tokio::test]
async fn what_the_configuration_says_of_a_model_is_what_callers_are_told_and_get() {
    let more = "pooling = 'cls'\nmatryoshka = [32, 16]\nlicense = 'MIT'\nmax_length = 7\n\
                prompts = { query = 'what is ', note = 'a note: ' }";
    let stage = serving("first", "facts", more).await;
    let info = stage.ask("info", "text_first", &json!({})).await;
    assert_eq!(info["dimensions"], 48);
    assert_eq!(info["max_tokens"], 7);
    assert_eq!(info["pooling"], "cls");
    assert_eq!(info["matryoshka"], json!([32, 16]));
    assert_eq!(info["prompts"], json!(["note", "query"]));
    assert_eq!(info["license"], "MIT");
    // A folder's name, and not where it lies.
    assert_eq!(info["source"], "directory:facts-first");
    assert_eq!(info["aliases"], json!([]));
    assert_eq!(info["normalized"], true);

    let asked = json!({ "inputs": ["bread"], "prompt": "query" });
    let (prompted, _) = vectors(&stage, "first", &asked).await;
    let (whole, _) = vectors(&stage, "first", &json!({ "inputs": ["what is bread"] })).await;
    near("query", &prompted, &whole);
    let refused = json!({ "inputs": ["bread"], "prompt": "passage" });
    stage
        .refused("text", "first", &refused, "invalid_request")
        .await;
}

#[tokio::test]
async fn a_model_that_does_not_normalize_gives_raw_vectors_unless_a_request_wishes() {
    let raw = serving("average", "raw", "pooling = 'mean'\nnormalize = false").await;
    let unit = serving("average", "unit", "pooling = 'mean'").await;
    let (ours, reply) = vectors(&raw, "average", &json!({ "inputs": ["bread"] })).await;
    let asked = json!({ "inputs": ["bread"], "normalize": false });
    let (theirs, said) = vectors(&unit, "average", &asked).await;
    near("raw", &ours, &theirs);
    assert_eq!(reply["space"], said["space"]);
    let info = raw.ask("info", "text_average", &json!({})).await;
    assert_eq!(info["normalized"], false);
    assert_eq!(info["space"], reply["space"]);

    let asked = json!({ "inputs": ["bread"], "normalize": true });
    let (ours, reply) = vectors(&raw, "average", &asked).await;
    let (theirs, said) = vectors(&unit, "average", &json!({ "inputs": ["bread"] })).await;
    near("unit", &ours, &theirs);
    assert_eq!(reply["space"], said["space"]);
    let length: f32 = theirs.iter().map(|value| value * value).sum();
    assert!((length - 1.0).abs() < 1e-5, "{length}");
}

#[tokio::test]
async fn texts_of_an_int8_file_run_alone_without_being_told_to() {
    let stage = serving("int8", "int8", "pooling = 'mean'").await;
    let texts = generated().reference("text", "int8").strings("texts");
    let (together, _) = vectors(&stage, "int8", &json!({ "inputs": texts })).await;
    for (text, vector) in texts.iter().zip(together.chunks_exact(48)) {
        let (alone, _) = vectors(&stage, "int8", &json!({ "inputs": [text] })).await;
        assert_eq!(alone, vector, "{text:?}");
    }
}
