//! Past its bounds a worker refuses at once, and keeps what it has admitted.

use super::{in_order_of_arrival, send_and_run};
use crate::harness::{Ask, Caller, Worker, eventually};

const SLOW: &str = "[[models]]\nname = 'Fake'\nkind = 'fake'\nmax_length = 16\ndelay_ms = 500\n";

/// Two requests are admitted, four are not: whatever bound it is.
async fn four_of_six_are_refused(bound: &str, text: &str) {
    let config = format!("[runtime]\nexecutors = 1\nbatch_tokens = 4\n[queue]\n{bound}\n{SLOW}");
    let (server, worker) = Worker::with_server(&config).await;
    let caller = Caller::connect(&server).await;
    let ask = Ask::texts("Fake", &[text]);
    let mut running = send_and_run(&caller, &worker, ask.clone()).await;
    let arrived = in_order_of_arrival(&caller, vec![ask; 5]).await;
    running.next().await.vectors();

    let (refused, answered) = arrived.split_at(4);
    for (_, reply) in refused {
        let body = reply.refused("overloaded");
        let retry_after_ms = body["retry_after_ms"].as_u64().unwrap_or_default();
        assert!((1..=10_000).contains(&retry_after_ms), "{body}");
    }
    for (_, reply) in answered {
        reply.vectors();
    }
    eventually("an empty queue", || async {
        worker.metric("fastembed_queue_requests").await == 0.0
            && worker.metric("fastembed_queue_tokens").await == 0.0
    })
    .await;
    caller
        .call(Ask::texts("Fake", &["room again"]))
        .await
        .vectors();
}

#[tokio::test]
async fn more_requests_than_may_wait_are_refused_at_once() {
    four_of_six_are_refused("max_requests = 2", "a").await;
}

#[tokio::test]
async fn more_tokens_than_may_wait_are_refused_at_once() {
    // A sixteenth of the bound until they are counted, 16 afterwards: a second request
    // fits beside the first, whoever else is not counted yet, and a third does not.
    let text = "a b c d e f g h i j k l m n";
    four_of_six_are_refused("max_tokens = 45", text).await;
}

#[tokio::test]
async fn more_bytes_than_may_wait_are_refused_at_once() {
    // Two are more than the least bound there is, and their tokens are few.
    let text = "a".repeat(80_000);
    let bytes = Ask::texts("Fake", &[&text]).body.len();
    // A result of eight float32 is charged as soon as it is sure to come.
    four_of_six_are_refused(&format!("max_bytes = {}", 2 * bytes + 32), &text).await;
}

#[tokio::test]
async fn a_request_larger_than_the_queue_is_served_when_nothing_waits() {
    let config = "[runtime]\nbatch_tokens = 4\n[queue]\nmax_tokens = 8\nmax_bytes = 131072\n\
                  [[models]]\nname = 'Fake'\nkind = 'fake'\nmax_length = 8\n";
    let (server, _worker) = Worker::with_server(config).await;
    let caller = Caller::connect(&server).await;
    let texts = [
        vec!["a b c d e f".to_owned(); 50],
        vec!["a".repeat(70_000); 2],
    ];
    for texts in texts {
        let reply = caller.call(Ask::texts("Fake", &texts)).await;
        assert_eq!(reply.vectors().embeddings.count as usize, texts.len());
    }
}

#[tokio::test]
async fn a_waiting_query_goes_before_bulk_work_that_came_earlier() {
    let config = "[runtime]\nexecutors = 1\nbatch_tokens = 3\n\
                  [[models]]\nname = 'Fake'\nkind = 'fake'\ndelay_ms = 100\n";
    let (server, _worker) = Worker::with_server(config).await;
    let caller = Caller::connect(&server).await;
    let texts: Vec<String> = (0..10).map(|at| format!("bulk{at}")).collect();
    let bulk = Ask::texts("Fake", &texts).header("Fastembed-Lane", "bulk");
    let query = Ask::texts("Fake", &["query"]).header("Fastembed-Lane", "interactive");
    let arrived = in_order_of_arrival(&caller, vec![bulk, query]).await;
    assert_eq!(
        arrived[0].0, 1,
        "the query came second and is answered first"
    );
    arrived.iter().for_each(|(_, reply)| drop(reply.vectors()));
}
