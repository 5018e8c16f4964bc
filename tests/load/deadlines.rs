//! Nothing is computed for a caller who has stopped waiting.

use super::send_and_run;
use crate::harness::{Ask, Caller, Worker, eventually};

const SLOW: &str = "[runtime]\nexecutors = 1\nbatch_tokens = 3\n\
    [[models]]\nname = 'Fake'\nkind = 'fake'\ndelay_ms = 500\n";

const TEXTS: &str = "fastembed_texts_total";
const EXPIRED: &str = "fastembed_expired_texts_total";

#[tokio::test]
async fn a_request_whose_deadline_passes_in_the_queue_never_runs() {
    let (server, worker) = Worker::with_server(SLOW).await;
    let caller = Caller::connect(&server).await;
    let before = worker.metric(TEXTS).await;
    let runs = Ask::texts("Fake", &["a"]);
    let waits = Ask::texts("Fake", &["b", "c", "d"]).timeout_ms(250);
    let mut running = send_and_run(&caller, &worker, runs).await;
    caller.call(waits).await.refused("deadline_exceeded");
    running.next().await.vectors();

    eventually("three expired texts", || async {
        worker.metric(EXPIRED).await == 3.0
    })
    .await;
    caller.call(Ask::texts("Fake", &["a"])).await.vectors();
    assert_eq!(worker.metric(TEXTS).await, before + 2.0);
    eventually("an empty queue", || async {
        worker.metric("fastembed_queue_requests").await == 0.0
    })
    .await;
}

#[tokio::test]
async fn a_request_whose_deadline_passes_while_it_runs_is_answered_then() {
    let (server, worker) = Worker::with_server(SLOW).await;
    let caller = Caller::connect(&server).await;
    let late = Ask::texts("Fake", &["a", "b", "c", "d"]).timeout_ms(250);
    caller.call(late).await.refused("deadline_exceeded");
    // Three of its texts had not begun.
    eventually("three expired texts", || async {
        worker.metric(EXPIRED).await == 3.0
    })
    .await;
    caller.call(Ask::texts("Fake", &["a"])).await.vectors();
}

#[tokio::test]
async fn a_request_that_comes_without_time_is_counted_as_expired() {
    let (server, worker) = Worker::with_server(crate::harness::FAKE).await;
    let caller = Caller::connect(&server).await;
    let late = Ask::texts("Fake", &["a"]).timeout_ms(0);
    caller.call(late).await.refused("deadline_exceeded");
    let expired = worker.metric("fastembed_expired_requests_total").await;
    assert_eq!((expired, worker.metric(TEXTS).await), (1.0, 0.0));
}
