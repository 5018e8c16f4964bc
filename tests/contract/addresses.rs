//! Who answers on which subject.

use crate::harness::{Ask, Caller, FAKE, Worker, eventually};

#[tokio::test]
async fn a_model_that_nobody_serves_has_no_responders_at_once() {
    let (server, _worker) = Worker::with_server(FAKE).await;
    let caller = Caller::connect(&server).await;
    for ask in [
        Ask::texts("Fakes", &["a"]),
        Ask::info("Fakes"),
        Ask::on("fastembed.v1.sparse.Fake"),
        Ask::on("fastembed.ctl.v1.inst.nobody.text.Fake"),
    ] {
        assert!(caller.call(ask).await.is_no_responders());
    }
}

#[tokio::test]
async fn one_instance_can_be_called_by_name() {
    let (server, one) = Worker::with_server(FAKE).await;
    let other = Worker::start(&server, FAKE).await;
    let caller = Caller::connect(&server).await;
    for worker in [&one, &other, &one] {
        let subject = format!("fastembed.ctl.v1.inst.{}.text.Fake", worker.instance);
        let ask = Ask {
            subject,
            ..Ask::texts("Fake", &["a"])
        };
        assert_eq!(caller.call(ask).await.vectors().instance, worker.instance);
    }
}

#[tokio::test]
async fn an_instance_that_does_not_serve_a_model_says_so() {
    let (server, worker) = Worker::with_server(FAKE).await;
    let caller = Caller::connect(&server).await;
    for tail in ["text.Other", "sparse.Fake", "text", "text.Fake.more"] {
        let subject = format!("fastembed.ctl.v1.inst.{}.{tail}", worker.instance);
        let ask = Ask {
            subject,
            ..Ask::texts("Fake", &["a"])
        };
        caller.call(ask.clone()).await.refused("model_not_found");
        let mut replies = caller.send(ask.in_parts()).await;
        let parts = replies.until_the_end().await;
        assert_eq!(parts.len(), 1);
        parts[0].refused("model_not_found");
    }
    // Counted without a word of the caller's in a label, and logged.
    let counted = r#"fastembed_requests_total{op="",model="",code="model_not_found"} 8"#;
    eventually("eight refusals to be counted", || async {
        worker.get("/metrics").await.1.contains(counted)
    })
    .await;
    worker.line_with("model_not_found").await;
}

#[tokio::test]
async fn calls_are_shared_by_all_workers_of_a_model() {
    let (server, one) = Worker::with_server(FAKE).await;
    let other = Worker::start(&server, FAKE).await;
    let caller = Caller::connect(&server).await;
    for _ in 0..200 {
        caller.call(Ask::texts("Fake", &["a"])).await.vectors();
    }
    let name = "fastembed_requests_total";
    let (mine, its) = (one.metric(name).await, other.metric(name).await);
    assert!(mine > 0.0 && its > 0.0, "{mine} and {its}");
    assert_eq!(mine + its, 200.0);
}

#[tokio::test]
async fn a_tenants_prefix_stands_before_both_trees() {
    let users = "{ user: tenant, password: tenant }";
    let server = crate::harness::Server::with_users(users).await;
    let config = format!("[service]\nsubject_prefix = 'acme'\n{FAKE}");
    let worker = crate::harness::Launch::new(&server.url(), &config)
        .env("NATS_USER", "tenant")
        .env("NATS_PASSWORD", "tenant")
        .ready()
        .await;
    let caller = Caller::as_user("tenant", &server.url()).await;
    for subject in [
        "acme.fastembed.v1.text.Fake".to_owned(),
        format!("acme.fastembed.ctl.v1.inst.{}.text.Fake", worker.instance),
    ] {
        let ask = Ask {
            subject,
            ..Ask::texts("Fake", &["a"])
        };
        caller.call(ask).await.vectors();
    }
    assert!(caller.finds_nobody("Fake").await);
}
