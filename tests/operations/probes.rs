//! `/livez`, `/readyz` and `/metrics`.

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
    assert!(
        caller
            .call(Ask::texts("Fake", &["a"]))
            .await
            .is_no_responders()
    );

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
