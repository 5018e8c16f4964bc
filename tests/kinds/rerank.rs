use serde_json::{Value, json};

use super::{Stage, generated, near};

pub(super) const MODELS: [&str; 4] = [
    "BGERerankerBase",
    "BGERerankerV2M3",
    "JINARerankerV1TurboEn",
    "JINARerankerV2BaseMultilingual",
];

/// Scores in the order of the request, and the order of the reply.
fn scores(reply: &Value) -> (Vec<f32>, Vec<u64>) {
    let results = reply["results"].as_array().unwrap();
    let order: Vec<u64> = results
        .iter()
        .map(|ranked| ranked["index"].as_u64().unwrap())
        .collect();
    let mut scores = vec![f32::NAN; order.len()];
    for (ranked, at) in results.iter().zip(&order) {
        scores[*at as usize] = ranked["score"].as_f64().unwrap() as f32;
    }
    (scores, order)
}

#[tokio::test]
async fn each_cross_encoder_gives_its_authors_scores_best_first() {
    let stage = Stage::serving(&MODELS).await;
    for model in MODELS {
        let reference = generated().reference("rerank", model);
        let documents = reference.strings("documents");
        for (at, query) in reference.strings("queries").iter().enumerate() {
            let these = at * documents.len()..(at + 1) * documents.len();
            let mut request = json!({ "query": query, "documents": documents });
            let reply = stage.ask("rerank", model, &request).await;
            let (squeezed, order) = scores(&reply);
            assert_eq!(reply["score_kind"], "sigmoid");
            near(model, &squeezed, &reference.array("scores")[these.clone()]);
            let theirs: Vec<u64> =
                serde_json::from_value(reference.facts["order"][at].clone()).unwrap();
            assert_eq!(order, theirs, "{model} {query:?}");

            request["raw_scores"] = true.into();
            let reply = stage.ask("rerank", model, &request).await;
            assert_eq!(reply["score_kind"], "logit");
            near(model, &scores(&reply).0, &reference.array("logits")[these]);
        }
    }
}

#[tokio::test]
async fn a_pair_has_the_same_score_alone_and_in_company() {
    let (stage, model) = (Stage::serving(&MODELS[..1]).await, MODELS[0]);
    let documents = generated().reference("rerank", model).strings("documents");
    let ask = async |documents: &[String]| {
        let request = json!({ "query": "what do rivers carry?", "documents": documents });
        scores(&stage.ask("rerank", model, &request).await).0
    };
    let together = ask(&documents).await;
    for (at, document) in documents.iter().enumerate() {
        let alone = ask(std::slice::from_ref(document)).await;
        assert!((alone[0] - together[at]).abs() <= 1e-6, "{document:?}");
    }
}

#[tokio::test]
async fn the_best_are_given_with_their_documents_where_asked_for() {
    let (stage, model) = (Stage::serving(&MODELS[..1]).await, MODELS[0]);
    let documents = ["rivers", "stones", "bread", "bridges"];
    let request = json!({ "query": "what is old?", "documents": documents });
    let (_, order) = scores(&stage.ask("rerank", model, &request).await);
    let mut request = request;
    request["top_n"] = 2.into();
    request["return_documents"] = true.into();
    let reply = stage.ask("rerank", model, &request).await;
    let results = reply["results"].as_array().unwrap();
    assert_eq!(results.len(), 2);
    for (ranked, index) in results.iter().zip(&order) {
        assert_eq!(ranked["index"], *index);
        assert_eq!(ranked["document"], documents[*index as usize]);
    }
    assert_eq!(reply["tokens"].as_array().unwrap().len(), documents.len());
}

#[tokio::test]
async fn a_model_of_dense_vectors_ranks_by_their_cosine() {
    // It has no prompts.
    let model = "ClipVitB32";
    let stage = Stage::serving(&[model]).await;
    let texts = generated().reference("text", model).strings("texts");
    let (query, documents) = texts.split_first().unwrap();
    let vectors = generated().reference("text", model);
    let vectors: Vec<&[f32]> = vectors.array("vectors").chunks_exact(512).collect();
    let request = json!({ "query": query, "documents": documents });
    let reply = stage.ask("rerank", model, &request).await;
    assert_eq!(reply["score_kind"], "cosine");
    let dot = |other: &&[f32]| {
        vectors[0]
            .iter()
            .zip(*other)
            .map(|(one, other)| one * other)
            .sum()
    };
    let theirs: Vec<f32> = vectors[1..].iter().map(dot).collect();
    near(model, &scores(&reply).0, &theirs);
}

#[tokio::test]
async fn a_model_of_dense_vectors_ranks_by_what_its_prompts_make_of_query_and_documents() {
    for (model, prompts) in [
        ("BGESmallENV15", [Some("query"), None]),
        ("MultilingualE5Small", [Some("query"), Some("passage")]),
    ] {
        let stage = Stage::serving(&[model]).await;
        let texts = generated().reference("text", model).strings("texts");
        let (query, documents) = texts.split_first().unwrap();
        let vectors = async |texts: &[String], prompt: Option<&str>| -> Vec<Vec<f32>> {
            let mut request = json!({ "inputs": texts });
            if let Some(prompt) = prompt {
                request["prompt"] = prompt.into();
            }
            let reply = stage.ask("text", model, &request).await;
            serde_json::from_value(reply["embeddings"]["rows"].clone()).unwrap()
        };
        let cosines = async |[asks, tells]: [Option<&str>; 2]| -> Vec<f32> {
            let asked = vectors(std::slice::from_ref(query), asks).await.remove(0);
            let told = vectors(documents, tells).await;
            let dot = |other: &Vec<f32>| asked.iter().zip(other).map(|(x, y)| x * y).sum();
            told.iter().map(dot).collect()
        };
        let request = json!({ "query": query, "documents": documents });
        let (ours, _) = scores(&stage.ask("rerank", model, &request).await);
        near(model, &ours, &cosines(prompts).await);
        // Prompts that move no score would hide that they are left out.
        for others in [[None, prompts[1]], [prompts[0], Some("query")]] {
            let others = cosines(others).await;
            let apart = ours.iter().zip(&others).map(|(x, y)| (x - y).abs());
            assert!(apart.fold(0.0, f32::max) > 1e-3, "{model}");
        }
    }
}

#[tokio::test]
async fn requests_that_make_no_sense_are_refused() {
    let (stage, model) = (Stage::serving(&MODELS[..1]).await, MODELS[0]);
    for request in [
        json!({ "query": "a", "documents": [] }),
        json!({ "query": "a", "documents": ["b"], "top_n": 0 }),
        json!({ "query": "a", "documents": vec!["b"; 10_000] }),
        json!({ "query": 1, "documents": ["b"] }),
        json!({ "documents": ["b"] }),
        json!({ "query": "a", "documents": ["b"], "inputs": ["c"] }),
    ] {
        stage
            .refused("rerank", model, &request, "invalid_request")
            .await;
    }
    let documents = vec!["x".repeat(100_000); 10];
    let request = json!({ "query": "a", "documents": documents, "return_documents": true });
    let refused = stage
        .refused("rerank", model, &request, "payload_too_large")
        .await;
    assert!(
        refused["message"]
            .as_str()
            .unwrap()
            .contains("return_documents")
    );
}

#[tokio::test]
async fn a_document_that_fails_is_left_out_and_named() {
    let (stage, model) = (Stage::serving(&MODELS[..1]).await, MODELS[0]);
    let long = "stone ".repeat(2000);
    let request = json!({ "query": "a", "documents": ["b", long, "c"], "truncate": false });
    let reply = stage.ask("rerank", model, &request).await;
    let errors = reply["errors"].as_array().unwrap();
    assert_eq!((errors.len(), errors[0]["index"].as_u64()), (1, Some(1)));
    assert_eq!(errors[0]["name"], "input_too_long");
    let results = reply["results"].as_array().unwrap();
    assert!(results.iter().all(|ranked| ranked["index"] != 1) && results.len() == 2);
}
