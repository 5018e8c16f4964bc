//! What a model puts before a text.

use fastembed_worker::wire::info::InfoReply;
use fastembed_worker::wire::protocol::ENCODINGS;
use serde_json::json;

use crate::harness::{Ask, Caller, FAKE, MINILM, Worker};

/// A text behind a prompt.
fn prompted(prompt: &str, text: &str) -> Ask {
    Ask::text("Fake").msgpack(&json!({"inputs": [text], "prompt": prompt}))
}

#[tokio::test]
async fn a_prompt_stands_before_each_text_and_leaves_the_space() {
    let (server, _worker) = Worker::with_server(FAKE).await;
    let caller = Caller::connect(&server).await;
    let request = json!({"inputs": ["a b", "c", ""], "prompt": "query"});
    let by_name = caller.call(Ask::text("Fake").json(&request)).await;
    let by_name = by_name.value();
    assert_eq!(by_name["tokens"], json!([5, 4, 3]));
    let by_hand = json!({"inputs": ["query: a b", "query: c", "query: "]});
    let by_hand = caller.call(Ask::text("Fake").json(&by_hand)).await.value();
    assert_eq!(by_name["embeddings"], by_hand["embeddings"]);
    assert_eq!(by_name["space"], by_hand["space"]);
    let passage = caller.call(prompted("passage", "c")).await.vectors();
    let query = caller.call(prompted("query", "c")).await.vectors();
    assert_ne!(passage.embeddings, query.embeddings);
    assert_eq!(passage.space, query.space);
}

#[tokio::test]
async fn an_unknown_prompt_is_refused_with_the_names_there_are() {
    let (server, _worker) = Worker::with_server(FAKE).await;
    let caller = Caller::connect(&server).await;
    let long = "x".repeat(100_000);
    for prompt in ["", "Query", "query ", long.as_str()] {
        let refusal = caller.call(prompted(prompt, "a")).await;
        let refusal = refusal.refused("invalid_request");
        let message = refusal["message"].as_str();
        let lists = message.is_some_and(|text| text.contains("passage, query"));
        assert!(lists, "{refusal}");
    }
}

#[tokio::test]
async fn a_text_may_be_as_long_behind_a_prompt_as_without_one() {
    let (server, _worker) = Worker::with_server(FAKE).await;
    let caller = Caller::connect(&server).await;
    let longest = "a".repeat(131_072);
    caller.call(prompted("query", &longest)).await.vectors();
    let refused = caller.call(prompted("query", &(longest + "a"))).await;
    refused.refused("payload_too_large");
}

#[tokio::test]
async fn a_remembered_vector_is_of_its_prompt() {
    let config = format!("[runtime]\nvector_cache_bytes = 1000000\n{FAKE}");
    let (server, worker) = Worker::with_server(&config).await;
    let caller = Caller::connect(&server).await;
    let query = caller.call(prompted("query", "a")).await.vectors();
    let passage = caller.call(prompted("passage", "a")).await.vectors();
    let none = caller.call(Ask::texts("Fake", &["a"])).await.vectors();
    assert_ne!(query.embeddings, passage.embeddings);
    assert_ne!(query.embeddings, none.embeddings);
    let again = caller.call(prompted("query", "a")).await.vectors();
    assert_eq!(again.embeddings, query.embeddings);
    assert_eq!(again.tokens, query.tokens);
    assert_eq!(worker.metric("fastembed_texts_total").await, 3.0);
}

#[tokio::test]
async fn info_lists_prompts_encodings_and_the_lengths_that_the_model_was_made_for() {
    let (server, _worker) = Worker::with_server(&format!("{MINILM}{FAKE}")).await;
    let caller = Caller::connect(&server).await;
    let info: InfoReply = caller.call(Ask::info("Fake")).await.read();
    assert_eq!(info.prompts, ["passage", "query"]);
    assert_eq!(info.matryoshka, [4]);
    assert_eq!(info.encodings, ENCODINGS);

    let info = caller.call(Ask::info("AllMiniLML6V2")).await.value();
    assert_eq!(info["prompts"], json!([]));
    assert!(info.get("matryoshka").is_none(), "{info}");
    let request = json!({"inputs": ["a"], "prompt": "query"});
    let refused = caller.call(Ask::text("AllMiniLML6V2").json(&request)).await;
    let refusal = refused.refused("invalid_request");
    let message = refusal["message"].as_str();
    assert!(
        message.is_some_and(|text| text.contains("no prompts")),
        "{refusal}"
    );
}
