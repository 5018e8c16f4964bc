//! Bad input is refused by name, in the format it came in, and hurts nobody.

use fastembed_worker::wire::protocol::{
    CONTENT_TYPE_JSON, CONTENT_TYPE_MSGPACK, HEADER_CONTENT_TYPE, HEADER_LANE, HEADER_TIMEOUT_MS,
};
use serde_json::{Value, json};

use crate::harness::{Ask, Caller, FAKE, Reply, Server, Worker};

/// The refusal of a request, in the format it was asked in; afterwards the
/// worker still answers.
async fn refused(caller: &Caller, ask: Ask, name: &str, format: &str) -> Value {
    let reply: Reply = caller.call(ask).await;
    let body = reply.refused(name);
    assert_eq!(reply.header(HEADER_CONTENT_TYPE), Some(format), "{body}");
    caller
        .call(Ask::texts("Fake", &["still there"]))
        .await
        .vectors();
    body
}

fn says(body: &Value, word: &str) -> bool {
    body["message"]
        .as_str()
        .is_some_and(|message| message.contains(word))
}

#[tokio::test]
async fn a_document_that_breaks_the_contract_is_refused_with_a_word_on_what() {
    let (server, _worker) = Worker::with_server(FAKE).await;
    let caller = Caller::connect(&server).await;
    let long = "x".repeat(4097);
    for (document, name, word) in [
        (
            json!({"inputs": ["a"], "batch": 1}),
            "invalid_request",
            "batch",
        ),
        (
            json!({"inputs": ["a"], "Normalize": true}),
            "invalid_request",
            "Normalize",
        ),
        (json!({"inputs": []}), "invalid_request", "inputs"),
        (json!({}), "invalid_request", "inputs"),
        (json!({"inputs": "a"}), "invalid_request", "string"),
        (json!({"inputs": [1]}), "invalid_request", "string"),
        (json!({"inputs": ["a", null]}), "invalid_request", ""),
        (
            json!({"inputs": ["a"], "truncate": null}),
            "invalid_request",
            "",
        ),
        (
            json!({"inputs": ["a"], "truncate": 1}),
            "invalid_request",
            "",
        ),
        (
            json!({"inputs": ["a"], "normalize": "yes"}),
            "invalid_request",
            "",
        ),
        (
            json!({"inputs": ["a"], "dimensions": 0}),
            "invalid_request",
            "dimensions",
        ),
        (
            json!({"inputs": ["a"], "dimensions": -1}),
            "invalid_request",
            "",
        ),
        (
            json!({"inputs": ["a"], "dimensions": 8.0}),
            "invalid_request",
            "",
        ),
        (
            json!({"inputs": ["a"], "dimensions": 9}),
            "invalid_request",
            "dimensions",
        ),
        (
            json!({"inputs": ["a"], "prompt": "question"}),
            "invalid_request",
            "prompt",
        ),
        (
            json!({"inputs": ["a"], "encoding": "f64"}),
            "invalid_request",
            "f16",
        ),
        (json!({"inputs": ["a"], "meta": []}), "invalid_request", ""),
        (
            json!({"inputs": ["a"], "meta": {"long": long}}),
            "invalid_request",
            "meta",
        ),
        (
            json!({"inputs": ["a"], "space": "elsewhere"}),
            "space_mismatch",
            "space",
        ),
        (
            json!({"inputs": vec!["a"; 4097]}),
            "invalid_request",
            "4096",
        ),
    ] {
        let packed = Ask::text("Fake").msgpack(&document);
        let body = refused(&caller, packed, name, CONTENT_TYPE_MSGPACK).await;
        assert!(says(&body, word), "{word:?} is not in {body}");
        let plain = Ask::text("Fake").json(&document);
        let body = refused(&caller, plain, name, CONTENT_TYPE_JSON).await;
        assert!(says(&body, word), "{word:?} is not in {body}");
    }
}

#[tokio::test]
async fn bytes_that_are_no_document_are_refused() {
    let (server, _worker) = Worker::with_server(FAKE).await;
    let caller = Caller::connect(&server).await;
    let good = rmp_serde::to_vec_named(&json!({"inputs": ["a"]})).expect("MessagePack");
    let mut trailing = good.clone();
    trailing.push(0xc0);
    let cut = good[..good.len() - 1].to_vec();
    for bytes in [
        b"".to_vec(),
        b"\xff\xfe\xfd".to_vec(),
        b"\xc0".to_vec(),
        b"\x81\xa6inputs\xdd\xff\xff\xff\xff".to_vec(),
        [0x91; 100_000].to_vec(),
        trailing,
        cut,
    ] {
        let ask = Ask::text("Fake").body(bytes);
        refused(&caller, ask, "invalid_request", CONTENT_TYPE_MSGPACK).await;
    }
    for text in [
        "{",
        "{\"inputs\":[\"a\"]} x",
        "{\"inputs\":[\"a\"],\"inputs\":[\"b\"]}",
        "{\"inputs\":[\"\\ud800\"]}",
        " {\"inputs\" ['a']}",
    ] {
        let ask = Ask::text("Fake").body(text);
        refused(&caller, ask, "invalid_request", CONTENT_TYPE_JSON).await;
    }
    let nested = format!(
        "{{\"inputs\":{}{}}}",
        "[".repeat(50_000),
        "]".repeat(50_000)
    );
    refused(
        &caller,
        Ask::text("Fake").body(nested),
        "invalid_request",
        CONTENT_TYPE_JSON,
    )
    .await;
}

#[tokio::test]
async fn a_header_that_breaks_the_contract_is_refused_by_name() {
    let (server, _worker) = Worker::with_server(FAKE).await;
    let caller = Caller::connect(&server).await;
    for (header, value, name) in [
        (HEADER_TIMEOUT_MS, "0", "deadline_exceeded"),
        (HEADER_TIMEOUT_MS, "soon", "invalid_request"),
        (HEADER_TIMEOUT_MS, "-5", "invalid_request"),
        (HEADER_TIMEOUT_MS, "1.5", "invalid_request"),
        (HEADER_LANE, "express", "invalid_request"),
    ] {
        let ask = Ask::text("Fake")
            .json(&json!({"inputs": ["a"]}))
            .header(header, value);
        let body = refused(&caller, ask, name, CONTENT_TYPE_JSON).await;
        assert!(name != "invalid_request" || says(&body, header), "{body}");
    }
}

#[tokio::test]
async fn another_media_type_is_refused_in_messagepack() {
    let (server, _worker) = Worker::with_server(FAKE).await;
    let caller = Caller::connect(&server).await;
    for media_type in ["text/plain", "application/xml; charset=utf-8", ""] {
        let ask = Ask::text("Fake")
            .json(&json!({"inputs": ["a"]}))
            .header(HEADER_CONTENT_TYPE, media_type);
        refused(&caller, ask, "unsupported_media_type", CONTENT_TYPE_MSGPACK).await;
    }
}

#[tokio::test]
async fn every_spelling_of_a_known_media_type_is_read() {
    let (server, _worker) = Worker::with_server(FAKE).await;
    let caller = Caller::connect(&server).await;
    let document = json!({"inputs": ["a"]});
    for spelling in [
        "application/msgpack",
        "application/x-msgpack",
        "Application/VND.msgpack; v=1",
    ] {
        let ask = Ask::text("Fake")
            .msgpack(&document)
            .header(HEADER_CONTENT_TYPE, spelling);
        let reply = caller.call(ask).await;
        assert_eq!(&reply.vectors().tokens[..], [3]);
        assert_eq!(
            reply.header(HEADER_CONTENT_TYPE),
            Some(CONTENT_TYPE_MSGPACK)
        );
    }
    let ask = Ask::text("Fake")
        .json(&document)
        .header("content-type", "application/json; charset=utf-8");
    let reply = caller.call(ask).await;
    assert_eq!(reply.header(HEADER_CONTENT_TYPE), Some(CONTENT_TYPE_JSON));
    assert_eq!(reply.value()["tokens"], json!([3]));
}

#[tokio::test]
async fn a_result_too_large_for_one_message_is_refused_with_the_limit_before_any_work() {
    let server = Server::with_max_payload(64 * 1024).await;
    let worker = Worker::start(
        &server,
        "[[models]]\nname = 'Fake'\nkind = 'fake'\ndimensions = 400\n",
    )
    .await;
    let caller = Caller::connect(&server).await;
    let texts = worker.metric("fastembed_texts_total").await;
    let reply = caller.call(Ask::texts("Fake", &["a"; 40])).await;
    let body = reply.refused("payload_too_large");
    assert_eq!(body["limit"], 64 * 1024 - 4096);
    assert_eq!(worker.metric("fastembed_texts_total").await, texts);
    assert_eq!(
        caller
            .call(Ask::texts("Fake", &["a"; 36]))
            .await
            .vectors()
            .embeddings
            .count,
        36
    );
    assert_eq!(
        caller
            .call_in_parts(Ask::texts("Fake", &["a"; 40]))
            .await
            .len(),
        2
    );
}
