//! Stopping: everything admitted is answered first.

use std::time::{Duration, Instant};

use crate::harness::caller::Replies;
use crate::harness::{Ask, Caller, Worker, eventually};

/// One text a run, so that sixty requests keep one executor busy for a while.
const STEADY: &str = "[runtime]\nexecutors = 1\nbatch_tokens = 3\n\
    [[models]]\nname = 'Fake'\nkind = 'fake'\ndelay_ms = 25\n";

async fn sixty_in_flight(caller: &Caller, worker: &Worker) -> Vec<Replies> {
    let mut sent = Vec::new();
    for _ in 0..60 {
        sent.push(caller.send(Ask::texts("Fake", &["a"])).await);
    }
    eventually("fifty requests in flight", || async {
        worker.metric("fastembed_queue_requests").await >= 50.0
    })
    .await;
    sent
}

async fn everything_in_flight_is_answered_after(signal: &str) {
    let (server, mut worker) = Worker::with_server(STEADY).await;
    let caller = Caller::connect(&server).await;
    let sent = sixty_in_flight(&caller, &worker).await;
    worker.signal(signal).await;
    worker.line_with(r#""message":"draining""#).await;
    assert_eq!(worker.get("/readyz").await, (503, "draining".to_owned()));
    assert_eq!(worker.get("/livez").await.0, 200);
    for mut replies in sent {
        replies.next().await.vectors();
    }
    let exit = worker.exit().await;
    assert_eq!(exit.code, Some(0), "{}", exit.lines.join("\n"));
    assert!(exit.lines.iter().any(|line| line.contains(r#""drained""#)));
    assert!(caller.finds_nobody("Fake").await);
}

#[tokio::test]
async fn sigterm_answers_everything_in_flight_and_exits_0() {
    everything_in_flight_is_answered_after("TERM").await;
}

#[tokio::test]
async fn sigint_answers_everything_in_flight_and_exits_0() {
    everything_in_flight_is_answered_after("INT").await;
}

#[tokio::test]
async fn an_idle_worker_leaves_at_once_and_the_group_goes_on() {
    let (server, leaving) = Worker::with_server(crate::harness::FAKE).await;
    let _staying = Worker::start(&server, crate::harness::FAKE).await;
    let caller = Caller::connect(&server).await;
    let start = Instant::now();
    leaving.stop().await;
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    caller.call(Ask::texts("Fake", &["a"])).await.vectors();
}

#[tokio::test]
async fn a_drain_past_its_deadline_exits_1_and_says_how_many_were_left() {
    let config = "[drain]\ndeadline_ms = 2000\n[runtime]\nrun_limit_ms = 2000\nexecutors = 1\nbatch_tokens = 3\n\
                  [[models]]\nname = 'Fake'\nkind = 'fake'\ndelay_ms = 700\n";
    let (server, mut worker) = Worker::with_server(config).await;
    let caller = Caller::connect(&server).await;
    let _waiting = caller
        .send(Ask::texts(
            "Fake",
            &["a", "b", "c", "d", "e", "f", "g", "h"],
        ))
        .await;
    eventually("one request in flight", || async {
        worker.metric("fastembed_queue_requests").await >= 1.0
    })
    .await;
    worker.signal("TERM").await;
    let exit = worker.exit().await;
    assert_eq!(exit.code, Some(1), "{}", exit.lines.join("\n"));
    let last = exit.lines.last().map(String::as_str).unwrap_or_default();
    assert!(
        last.contains("1 requests") && last.contains("drain.deadline_ms"),
        "{last}"
    );
}
