//! A worker without the right to listen or to answer must not look ready.

use crate::harness::{Ask, Caller, FAKE, Launch, Server, Worker, eventually, http};

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
    assert!(caller.finds_nobody("Fake").await);
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

/// A user called `name` who may do what a worker does, but for this in the
/// place of its right to answer.
macro_rules! may_not_answer {
    ($name:literal, $right:literal) => {
        concat!(
            "{ user: ",
            $name,
            ", password: ",
            $name,
            ", permissions: { subscribe: ",
            r#"["fastembed.v1.> q", "fastembed.ctl.v1.>", "$SRV.>", "_INBOX.worker.>"], "#,
            r#"publish: "_INBOX.worker.>""#,
            $right,
            " } }",
        )
    };
}

/// Asks once, in parts, and gives the line that the answer's refusal leaves.
async fn refused_answer(server: &Server, user: &str) -> (Worker, String) {
    let worker = Launch::new(&server.url(), FAKE)
        .env("NATS_USER", user)
        .env("NATS_PASSWORD", user)
        .ready()
        .await;
    assert_eq!(worker.get("/readyz").await.0, 200);
    let caller = Caller::connect(server).await;
    let _replies = caller.send(Ask::texts("Fake", &["a"]).in_parts()).await;
    let line = worker.line_with("refused an answer").await;
    eventually("the denial", || async {
        let (status, word) = worker.get("/readyz").await;
        status == 503 && word.starts_with("denied")
    })
    .await;
    (worker, line)
}

#[tokio::test]
async fn a_worker_that_may_not_answer_is_not_ready_and_says_why() {
    for (user, users) in [
        ("mute", may_not_answer!("mute", "")),
        ("curt", may_not_answer!("curt", ", allow_responses: true")),
        (
            "slow",
            may_not_answer!("slow", r#", allow_responses: { max: -1, expires: "1ns" }"#),
        ),
    ] {
        let server = Server::with_users(users).await;
        let (worker, line) = refused_answer(&server, user).await;
        assert!(
            line.contains("ERROR") && line.contains("_INBOX.client"),
            "{line}"
        );
        let exit = worker.stop().await;
        let told = exit.lines.iter().filter(|line| line.contains("refused"));
        assert_eq!(told.count(), 1, "{user}: {exit:?}");
    }
}

#[tokio::test]
async fn an_answer_refused_after_the_connection_broke_is_no_lack_of_rights() {
    let config = "[[models]]\nname = 'Fake'\nkind = 'fake'\ndelay_ms = 2000\n";
    let (mut server, worker) = Worker::with_server(config).await;
    let caller = Caller::connect(&server).await;
    let _lost = caller.send(Ask::texts("Fake", &["a"])).await;
    eventually("the request in flight", || async {
        worker.metric("fastembed_queue_requests").await >= 1.0
    })
    .await;
    server.stop().await;
    server.start_again().await;
    worker
        .line_with("an answer to _INBOX.client was refused")
        .await;
    assert_eq!(worker.get("/readyz").await.0, 200);
}
