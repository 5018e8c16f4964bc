//! A run that takes too long is ended; one that cannot be ends the worker.

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
    assert!(
        caller
            .call(Ask::texts("Fake", &["a"]))
            .await
            .is_no_responders()
    );
}
