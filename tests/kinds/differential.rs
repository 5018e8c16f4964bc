//! Over the bus: what every kind gives is what fastembed's own type gives of the
//! same files.

use fastembed_worker::models::Op;
use serde_json::{Value, json};

use super::{Stage, TEXT, generated, near, numbers};
use crate::harness::rival::Rival;

/// The texts that the references are of.
fn texts() -> Vec<String> {
    generated().reference("text", TEXT[0]).strings("texts")
}

fn rival(op: Op, name: &str) -> Rival {
    Rival::load(op, name, &generated().hub())
}

/// Asserts that two lists of sparse rows have the same ids and weights.
fn same_weights(what: &str, ours: &Value, theirs: &Value) {
    let (ours, theirs) = (ours.as_array().unwrap(), theirs.as_array().unwrap());
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (one, other) in ours.iter().zip(theirs) {
        assert_eq!(one["indices"], other["indices"], "{what}");
        near(what, &numbers(&one["values"]), &numbers(&other["values"]));
    }
}

/// Asserts that two lists of vectors are the same.
fn same_vectors(what: &str, ours: &Value, theirs: &Value) {
    let rows = |list: &Value| list.as_array().unwrap().iter().flat_map(numbers).collect();
    let (ours, theirs): (Vec<f32>, Vec<f32>) = (rows(ours), rows(theirs));
    assert!(!ours.is_empty());
    near(what, &ours, &theirs);
}

#[tokio::test]
async fn vectors_of_texts_are_fastembeds_own() {
    let stage = Stage::serving(&TEXT).await;
    for model in TEXT {
        let reply = stage
            .ask("text", model, &json!({ "inputs": texts() }))
            .await;
        let theirs = rival(Op::Text, model).call(json!({ "texts": texts() }), false);
        same_vectors(model, &reply["embeddings"]["rows"], &theirs);
    }
}

#[tokio::test]
async fn weights_of_sparse_models_are_fastembeds_own() {
    for model in ["SPLADEPPV1", "OpenSearchNeuralSparseDocV3Gte", "BGEM3"] {
        let stage = Stage::serving(&[&format!("sparse/{model}")]).await;
        let mut rival = rival(Op::Sparse, model);
        for text in texts() {
            let request = json!({ "inputs": [text] });
            let reply = stage.ask("sparse", model, &request).await;
            let theirs = rival.call(json!({ "texts": [text] }), false);
            same_weights(model, &reply["sparse"]["rows"], &theirs);
        }
    }
}

#[tokio::test]
async fn scores_of_cross_encoders_are_fastembeds_own() {
    for model in super::rerank::MODELS {
        let stage = Stage::serving(&[model]).await;
        let mut rival = rival(Op::Rerank, model);
        for query in generated().reference("rerank", model).strings("queries") {
            let request = json!({ "query": query, "documents": texts(), "raw_scores": true });
            let reply = stage.ask("rerank", model, &request).await;
            let theirs = rival.call(json!({ "query": query, "documents": texts() }), false);
            let ours = reply["results"].as_array().unwrap();
            let theirs = theirs.as_array().unwrap();
            assert_eq!(ours.len(), theirs.len());
            for (one, other) in ours.iter().zip(theirs) {
                assert_eq!(one["index"], other[0], "{model} {query:?}");
                let score = |value: &Value| [value.as_f64().unwrap() as f32];
                near(model, &score(&one["score"]), &score(&other[1]));
            }
        }
    }
}

#[tokio::test]
async fn all_three_outputs_of_bge_m3_are_fastembeds_own() {
    let model = "BGEM3Q";
    let stage = Stage::serving(&["joint/BGEM3Q"]).await;
    let mut rival = rival(Op::Joint, model);
    let texts = texts();
    // The token vectors of the last do not fit into one message as lists.
    let (_, texts) = texts.split_last().unwrap();
    for text in texts {
        let reply = stage
            .ask("joint", model, &json!({ "inputs": [text] }))
            .await;
        let theirs = rival.call(json!({ "texts": [text] }), true);
        same_vectors(model, &reply["embeddings"]["rows"], &theirs["dense"]);
        same_weights(model, &reply["sparse"]["rows"], &theirs["sparse"]);
        let (ours, theirs) = (&reply["colbert"]["rows"][0], &theirs["colbert"][0]);
        same_vectors(model, ours, theirs);
    }
}
