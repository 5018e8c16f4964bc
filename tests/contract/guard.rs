//! A requester names the subject of the reply, and the server lets a worker
//! publish there: only the worker's own guard stands before a stream's deletion.

use serde_json::json;

use crate::harness::server::WATCHER;
use crate::harness::{Ask, Caller, FAKE, Server, Worker, eventually};

const REFUSED: &str = "fastembed_refused_replies_total";

#[tokio::test]
async fn a_reply_subject_outside_of_inboxes_is_never_published_to() {
    let server = Server::with_users(WATCHER).await;
    let worker = Worker::start(&server, FAKE).await;
    let caller = Caller::connect(&server).await;
    let watcher = Caller::as_user("watcher", &server.url()).await;
    let mut streams = watcher.watch("$JS.>").await;
    let mut orders = watcher.watch("orders.>").await;
    let mut calls = watcher.watch("fastembed.v1.text.>").await;

    for reply in [
        "$JS.API.STREAM.DELETE.X",
        "$JS.API.STREAM.DELETE.X",
        "orders.new",
        "fastembed.v1.text.Fake",
        "_INBOX",
        "_INBOXES.a",
    ] {
        for ask in [
            Ask::texts("Fake", &["a"]),
            Ask::text("Fake").json(&json!({"inputs": []})),
            Ask::texts("Fake", &["a"]).in_parts(),
            Ask::info("Fake"),
            Ask::on("$SRV.PING.fastembed"),
            Ask::on(format!(
                "fastembed.ctl.v1.inst.{}.text.Other",
                worker.instance
            )),
        ] {
            caller.publish(ask, reply).await;
        }
    }
    eventually("36 refused replies", || async {
        worker.metric(REFUSED).await >= 36.0
    })
    .await;

    caller.call(Ask::texts("Fake", &["a"])).await.vectors();
    watcher.round_trip().await;
    assert_eq!(worker.metric(REFUSED).await, 36.0);
    assert!(streams.is_silent());
    assert!(orders.is_silent());
    // The three calls and the good one for each of the six, and no answer among them.
    for _ in 0..6 * 3 + 1 {
        assert!(calls.next().await.header("Fastembed-Instance").is_none());
    }
    assert!(calls.is_silent());
}

#[tokio::test]
async fn a_refused_reply_subject_is_logged_once() {
    let (server, worker) = Worker::with_server(FAKE).await;
    let caller = Caller::connect(&server).await;
    for _ in 0..20 {
        caller
            .publish(Ask::texts("Fake", &["a"]), "$JS.API.STREAM.DELETE.X")
            .await;
    }
    caller.call(Ask::texts("Fake", &["a"])).await.vectors();
    worker.line_with("$JS.API").await;
    eventually("20 refused replies", || async {
        worker.metric(REFUSED).await >= 20.0
    })
    .await;
    let lines = worker.lines();
    let named = lines.iter().filter(|line| line.contains("$JS.API"));
    assert_eq!(named.count(), 1, "{}", lines.join("\n"));
}

#[tokio::test]
async fn a_request_without_a_reply_subject_is_dropped_and_counted() {
    let (server, worker) = Worker::with_server(FAKE).await;
    let caller = Caller::connect(&server).await;
    let ask = Ask::texts("Fake", &["a"]);
    let sent = caller.client.publish(ask.subject, ask.body).await;
    sent.expect("an open connection");
    eventually("one refused reply", || async {
        worker.metric(REFUSED).await >= 1.0
    })
    .await;
    caller.call(Ask::texts("Fake", &["a"])).await.vectors();
}
