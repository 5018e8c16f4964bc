//! A model's failure is its batch's, and nothing else's.

use super::{in_order_of_arrival, send_and_run};
use crate::harness::{Ask, Caller, Reply, Worker};

const FRAGILE: &str = "[runtime]\nexecutors = 1\n\
    [[models]]\nname = 'Fake'\nkind = 'fake'\npanic_on = 'boom'\nnan_on = 'void'\n";

#[tokio::test]
async fn a_panic_fails_its_request_and_the_next_one_is_answered() {
    let (server, _worker) = Worker::with_server(FRAGILE).await;
    let caller = Caller::connect(&server).await;
    for _ in 0..20 {
        let body = caller.call(Ask::texts("Fake", &["fine", "boom"])).await;
        assert_eq!(body.refused("internal")["retry"], "once");
        caller
            .call(Ask::texts("Fake", &["fine", "fine too"]))
            .await
            .vectors();
    }
}

#[tokio::test]
async fn a_panic_fails_the_callers_of_its_batch_and_no_others() {
    let config = "[runtime]\nexecutors = 1\nbatch_tokens = 24\n[[models]]\nname = 'Fake'\nkind = 'fake'\n\
                  delay_ms = 300\npanic_on = 'boom'\n";
    let (server, worker) = Worker::with_server(config).await;
    let caller = Caller::connect(&server).await;
    // The first runs alone; meanwhile the others gather and share a run, but for
    // those of another length.
    let mut first = send_and_run(&caller, &worker, Ask::texts("Fake", &["first"])).await;
    let asks = ["boom", "company", "a long text that runs in another batch"];
    let asks = asks.map(|text| Ask::texts("Fake", &[text]));
    for (at, reply) in in_order_of_arrival(&caller, asks.to_vec()).await {
        match at {
            0 | 1 => drop(reply.refused("internal")),
            _ => drop(reply.vectors()),
        }
    }
    first.next().await.vectors();
    assert_eq!(worker.get("/readyz").await, (200, "ready".to_owned()));
}

#[tokio::test]
async fn the_thousand_requests_after_a_panic_get_their_own_vectors() {
    let (server, worker) = Worker::with_server(FRAGILE).await;
    let caller = Caller::connect(&server).await;
    let asks = |range: std::ops::Range<usize>| -> Vec<Ask> {
        let text = |n| Ask::texts("Fake", &[format!("text {n}")]);
        range.map(text).collect()
    };
    let vector = |reply: &Reply| reply.vectors().embeddings.values();
    let mut known = vec![Vec::new(); 100];
    for (at, reply) in in_order_of_arrival(&caller, asks(0..100)).await {
        known[at] = vector(&reply);
    }
    for _ in 0..3 {
        let body = caller.call(Ask::texts("Fake", &["boom"])).await;
        body.refused("internal");
    }
    for _ in 0..10 {
        for (at, reply) in in_order_of_arrival(&caller, asks(0..100)).await {
            assert_eq!(vector(&reply), known[at]);
        }
    }
    assert_eq!(worker.get("/readyz").await.0, 200);
}

#[tokio::test]
async fn a_vector_that_is_not_finite_fails_its_text_alone() {
    let (server, _worker) = Worker::with_server(FRAGILE).await;
    let caller = Caller::connect(&server).await;
    for ask in [
        Ask::texts("Fake", &["fine", "into the void", "fine too"]),
        Ask::texts("Fake", &["void", "into the void", "fine too"]),
    ] {
        let reply = caller.call(ask).await.vectors();
        assert!(
            reply
                .embeddings
                .values()
                .iter()
                .all(|value| value.is_finite())
        );
        for error in reply.errors.iter() {
            assert_eq!((error.code, error.name.as_str()), (500, "internal"));
        }
        assert!(reply.errors.iter().all(|error| error.index != 2) && !reply.errors.is_empty());
    }
}
