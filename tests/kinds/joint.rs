use serde_json::json;

use super::{Stage, generated, near, numbers};
use crate::harness::Ask;

const MODEL: &str = "BGEM3Q";

#[tokio::test]
async fn one_pass_gives_dense_sparse_and_token_vectors_as_the_authors_do() {
    let stage = Stage::serving(&["joint/BGEM3Q"]).await;
    let reference = generated().reference("joint", MODEL);
    let (dense, colbert) = (reference.array("dense"), reference.array("colbert"));
    let (ends, words) = (
        reference.counts("colbert_offsets"),
        reference.counts("sparse_offsets"),
    );
    for (at, text) in reference.strings("texts").iter().enumerate() {
        let (start, end) = (ends[at] as usize, ends[at + 1] as usize);
        let mut request = json!({ "inputs": [text] });
        if end - start > 40 {
            // Its token vectors do not fit into one message as lists.
            request["outputs"] = json!(["dense", "sparse"]);
        }
        let reply = stage.ask("joint", MODEL, &request).await;
        let vector = numbers(&reply["embeddings"]["rows"][0]);
        near(text, &vector, &dense[at * 1024..(at + 1) * 1024]);
        let row = &reply["sparse"]["rows"][0];
        let these = words[at] as usize..words[at + 1] as usize;
        let ids: Vec<u64> = serde_json::from_value(row["indices"].clone()).unwrap();
        assert_eq!(ids, reference.counts("sparse_indices")[these.clone()]);
        near(
            text,
            &numbers(&row["values"]),
            &reference.array("sparse_values")[these],
        );
        if end - start <= 40 {
            let tokens = reply["colbert"]["rows"][0].as_array().unwrap();
            let ours: Vec<f32> = tokens.iter().flat_map(numbers).collect();
            near(text, &ours, &colbert[start * 1024..end * 1024]);
        } else {
            assert!(reply.get("colbert").is_none(), "it was not asked for");
        }
    }
}

#[tokio::test]
async fn token_vectors_that_exceed_a_message_come_in_parts_and_only_in_parts() {
    let stage = Stage::serving(&["joint/BGEM3Q"]).await;
    let reference = generated().reference("joint", MODEL);
    let text = reference.strings("texts").pop().unwrap();
    let ask = Ask::on(format!("fastembed.v1.joint.{MODEL}")).json(&json!({ "inputs": [text] }));
    let refused = stage
        .caller
        .call(ask.clone())
        .await
        .refused("payload_too_large");
    assert!(refused["limit"].is_u64(), "{refused}");

    let mut seen = 0;
    let parts = stage.caller.call_in_parts(ask.in_parts()).await;
    for part in &parts {
        let part: serde_json::Value = part.read();
        let block = &part["colbert"];
        assert_eq!(block["from"].as_u64().unwrap_or(0), seen);
        assert_eq!(part.get("embeddings").is_some(), seen == 0);
        seen += block["rows"][0].as_array().unwrap().len() as u64;
    }
    // A vector for each token but the first.
    assert_eq!(seen, reference.counts("tokens").pop().unwrap() - 1);
    assert!(parts.len() > 1);
}

#[tokio::test]
async fn outputs_that_are_not_some_of_the_three_are_refused() {
    let stage = Stage::serving(&["joint/BGEM3Q"]).await;
    for outputs in [
        json!([]),
        json!(["dense", "dense"]),
        json!(["late"]),
        json!("dense"),
    ] {
        let request = json!({ "inputs": ["a"], "outputs": outputs });
        stage
            .refused("joint", MODEL, &request, "invalid_request")
            .await;
    }
}
