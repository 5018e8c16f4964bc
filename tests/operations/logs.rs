//! One JSON object a line, and at most one line a second for a kind of failure.
//! That no line holds what callers sent is seen to in `security/canary.rs`.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{Ask, Caller, FAKE, Worker};

#[tokio::test]
async fn a_request_that_succeeds_leaves_no_line() {
    let (server, worker) = Worker::with_server(FAKE).await;
    let caller = Caller::connect(&server).await;
    let before = worker.lines().len();
    for _ in 0..100 {
        caller.call(Ask::texts("Fake", &["a"])).await.vectors();
        caller.call_in_parts(Ask::texts("Fake", &["a"])).await;
        caller.call(Ask::info("Fake")).await;
    }
    let exit = worker.stop().await;
    let after = exit.lines[before..].iter();
    let other: Vec<&String> = after
        .filter(|line| !line.contains("drain") && !line.contains(r#""connected""#))
        .collect();
    assert!(other.is_empty(), "{other:#?}");
}

#[tokio::test]
async fn every_line_is_one_json_object_even_of_a_panic() {
    let config = "[[models]]\nname = 'Fake'\nkind = 'fake'\npanic_on = 'boom'\n";
    let (server, worker) = Worker::with_server(config).await;
    let caller = Caller::connect(&server).await;
    caller
        .call(Ask::texts("Fake", &["boom"]))
        .await
        .refused("internal");
    caller
        .call(Ask::text("Fake").body("x"))
        .await
        .refused("invalid_request");
    for line in worker.stop().await.lines {
        let value: Result<Value, _> = serde_json::from_str(&line);
        let value = value.unwrap_or_else(|fault| panic!("{fault}: {line}"));
        for key in ["timestamp", "level", "message"] {
            assert!(value[key].is_string(), "{key} in {line}");
        }
    }
}

/// Sends `count` requests that fail, and gives the lines that name `code`.
async fn lines_of_a_burst(config: &str, ask: Ask, count: usize, code: &str) -> (usize, Duration) {
    let (server, worker) = Worker::with_server(config).await;
    let caller = Caller::connect(&server).await;
    let start = Instant::now();
    for _ in 0..count {
        caller.call(ask.clone()).await.refused(code);
    }
    let elapsed = start.elapsed();
    let lines = worker.stop().await.lines;
    let of_code = lines.iter().filter(|line| {
        ["failed", "panic", code]
            .iter()
            .any(|word| line.contains(word))
    });
    (of_code.count(), elapsed)
}

#[tokio::test]
async fn repeated_refusals_make_at_most_one_line_a_second() {
    let ask = Ask::text("Fake").body("x");
    let (lines, elapsed) = lines_of_a_burst(FAKE, ask, 500, "invalid_request").await;
    assert!(
        lines >= 1 && lines as u64 <= elapsed.as_secs() + 2,
        "{lines} lines in {elapsed:?}"
    );
}

#[tokio::test]
async fn repeated_panics_of_a_model_make_at_most_three_lines_a_second() {
    // One of the panics, one of the runs and one of the requests.
    let config = "[[models]]\nname = 'Fake'\nkind = 'fake'\npanic_on = 'boom'\n";
    let ask = Ask::texts("Fake", &["boom"]);
    let (lines, elapsed) = lines_of_a_burst(config, ask, 200, "internal").await;
    assert!(
        lines >= 3 && lines as u64 <= 3 * (elapsed.as_secs() + 2),
        "{lines} lines in {elapsed:?}"
    );
}
