//! A worker without the right to listen must not look ready.

use crate::harness::{Ask, Caller, FAKE, Launch, Server, eventually, http};

/// May answer discovery, and may not take calls.
const STRANGER: &str = r#"{ user: stranger, password: stranger, permissions: {
    subscribe: ["$SRV.>", "_INBOX.stranger.>"], publish: "_INBOX.>" } }"#;

#[tokio::test]
async fn a_worker_that_may_not_subscribe_is_not_ready_and_says_why() {
    let server = Server::with_users(STRANGER).await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = free.local_addr().expect("a bound socket").to_string();
    drop(free);
    let worker = Launch::new(&server.url(), FAKE)
        .env("NATS_USER", "stranger")
        .env("NATS_PASSWORD", "stranger")
        .env("FASTEMBED_HTTP_LISTEN", &address)
        .spawn();
    let line = worker.line_with("refused a subscription").await;
    assert!(
        line.contains("ERROR") && line.contains("fastembed."),
        "{line}"
    );
    eventually("the denial", || async {
        let (status, word) = http::get(&address, "/readyz").await;
        status == 503 && word.starts_with("denied")
    })
    .await;
    assert_eq!(http::get(&address, "/livez").await.0, 200);
    let (_, metrics) = http::get(&address, "/metrics").await;
    assert!(metrics.contains("fastembed_ready 0\n"));
    let caller = Caller::connect(&server).await;
    assert!(
        caller
            .call(Ask::texts("Fake", &["a"]))
            .await
            .is_no_responders()
    );
}

#[tokio::test]
async fn a_worker_that_may_not_subscribe_never_says_that_it_is_ready() {
    let server = Server::with_users(STRANGER).await;
    let mut worker = Launch::new(&server.url(), FAKE)
        .env("NATS_USER", "stranger")
        .env("NATS_PASSWORD", "stranger")
        .spawn();
    worker.line_with("refused a subscription").await;
    worker.signal("TERM").await;
    let lines = worker.exit().await.lines;
    let ready = lines
        .iter()
        .any(|line| line.contains(r#""message":"ready""#));
    assert!(!ready, "{}", lines.join("\n"));
}
