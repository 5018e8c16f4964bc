//! Texts fail alone; a request fails only as a whole.

use fastembed_worker::wire::text::{ItemError, TextReply};
use serde_json::json;

use crate::harness::{Ask, Caller, FAKE, Worker};

const SHORT: &str = "[[models]]\nname = 'Fake'\nkind = 'fake'\nmax_length = 8\nnan_on = 'void'\n";

/// The longest text that is tokenized.
const MAX_INPUT_BYTES: usize = 131_072;

fn row<'r>(reply: &'r TextReply<'_>, values: &'r [f32], at: usize) -> &'r [f32] {
    let dims = reply.embeddings.dims as usize;
    &values[at * dims..(at + 1) * dims]
}

/// Asserts that row `at` alone has no vector, and gives its error.
fn only_failure(reply: &TextReply<'_>, at: usize) -> ItemError {
    let values = reply.embeddings.values();
    for other in 0..reply.embeddings.count as usize {
        let is_zero = row(reply, &values, other).iter().all(|value| *value == 0.0);
        assert_eq!(is_zero, other == at, "row {other}");
    }
    let [error] = &reply.errors[..] else {
        panic!("errors are {:?}", reply.errors)
    };
    assert_eq!(error.index as usize, at);
    error.clone()
}

#[tokio::test]
async fn one_megabyte_of_one_character_is_too_large_and_says_the_limit() {
    let (server, _worker) = Worker::with_server(FAKE).await;
    let caller = Caller::connect(&server).await;
    let text = "x".repeat(1_000_000);
    let reply = caller.call(Ask::texts("Fake", &[&text])).await;
    assert_eq!(reply.refused("payload_too_large")["limit"], MAX_INPUT_BYTES);
    let reply = caller
        .call(Ask::text("Fake").json(&json!({"inputs": [text]})))
        .await;
    assert_eq!(reply.refused("payload_too_large")["limit"], MAX_INPUT_BYTES);

    let longest = "x".repeat(MAX_INPUT_BYTES);
    let reply = caller.call(Ask::texts("Fake", &[longest])).await;
    assert_eq!(&reply.vectors().tokens[..], [3]);
}

#[tokio::test]
async fn one_bad_text_among_a_hundred_costs_its_own_row_alone() {
    let (server, _worker) = Worker::with_server(SHORT).await;
    let caller = Caller::connect(&server).await;
    let mut texts: Vec<String> = (0..100).map(|at| format!("text {at}")).collect();

    texts[41] = "x".repeat(MAX_INPUT_BYTES + 1);
    let reply = caller.call(Ask::texts("Fake", &texts)).await.vectors();
    let error = only_failure(&reply, 41);
    assert_eq!(
        (error.code, error.name.as_str()),
        (413, "payload_too_large")
    );
    assert_eq!((reply.tokens[41], reply.tokens[42]), (0, 4));

    texts[41] = "seven words are one more than fit".to_owned();
    let request = json!({"inputs": texts, "truncate": false});
    let reply = caller
        .call(Ask::text("Fake").msgpack(&request))
        .await
        .vectors();
    let error = only_failure(&reply, 41);
    assert_eq!((error.code, error.name.as_str()), (422, "input_too_long"));

    texts[41] = "into the void".to_owned();
    let reply = caller.call(Ask::texts("Fake", &texts)).await.vectors();
    let error = only_failure(&reply, 41);
    assert_eq!((error.code, error.name.as_str()), (500, "internal"));
}

#[tokio::test]
async fn if_every_text_fails_the_reply_is_the_error() {
    let (server, _worker) = Worker::with_server(SHORT).await;
    let caller = Caller::connect(&server).await;
    let long = "seven words are one more than fit";
    let request = json!({"inputs": [long, long], "truncate": false});
    for ask in [
        Ask::text("Fake").msgpack(&request),
        Ask::text("Fake").json(&request),
    ] {
        let body = caller.call(ask).await.refused("input_too_long");
        assert_eq!(body["limit"], 8);
    }
    let body = caller.call(Ask::texts("Fake", &["void", "the void"])).await;
    body.refused("internal");
}

#[tokio::test]
async fn a_text_beyond_the_maximum_is_cut_and_marked_by_default() {
    let (server, worker) = Worker::with_server(SHORT).await;
    let caller = Caller::connect(&server).await;
    let cut = "fastembed_truncated_texts_total";
    let before = worker.metric(cut).await;
    let texts = [
        "six words are what just fits",
        "seven words are one more than fit",
        "",
    ];
    let reply = caller.call(Ask::texts("Fake", &texts)).await.vectors();
    assert_eq!(&reply.tokens[..], [8, 8, 2]);
    assert_eq!(&reply.truncated[..], [false, true, false]);
    assert_eq!(worker.metric(cut).await, before + 1.0);
}
