//! What happens when there is too much, too late, or a model that fails.

mod cancel;
mod deadlines;
mod hangs;
mod isolation;
mod overload;
mod twins;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use crate::harness::caller::Replies;
use crate::harness::{Ask, Caller, Reply, Worker, eventually};

/// Sends a request of one text, and returns when it runs.
async fn send_and_run(caller: &Caller, worker: &Worker, ask: Ask) -> Replies {
    let begun = "fastembed_wait_seconds_count";
    let before = worker.metric(begun).await;
    let replies = caller.send(ask).await;
    eventually("the request to run", || async {
        worker.metric(begun).await > before
    })
    .await;
    replies
}

/// Sends requests in this order over one connection, all at once, and gives
/// their replies in order of arrival, each with its position.
async fn in_order_of_arrival(caller: &Caller, asks: Vec<Ask>) -> Vec<(usize, Reply)> {
    let mut replies = FuturesUnordered::new();
    for (at, ask) in asks.into_iter().enumerate() {
        let mut reply = caller.send(ask).await;
        replies.push(async move { (at, reply.next().await) });
    }
    let mut arrived = Vec::new();
    while let Some(reply) = replies.next().await {
        arrived.push(reply);
    }
    arrived
}
