//! Replies in parts: whole documents, in order, under every size.

use fastembed_worker::wire::protocol::{
    HEADER_PART, HEADER_PARTS, MAX_PART_BYTES, PAYLOAD_RESERVE_BYTES,
};
use serde_json::json;

use crate::harness::{Ask, Caller, FAKE, Reply, Server, Worker};

const WIDE: &str = "[[models]]\nname = 'Fake'\nkind = 'fake'\ndimensions = 384\nmax_length = 8\n";

/// Asserts all that holds of the parts of one reply, and gives their rows.
fn assert_whole(parts: &[Reply], max_payload: usize) -> (Vec<f32>, Vec<u32>) {
    let (mut values, mut tokens, mut next) = (Vec::new(), Vec::new(), 0);
    for (at, part) in parts.iter().enumerate() {
        let room = (max_payload - PAYLOAD_RESERVE_BYTES).min(MAX_PART_BYTES);
        assert!(
            part.body.len() <= room,
            "{} bytes in part {at}",
            part.body.len()
        );
        assert_eq!(part.header(HEADER_PART), Some(at.to_string().as_str()));
        let last = at + 1 == parts.len();
        let total = last.then(|| parts.len().to_string());
        assert_eq!(part.header(HEADER_PARTS), total.as_deref());
        let reply = part.vectors();
        assert_eq!(reply.embeddings.first, next, "part {at}");
        next += reply.embeddings.count;
        assert!(reply.errors.iter().all(|error| error.index < next));
        assert_eq!(reply.meta.is_some(), at == 0, "meta in part {at}");
        values.extend(reply.embeddings.values());
        tokens.extend_from_slice(&reply.tokens);
    }
    (values, tokens)
}

async fn a_large_result_comes_whole_in_parts(max_payload: usize, texts: usize, least_parts: usize) {
    let server = Server::with_max_payload(max_payload).await;
    let _worker = Worker::start(&server, WIDE).await;
    let caller = Caller::connect(&server).await;
    let texts: Vec<String> = (0..texts).map(|at| format!("text {at}")).collect();
    let request = json!({"inputs": texts, "meta": {"call": "x".repeat(4000)}});
    let parts = caller
        .call_in_parts(Ask::text("Fake").msgpack(&request))
        .await;
    assert!(parts.len() >= least_parts, "{} parts", parts.len());
    let (values, tokens) = assert_whole(&parts, max_payload);
    assert_eq!(tokens, vec![4; texts.len()]);

    let mut singly = Vec::new();
    for texts in texts.chunks(30) {
        let reply = caller.call(Ask::texts("Fake", texts)).await;
        singly.extend(reply.vectors().embeddings.values());
    }
    assert!(values == singly, "rows are not in the order of their texts");

    let request = json!({"inputs": texts[..100]});
    let parts = caller.call_in_parts(Ask::text("Fake").json(&request)).await;
    let rows = parts.iter().flat_map(|part| {
        let value = part.value();
        assert!(part.body.len() <= max_payload - PAYLOAD_RESERVE_BYTES);
        serde_json::from_value::<Vec<Vec<f32>>>(value["embeddings"]["rows"].clone()).expect("rows")
    });
    assert!(rows.flatten().eq(values[..100 * 384].iter().copied()));
}

#[tokio::test]
async fn a_large_result_comes_whole_in_parts_through_64_kib() {
    a_large_result_comes_whole_in_parts(64 * 1024, 400, 10).await;
}

#[tokio::test]
async fn a_large_result_comes_whole_in_parts_through_1_mib() {
    a_large_result_comes_whole_in_parts(1024 * 1024, 1500, 5).await;
}

#[tokio::test]
async fn failed_texts_keep_their_position_across_parts() {
    let server = Server::with_max_payload(64 * 1024).await;
    let _worker = Worker::start(&server, WIDE).await;
    let caller = Caller::connect(&server).await;
    let long = "seven words are one more than fit".to_owned();
    let text = |at| {
        if at % 7 == 3 {
            long.clone()
        } else {
            format!("text {at}")
        }
    };
    let texts: Vec<String> = (0..200).map(text).collect();
    let request = json!({"inputs": texts, "truncate": false, "meta": {}});
    let parts = caller
        .call_in_parts(Ask::text("Fake").msgpack(&request))
        .await;
    assert!(parts.len() > 1);
    assert_whole(&parts, 64 * 1024);
    let errors = parts
        .iter()
        .flat_map(|part| part.vectors().errors.into_owned());
    let failed: Vec<u32> = errors.map(|error| error.index).collect();
    assert_eq!(
        failed,
        (0..200).filter(|at| at % 7 == 3).collect::<Vec<u32>>()
    );
}

#[tokio::test]
async fn a_small_result_is_one_part_and_the_terminator() {
    let (server, _worker) = Worker::with_server(FAKE).await;
    let caller = Caller::connect(&server).await;
    let request = json!({"inputs": ["a"], "meta": {}});
    let parts = caller
        .call_in_parts(Ask::text("Fake").msgpack(&request))
        .await;
    assert_eq!(parts.len(), 1);
    assert_whole(&parts, 1024 * 1024);
    let parts = caller.call_in_parts(Ask::info("Fake")).await;
    assert_eq!(parts.len(), 1);
    assert_eq!(parts[0].header(HEADER_PARTS), Some("1"));
}

#[tokio::test]
async fn an_error_with_parts_has_a_body_and_then_the_terminator() {
    let (server, _worker) = Worker::with_server(FAKE).await;
    let caller = Caller::connect(&server).await;
    for (ask, name) in [
        (
            Ask::text("Fake").msgpack(&json!({"inputs": []})),
            "invalid_request",
        ),
        (Ask::text("Fake").body("garbage"), "invalid_request"),
        (
            Ask::texts("Fake", &["a"]).timeout_ms(0),
            "deadline_exceeded",
        ),
        (
            Ask::texts("Fake", &["a"]).header("Content-Type", "text/plain"),
            "unsupported_media_type",
        ),
        (
            Ask::texts("Fake", &["a"]).header("Fastembed-Lane", "x"),
            "invalid_request",
        ),
        (Ask::info("Fake").json(&json!({"x": 1})), "invalid_request"),
    ] {
        let parts = caller.call_in_parts(ask).await;
        assert_eq!(parts.len(), 1);
        parts[0].refused(name);
    }
}

#[tokio::test]
async fn without_parts_there_is_one_message_and_never_a_terminator() {
    let (server, _worker) = Worker::with_server(FAKE).await;
    let caller = Caller::connect(&server).await;
    for ask in [
        Ask::texts("Fake", &["a"]),
        Ask::text("Fake").json(&json!({"inputs": []})),
        Ask::texts("Fake", &["a"]).header("Fastembed-Accept", "alive, partsy"),
        Ask::info("Fake"),
    ] {
        let mut replies = caller.send(ask).await;
        let reply = replies.next().await;
        assert!(!reply.body.is_empty());
        assert_eq!(reply.header(HEADER_PART), None);
        // One more call and one more round trip: anything still due would have come.
        caller.call(Ask::info("Fake")).await;
        caller.round_trip().await;
        assert!(replies.is_silent());
    }
}
