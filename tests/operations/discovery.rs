//! The NATS service protocol (ADR-32), checked by the pinned nats CLI.

use std::path::Path;

use serde_json::{Value, json};

use crate::harness::nats_cli::{nats_json, nats_ok};
use crate::harness::{Ask, Caller, FAKE, MINILM, Server, Worker, within};

/// The counters of the text endpoint once `requests` are counted: a request is
/// counted when its answer has been sent, which its caller may see before.
async fn stats_after(requests: u64, server: &Server, instance: &str) -> Value {
    within("counted requests", async {
        loop {
            let stats = stats_of(server, instance, "text_Fake").await;
            if stats["num_requests"].as_u64() >= Some(requests) {
                return stats;
            }
        }
    })
    .await
}

async fn stats_of(server: &Server, instance: &str, endpoint: &str) -> Value {
    let stats = nats_json(
        server,
        &["service", "stats", "fastembed", instance, "--json"],
    )
    .await;
    let stats = stats.as_array().map_or(&stats, |list| &list[0]);
    let endpoints = stats["endpoints"].as_array().into_iter().flatten();
    let found = endpoints.into_iter().find(|row| row["name"] == endpoint);
    found
        .unwrap_or_else(|| panic!("no {endpoint} in {stats}"))
        .clone()
}

#[tokio::test]
async fn the_nats_cli_lists_informs_counts_and_pings_every_worker() {
    let (server, one) = Worker::with_server(FAKE).await;
    let other = Worker::start(&server, FAKE).await;
    let listed = nats_ok(&server, &["service", "list"]).await;
    let pinged = nats_ok(&server, &["service", "ping", "fastembed"]).await;
    for worker in [&one, &other] {
        let id = worker.instance.as_str();
        assert!(listed.contains(id), "{listed}");
        assert!(pinged.contains(id), "{pinged}");
        let info = nats_ok(&server, &["service", "info", "fastembed", id]).await;
        for word in [
            id,
            "text_Fake",
            "info_text_Fake",
            "fastembed.v1.text.Fake",
            "Queue Group: q",
        ] {
            assert!(info.contains(word), "{word:?} is not in\n{info}");
        }
        let stats = nats_ok(&server, &["service", "stats", "fastembed", id]).await;
        assert!(stats.contains("text_Fake"), "{stats}");
    }
}

#[tokio::test]
async fn discovery_answers_by_the_schemas_of_the_service_protocol() {
    let (server, worker) = Worker::with_server(FAKE).await;
    let caller = Caller::connect(&server).await;
    caller.call(Ask::texts("Fake", &["a"])).await.vectors();
    caller
        .call(Ask::text("Fake").body("x"))
        .await
        .refused("invalid_request");
    let folder = tempfile::tempdir().expect("a temporary folder");
    for verb in ["PING", "INFO", "STATS"] {
        for scope in ["", ".fastembed", &format!(".fastembed.{}", worker.instance)] {
            let reply = caller.call(Ask::on(format!("$SRV.{verb}{scope}"))).await;
            assert!(reply.headers.is_empty());
            let value: Value = serde_json::from_slice(&reply.body).expect("JSON");
            assert_eq!(value["name"], "fastembed");
            assert_eq!(value["id"], worker.instance.as_str());
            assert_eq!(value["version"], env!("CARGO_PKG_VERSION"));
            let kind = format!("io.nats.micro.v1.{}_response", verb.to_lowercase());
            assert_eq!(value["type"], kind.as_str());
            validate(&server, &kind, &folder.path().join(verb), &reply.body).await;
        }
    }
}

async fn validate(server: &Server, schema: &str, file: &Path, body: &[u8]) {
    std::fs::write(file, body).expect("the temporary folder can be written");
    let file = file.display().to_string();
    nats_ok(server, &["schema", "validate", schema, &file]).await;
}

#[tokio::test]
async fn a_reply_in_parts_counts_as_one_request_and_an_error_as_an_error() {
    let server = Server::with_max_payload(64 * 1024).await;
    let worker = Worker::start(&server, FAKE).await;
    let caller = Caller::connect(&server).await;
    let parts = caller.call_in_parts(Ask::texts("Fake", &["a"; 3000])).await;
    assert!(parts.len() > 1);
    let stats = stats_after(1, &server, &worker.instance).await;
    assert_eq!(
        (&stats["num_requests"], &stats["num_errors"]),
        (&json!(1), &json!(0))
    );
    assert!(stats["processing_time"].as_u64() > Some(0));
    assert_eq!(stats["average_processing_time"], stats["processing_time"]);

    caller.call_in_parts(Ask::text("Fake").body("x")).await;
    caller.call(Ask::texts("Fake", &["a"]).timeout_ms(0)).await;
    let stats = stats_after(3, &server, &worker.instance).await;
    assert_eq!(
        (&stats["num_requests"], &stats["num_errors"]),
        (&json!(3), &json!(2))
    );
    assert_eq!(stats["last_error"], "504:deadline_exceeded");
    let info = stats_of(&server, &worker.instance, "info_text_Fake").await;
    assert_eq!(info["num_requests"], 0);
}

#[tokio::test]
async fn stats_carry_the_load_and_the_metadata() {
    let (server, worker) = Worker::with_server(MINILM).await;
    let caller = Caller::connect(&server).await;
    let reply = caller
        .call(Ask::texts("AllMiniLML6V2", &["a"]))
        .await
        .vectors();
    let stats = stats_of(&server, &worker.instance, "text_AllMiniLML6V2").await;
    let data = &stats["data"];
    assert_eq!(data["state"], "ready");
    for key in [
        "in_flight",
        "queue_requests",
        "queue_tokens",
        "tokens_per_second",
        "wait_p50_ms",
        "wait_p99_ms",
    ] {
        assert!(data[key].is_number(), "{key} in {data}");
    }
    assert!(data["tokens_per_second"].as_f64() > Some(0.0));

    let answered = caller
        .call(Ask::on(format!("$SRV.STATS.fastembed.{}", worker.instance)))
        .await;
    let whole: Value = serde_json::from_slice(&answered.body).expect("JSON");
    assert_eq!(whole["metadata"]["subject_root"], "fastembed.v1");
    assert!(
        whole["started"]
            .as_str()
            .is_some_and(|time| time.ends_with('Z'))
    );
    let info = caller
        .call(Ask::on(format!("$SRV.INFO.fastembed.{}", worker.instance)))
        .await;
    let info: Value = serde_json::from_slice(&info.body).expect("JSON");
    let metadata = &info["endpoints"][0]["metadata"];
    assert_eq!(metadata["space"].as_str(), Some(reply.space.as_ref()));
    for (key, value) in [
        ("op", "text"),
        ("model", "AllMiniLML6V2"),
        ("dimensions", "384"),
        ("max_tokens", "256"),
        ("pooling", "mean"),
        ("license", "Apache-2.0"),
    ] {
        assert_eq!(metadata[key], value, "{metadata}");
    }
}

#[tokio::test]
async fn a_line_in_a_shell_gets_384_numbers() {
    let (server, _worker) = Worker::with_server(MINILM).await;
    let request = r#"{"inputs":["hello"]}"#;
    let arguments = [
        "request",
        "--raw",
        "fastembed.v1.text.AllMiniLML6V2",
        request,
    ];
    let reply = nats_json(&server, &arguments).await;
    let row: Vec<f32> =
        serde_json::from_value(reply["embeddings"]["rows"][0].clone()).expect("a row");
    assert_eq!(row.len(), 384);
    assert_eq!(reply["tokens"], json!([3]));
    let length = row.iter().map(|value| value * value).sum::<f32>();
    assert!((length - 1.0).abs() < 1e-5);
}
