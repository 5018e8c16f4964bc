//! `/livez`, `/readyz` and `/metrics`.

use std::time::{Duration, Instant};

use fastembed_worker::telemetry::metrics::TABLE;

use crate::harness::{Ask, Caller, FAKE, Launch, Server, Worker, eventually, http};

#[tokio::test]
async fn a_ready_worker_lives_and_is_ready() {
    let (_server, worker) = Worker::with_server(FAKE).await;
    assert_eq!(worker.get("/livez").await.0, 200);
    assert_eq!(worker.get("/readyz").await, (200, "ready".to_owned()));
    assert_eq!(worker.get("/elsewhere").await.0, 404);
    assert_eq!(worker.metric("fastembed_ready").await, 1.0);
}

#[tokio::test]
async fn a_worker_is_not_ready_before_its_first_inference() {
    let server = Server::start().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = free.local_addr().expect("a bound socket").to_string();
    drop(free);
    let config = "[[models]]\nname = 'Fake'\nkind = 'fake'\ndelay_ms = 1000\n";
    let launch = Launch::new(&server.url(), config).env("FASTEMBED_HTTP_LISTEN", &address);
    let worker = launch.spawn();
    eventually("the port", || async {
        http::get(&address, "/livez").await.0 == 200
    })
    .await;
    assert_eq!(
        http::get(&address, "/readyz").await,
        (503, "starting".to_owned())
    );
    let (_, metrics) = http::get(&address, "/metrics").await;
    assert!(metrics.contains("fastembed_ready 0\n"));
    let caller = Caller::connect(&server).await;
    assert!(caller.finds_nobody("Fake").await);

    worker.line_with(r#""message":"ready""#).await;
    assert_eq!(http::get(&address, "/readyz").await.0, 200);
    caller.call(Ask::texts("Fake", &["a"])).await.vectors();
}

#[tokio::test]
async fn every_metric_of_the_table_is_served_after_one_request() {
    let (server, worker) = Worker::with_server(FAKE).await;
    let caller = Caller::connect(&server).await;
    caller
        .call(Ask::texts("Fake", &["a b", "c"]))
        .await
        .vectors();
    eventually("the request to be counted", || async {
        worker.metric("fastembed_requests_total").await >= 1.0
    })
    .await;
    let (status, text) = worker.get("/metrics").await;
    assert_eq!(status, 200);
    for row in TABLE {
        let sample = match row.kind {
            "histogram" => format!("{}_count", row.name),
            _ => row.name.to_owned(),
        };
        let served = text.lines().any(|line| line.starts_with(&sample));
        assert!(served, "{sample} is not in\n{text}");
        for label in row.labels.split(", ").filter(|label| !label.is_empty()) {
            let labelled =
                |line: &str| line.starts_with(&sample) && line.contains(&format!("{label}=\""));
            assert!(text.lines().any(labelled), "{sample} without {label}");
        }
    }
    assert!(text.ends_with("# EOF\n"));
    let counted = r#"fastembed_requests_total{op="text",model="Fake",code="ok"} 1"#;
    assert!(text.contains(counted), "{text}");
    // These two, and not the first inference.
    assert_eq!(worker.metric("fastembed_texts_total").await, 2.0);
    assert_eq!(worker.metric("fastembed_infer_seconds_count").await, 1.0);
    assert_eq!(worker.metric("fastembed_bus_drops_total").await, 0.0);
}

#[tokio::test]
async fn a_lost_server_is_not_ready_and_a_regained_one_is() {
    let (mut server, worker) = Worker::with_server(FAKE).await;
    server.stop().await;
    eventually("the loss to be noticed", || async {
        worker.get("/readyz").await == (503, "disconnected".to_owned())
    })
    .await;
    assert_eq!(worker.get("/livez").await.0, 200);
    assert_eq!(worker.metric("fastembed_ready").await, 0.0);

    server.start_again().await;
    eventually("readiness", || async {
        worker.get("/readyz").await.0 == 200
    })
    .await;
    let caller = Caller::connect(&server).await;
    eventually("an answer", || async {
        let reply = caller.call(Ask::texts("Fake", &["a"])).await;
        !reply.is_no_responders()
    })
    .await;
    worker.stop().await;
}

/// After this at the latest no balancer may send more: a promise, and the one
/// time that is measured.
const NOT_READY_WITHIN: Duration = Duration::from_secs(1);

#[tokio::test]
async fn within_a_second_of_sigterm_it_is_not_ready() {
    let config = "[[models]]\nname = 'Fake'\nkind = 'fake'\ndelay_ms = 3000\n";
    let (server, mut worker) = Worker::with_server(config).await;
    let caller = Caller::connect(&server).await;
    let mut held = caller.send(Ask::texts("Fake", &["a"])).await;
    eventually("a request in flight", || async {
        worker.metric("fastembed_queue_requests").await == 1.0
    })
    .await;
    let event = Instant::now();
    worker.signal("TERM").await;
    let (took, word) = worker.turns_not_ready(event).await;
    assert!(took <= NOT_READY_WITHIN, "{took:?}");
    assert_eq!(word, "draining");
    held.next().await.vectors();
    assert_eq!(worker.exit().await.code, Some(0));
}

#[tokio::test]
async fn within_a_second_of_losing_the_server_it_is_not_ready() {
    let (mut server, worker) = Worker::with_server(FAKE).await;
    let event = Instant::now();
    server.kill().await;
    let (took, word) = worker.turns_not_ready(event).await;
    assert!(took <= NOT_READY_WITHIN, "{took:?}");
    assert_eq!(word, "disconnected");
}

#[tokio::test]
async fn within_a_second_of_a_hang_being_found_it_is_not_ready() {
    let config = "[runtime]\nexecutors = 2\nrun_limit_ms = 500\n[[models]]\nname = 'Fake'\n\
                  kind = 'fake'\nhang_on = 'hang'\n";
    let (server, worker) = Worker::with_server(config).await;
    let caller = Caller::connect(&server).await;
    let mut hangs = caller.send(Ask::texts("Fake", &["hang"])).await;
    worker.line_with("a run of the model does not return").await;
    // Written just before it is told.
    let (took, word) = worker.turns_not_ready(Instant::now()).await;
    assert!(took <= NOT_READY_WITHIN, "{took:?}");
    // It drains at once, and may have ended by now.
    assert!(word.starts_with("hung") || word.is_empty(), "{word}");
    hangs.next().await.refused("internal");
}
