//! Texts that are asked for more than once.

use super::{in_order_of_arrival, send_and_run};
use crate::harness::{Ask, Caller, Worker};

/// The first run takes long enough for others to gather behind it.
const SLOW: &str = "[runtime]\nexecutors = 1\nbatch_tokens = 3\n\
    [[models]]\nname = 'Fake'\nkind = 'fake'\ndelay_ms = 300\n";

#[tokio::test]
async fn equal_texts_in_flight_are_computed_once_and_each_caller_is_answered() {
    let (server, worker) = Worker::with_server(SLOW).await;
    let caller = Caller::connect(&server).await;
    let mut running = send_and_run(&caller, &worker, Ask::texts("Fake", &["first"])).await;
    let asks = (0..10).map(|_| Ask::texts("Fake", &["same"])).collect();
    let replies = in_order_of_arrival(&caller, asks).await;
    let vectors = replies.iter().map(|(_, reply)| reply.vectors().embeddings);
    let vectors: Vec<_> = vectors.collect();
    assert!(vectors.iter().all(|one| *one == vectors[0]));
    running.next().await.vectors();
    let (ran, joined) = (
        worker.metric("fastembed_texts_total").await,
        worker.metric("fastembed_deduplicated_texts_total").await,
    );
    assert_eq!((ran, joined), (2.0, 9.0));
}

#[tokio::test]
async fn equal_texts_are_each_computed_where_deduplication_is_off() {
    let config = SLOW.replace("[runtime]", "[runtime]\ndeduplicate = false");
    let (server, worker) = Worker::with_server(&config).await;
    let caller = Caller::connect(&server).await;
    let reply = caller.call(Ask::texts("Fake", &["same", "same"])).await;
    reply.vectors();
    assert_eq!(worker.metric("fastembed_texts_total").await, 2.0);
}

#[tokio::test]
async fn a_text_that_comes_again_is_remembered_where_that_is_on() {
    let config = SLOW.replace("[runtime]", "[runtime]\nvector_cache_bytes = 1000000");
    let (server, worker) = Worker::with_server(&config).await;
    let caller = Caller::connect(&server).await;
    let ask = || Ask::texts("Fake", &["same", "other"]);
    let first = caller.call(ask()).await.vectors();
    let second = caller.call(ask()).await.vectors();
    assert_eq!(first.embeddings, second.embeddings);
    assert_eq!(first.tokens, second.tokens);
    assert_eq!(first.truncated, second.truncated);
    assert_eq!(worker.metric("fastembed_texts_total").await, 2.0);
    let (_, metrics) = worker.get("/metrics").await;
    let lookups = |result| {
        format!(
            "fastembed_vector_cache_lookups_total{{op=\"text\",model=\"Fake\",result=\"{result}\"}} 2"
        )
    };
    for result in ["hit", "miss"] {
        assert!(metrics.contains(&lookups(result)), "{metrics}");
    }
    assert!(worker.metric("fastembed_vector_cache_bytes").await > 0.0);
}

#[tokio::test]
async fn a_remembered_vector_answers_no_request_of_other_options() {
    let config = SLOW.replace("[runtime]", "[runtime]\nvector_cache_bytes = 1000000");
    let config = config.replace("[[models]]", "[[models]]\nmax_length = 4");
    let (server, worker) = Worker::with_server(&config).await;
    let caller = Caller::connect(&server).await;
    let ask = |key: &str, value: bool| {
        let text = "one two three";
        Ask::text("Fake").msgpack(&serde_json::json!({"inputs": [text], (key): value}))
    };
    let unit = caller.call(ask("normalize", true)).await.vectors();
    let raw = caller.call(ask("normalize", false)).await.vectors();
    assert_ne!(unit.embeddings, raw.embeddings);
    // It was cut, which the second caller does not allow.
    let uncut = caller.call(ask("truncate", false)).await;
    uncut.refused("input_too_long");
    assert_eq!(worker.metric("fastembed_texts_total").await, 2.0);
}
