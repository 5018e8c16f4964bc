//! A run that takes too long is ended; one that cannot be ends the worker.

use super::{in_order_of_arrival, send_and_run};
use crate::harness::{Ask, Caller, Worker};

const STUCK: &str = "[runtime]\nexecutors = 1\nrun_limit_ms = 200\n\
    [[models]]\nname = 'Fake'\nkind = 'fake'\nstall_on = 'stall'\nhang_on = 'hang'\n";

#[tokio::test]
async fn a_run_past_its_limit_is_ended_and_the_next_request_is_answered() {
    let (server, worker) = Worker::with_server(STUCK).await;
    let caller = Caller::connect(&server).await;
    for _ in 0..3 {
        let body = caller
            .call(Ask::texts("Fake", &["stall"]))
            .await
            .refused("internal");
        assert!(
            body["message"]
                .as_str()
                .is_some_and(|text| text.contains("200 ms"))
        );
        caller.call(Ask::texts("Fake", &["a"])).await.vectors();
    }
    assert_eq!(worker.get("/readyz").await.0, 200);
}

#[tokio::test]
async fn a_run_that_never_returns_ends_the_worker_with_exit_1() {
    let config = format!("[drain]\ndeadline_ms = 500\n{STUCK}");
    let (server, mut worker) = Worker::with_server(&config).await;
    let caller = Caller::connect(&server).await;
    caller
        .call(Ask::texts("Fake", &["hang"]))
        .await
        .refused("internal");
    let exit = worker.exit().await;
    assert_eq!(exit.code, Some(1), "{}", exit.lines.join("\n"));
    assert!(caller.finds_nobody("Fake").await);
}

#[tokio::test]
async fn all_callers_of_a_run_that_never_returns_are_answered_and_no_others_are_failed() {
    let config = "[runtime]\nexecutors = 2\nbatch_tokens = 24\nrun_limit_ms = 1500\n[drain]\n\
                  deadline_ms = 10000\n[[models]]\nname = 'Fake'\nkind = 'fake'\ndelay_ms = 500\n\
                  hang_on = 'hang'\n";
    let (server, mut worker) = Worker::with_server(config).await;
    let caller = Caller::connect(&server).await;
    // Two runs keep both executors; what comes meanwhile shares the next, but for
    // what has another length.
    let first = send_and_run(&caller, &worker, Ask::texts("Fake", &["first"])).await;
    let second = send_and_run(&caller, &worker, Ask::texts("Fake", &["second"])).await;
    let texts = [
        "hang",
        "company",
        "a long text that runs on the other executor",
    ];
    let asks = texts.map(|text| Ask::texts("Fake", &[text])).to_vec();
    for (at, reply) in in_order_of_arrival(&caller, asks).await {
        match at {
            0 | 1 => drop(reply.refused("internal")),
            _ => drop(reply.vectors()),
        }
    }
    for mut answered in [first, second] {
        answered.next().await.vectors();
    }
    assert_eq!(worker.exit().await.code, Some(1));
}
