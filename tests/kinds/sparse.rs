use serde_json::{Value, json};

use super::{Stage, generated, near, numbers};
use crate::harness::generated::Reference;

const MODELS: [&str; 3] = ["SPLADEPPV1", "OpenSearchNeuralSparseDocV3Gte", "BGEM3"];

async fn stage() -> Stage {
    Stage::serving(
        &MODELS
            .map(|name| format!("sparse/{name}"))
            .each_ref()
            .map(String::as_str),
    )
    .await
}

/// Asserts that a reply holds the sparse rows of a reference, whose lists begin
/// with `prefix`.
fn same(what: &str, reply: &Value, reference: &Reference, prefix: &str) {
    let rows = reply["sparse"]["rows"].as_array().unwrap();
    let mut ids: Vec<u64> = Vec::new();
    let mut ends = vec![0];
    let mut values = Vec::new();
    for row in rows {
        ids.extend(
            row["indices"]
                .as_array()
                .unwrap()
                .iter()
                .filter_map(Value::as_u64),
        );
        values.extend(numbers(&row["values"]));
        ends.push(ids.len() as u64);
    }
    assert_eq!(
        ends,
        reference.counts(&format!("{prefix}offsets")),
        "{what}"
    );
    assert_eq!(ids, reference.counts(&format!("{prefix}indices")), "{what}");
    near(what, &values, reference.array(&format!("{prefix}values")));
}

#[tokio::test]
async fn each_sparse_model_gives_its_authors_weights() {
    let stage = stage().await;
    for model in MODELS {
        let reference = generated().reference("sparse", model);
        for (at, text) in reference.strings("texts").iter().enumerate() {
            let reply = stage
                .ask("sparse", model, &json!({ "inputs": [text] }))
                .await;
            let row = &reply["sparse"]["rows"][0];
            let ends = reference.counts("offsets");
            let (start, end) = (ends[at] as usize, ends[at + 1] as usize);
            let ids: Vec<u64> = serde_json::from_value(row["indices"].clone()).unwrap();
            assert_eq!(
                ids,
                reference.counts("indices")[start..end],
                "{model} {text:?}"
            );
            near(
                model,
                &numbers(&row["values"]),
                &reference.array("values")[start..end],
            );
        }
    }
}

#[tokio::test]
async fn a_query_of_an_inference_free_model_gets_the_weights_of_its_words() {
    let (stage, model) = (stage().await, MODELS[1]);
    let reference = generated().reference("sparse", model);
    let inputs = reference.strings("texts");
    let request = json!({ "inputs": inputs, "query": true });
    let reply = stage.ask("sparse", model, &request).await;
    same(model, &reply, &reference, "query_");
    let request = json!({ "inputs": ["a"], "query": true });
    stage
        .refused("sparse", MODELS[0], &request, "invalid_request")
        .await;
}

#[tokio::test]
async fn a_text_has_the_same_weights_alone_and_in_company() {
    let (stage, model) = (stage().await, MODELS[0]);
    let inputs = &generated().reference("sparse", model).strings("texts")[..8];
    let together = stage
        .ask("sparse", model, &json!({ "inputs": inputs }))
        .await;
    for (at, text) in inputs.iter().enumerate() {
        let alone = stage
            .ask("sparse", model, &json!({ "inputs": [text] }))
            .await;
        let (one, other) = (&alone["sparse"]["rows"][0], &together["sparse"]["rows"][at]);
        assert_eq!(one["indices"], other["indices"], "{text:?}");
        near(text, &numbers(&one["values"]), &numbers(&other["values"]));
    }
}

#[tokio::test]
async fn a_sparse_model_is_found_under_its_own_operation_alone() {
    let stage = stage().await;
    assert!(stage.caller.finds_nobody(MODELS[0]).await);
}
