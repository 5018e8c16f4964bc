//! An attempt that its caller gives up is not computed, and nobody else's is
//! touched.

use fastembed_worker::wire::protocol::{
    CANCEL_SUBJECT, HEADER_ACCEPT, HEADER_ATTEMPT_ID, MAX_CANCEL_ATTEMPTS, MAX_TOMBSTONES,
};
use serde_json::{Value, json};

use super::send_and_run;
use crate::harness::{Ask, Caller, FAKE, Server, Worker, eventually};

/// One text a run, and time to do something meanwhile.
const SLOW: &str = "[runtime]\nexecutors = 1\nbatch_tokens = 3\n[queue]\nmax_requests = 2\n\
    [[models]]\nname = 'Fake'\nkind = 'fake'\ndelay_ms = 2000\n";

const TEXTS: &str = "fastembed_texts_total";
const HEARD: &str = "fastembed_cancels_total";
const HELD: &str = "fastembed_queue_requests";

fn id(number: usize) -> String {
    format!("{number:032x}")
}

fn attempt(number: usize, texts: &[&str]) -> Ask {
    Ask::texts("Fake", texts).header(HEADER_ATTEMPT_ID, &id(number))
}

fn word(attempts: &[String]) -> Ask {
    Ask::on(CANCEL_SUBJECT).msgpack(&json!({ "attempts": attempts }))
}

/// Publishes what asks for no answer.
async fn tell(caller: &Caller, ask: Ask) {
    let client = &caller.client;
    let told = client.publish_with_headers(ask.subject, ask.headers, ask.body);
    told.await.expect("an open connection");
}

async fn cancel(caller: &Caller, attempts: &[usize]) {
    let ids: Vec<String> = attempts.iter().map(|number| id(*number)).collect();
    tell(caller, word(&ids)).await;
}

/// Waits until a worker has taken so many words of cancelled attempts.
async fn heard(worker: &Worker, words: usize) {
    eventually("cancels to be heard", || async {
        worker.metric(HEARD).await == words as f64
    })
    .await;
}

#[tokio::test]
async fn a_cancelled_request_that_waits_never_runs_and_gives_its_place_back_at_once() {
    let (server, worker) = Worker::with_server(SLOW).await;
    let caller = Caller::connect(&server).await;
    let mut running = send_and_run(&caller, &worker, Ask::texts("Fake", &["r"])).await;
    let waits = attempt(1, &["a", "b", "c"]).in_parts();
    let mut waiting = caller.send(waits).await;
    let next = Ask::texts("Fake", &["n"]);
    caller.call(next.clone()).await.refused("overloaded");

    eventually("its texts to wait", || async {
        worker.metric("fastembed_queue_tokens").await == 12.0
    })
    .await;
    cancel(&caller, &[1]).await;
    let answer = waiting.until_the_end().await;
    assert_eq!(answer.len(), 1);
    answer[0].refused("cancelled");
    eventually("its place", || async { worker.metric(HELD).await == 1.0 }).await;
    let mut following = caller.send(next).await;
    caller.round_trip().await;
    assert!(running.is_silent(), "the run before it was over already");
    running.next().await.vectors();
    following.next().await.vectors();
    assert_eq!(worker.metric(TEXTS).await, 2.0);
    assert_eq!(worker.metric("fastembed_expired_texts_total").await, 3.0);
    let (_, metrics) = worker.get("/metrics").await;
    let counted = r#"fastembed_requests_total{op="text",model="Fake",code="cancelled"} 1"#;
    assert!(metrics.contains(counted), "{metrics}");
}

#[tokio::test]
async fn a_cancelled_request_that_runs_is_answered_then_and_its_rest_never_runs() {
    let (server, worker) = Worker::with_server(SLOW).await;
    let caller = Caller::connect(&server).await;
    let mut running = send_and_run(&caller, &worker, attempt(1, &["a", "b", "c", "d"])).await;
    cancel(&caller, &[1]).await;
    running.next().await.refused("cancelled");
    eventually("its place", || async { worker.metric(HELD).await == 0.0 }).await;
    assert_eq!(worker.metric(TEXTS).await, 0.0, "the run was over already");
    caller.call(Ask::texts("Fake", &["n"])).await.vectors();
    // What ran could not be stopped; the three others were.
    assert_eq!(worker.metric(TEXTS).await, 2.0);
    assert!(running.is_silent());
}

#[tokio::test]
async fn a_request_that_comes_after_its_cancel_is_not_computed() {
    let (server, worker) = Worker::with_server(FAKE).await;
    let caller = Caller::connect(&server).await;
    cancel(&caller, &[1, 2]).await;
    heard(&worker, 1).await;
    for number in [1, 2, 1] {
        let parts = caller.call_in_parts(attempt(number, &["a"])).await;
        assert_eq!(parts.len(), 1);
        parts[0].refused("cancelled");
    }
    let inst = format!("fastembed.ctl.v1.inst.{}.text.Fake", worker.instance);
    let targeted = Ask {
        subject: inst,
        ..attempt(1, &["a"])
    };
    caller.call(targeted).await.refused("cancelled");
    assert_eq!(worker.metric(TEXTS).await, 0.0);
    caller.call(attempt(3, &["a"])).await.vectors();
    caller.call(Ask::texts("Fake", &["a"])).await.vectors();
}

#[tokio::test]
async fn who_shares_a_computation_with_a_cancelled_caller_is_answered() {
    let (server, worker) = Worker::with_server(SLOW).await;
    let (one, other) = (
        Caller::connect(&server).await,
        Caller::connect(&server).await,
    );
    let mut gone = send_and_run(&one, &worker, attempt(1, &["same"])).await;
    let mut stays = other.send(attempt(2, &["same", "more"])).await;
    let joined = async |texts: f64| {
        eventually("a text to join its equal", || async {
            worker.metric("fastembed_deduplicated_texts_total").await == texts
        })
        .await;
    };
    joined(1.0).await;
    cancel(&one, &[1]).await;
    gone.next().await.refused("cancelled");
    eventually("its place", || async { worker.metric(HELD).await == 1.0 }).await;
    // And what waits: one that asked for it goes, the other stays.
    let mut waits = one.send(attempt(3, &["more", "unwanted"])).await;
    joined(2.0).await;
    cancel(&one, &[3]).await;
    waits.next().await.refused("cancelled");
    assert_eq!(stays.next().await.vectors().tokens.len(), 2);
    assert_eq!(worker.metric(TEXTS).await, 2.0);
}

#[tokio::test]
async fn what_has_no_id_or_another_is_not_cancelled() {
    let (server, worker) = Worker::with_server(SLOW).await;
    let caller = Caller::connect(&server).await;
    let stranger = Caller::as_user("operator", &server.url()).await;
    let mut nameless = send_and_run(&caller, &worker, Ask::texts("Fake", &["a"])).await;
    let mut other = caller.send(attempt(1, &["b"])).await;
    cancel(&stranger, &[2, 3]).await;
    heard(&worker, 1).await;
    nameless.next().await.vectors();
    other.next().await.vectors();
}

#[tokio::test]
async fn a_cancel_that_cannot_be_read_is_counted_and_answered_only_where_it_asks_for_it() {
    let (server, worker) = Worker::with_server(SLOW).await;
    let caller = Caller::connect(&server).await;
    let mut running = send_and_run(&caller, &worker, attempt(1, &["a"])).await;
    let many: Vec<String> = (0..=MAX_CANCEL_ATTEMPTS).map(id).collect();
    let of = |document: Value| Ask::on(CANCEL_SUBJECT).msgpack(&document);
    let faults = [
        Ask::on(CANCEL_SUBJECT),
        Ask::on(CANCEL_SUBJECT).body("garbage"),
        of(json!({ "attempts": [] })),
        of(json!({ "attempts": many })),
        of(json!({ "attempts": [id(1)], "now": true })),
        of(json!({ "attempts": [id(1), "1"] })),
        Ask::on(CANCEL_SUBJECT).json(&json!({ "attempts": id(1) })),
    ];
    for fault in &faults {
        tell(&caller, fault.clone()).await;
        caller.call(fault.clone()).await.refused("invalid_request");
    }
    let other = word(&[id(1)]).header("Content-Type", "text/plain");
    let refusal = caller.call(other).await;
    refusal.refused("unsupported_media_type");
    heard(&worker, 2 * faults.len() + 1).await;
    // One that can be read is answered by nobody, as every worker would.
    let mut answers = caller.send(word(&[id(9)])).await;
    heard(&worker, 2 * faults.len() + 2).await;
    running.next().await.vectors();
    caller.round_trip().await;
    assert!(answers.is_silent());
    let (_, metrics) = worker.get("/metrics").await;
    for counted in [
        r#"fastembed_cancels_total{code="ok"} 1"#,
        r#"fastembed_cancels_total{code="invalid_request"} 14"#,
    ] {
        assert!(metrics.contains(counted), "{metrics}");
    }
}

#[tokio::test]
async fn a_flood_of_cancels_is_remembered_up_to_a_bound() {
    let (server, worker) = Worker::with_server(FAKE).await;
    let caller = Caller::connect(&server).await;
    let ids: Vec<usize> = (0..MAX_TOMBSTONES + MAX_CANCEL_ATTEMPTS).collect();
    for some in ids.chunks(MAX_CANCEL_ATTEMPTS) {
        cancel(&caller, some).await;
    }
    heard(&worker, ids.len() / MAX_CANCEL_ATTEMPTS).await;
    caller.call(attempt(0, &["a"])).await.vectors();
    let newest = attempt(ids.len() - 1, &["a"]);
    caller.call(newest).await.refused("cancelled");
}

#[tokio::test]
async fn cancels_are_heard_after_a_break_and_under_a_tenants_prefix() {
    let config = format!("[service]\nsubject_prefix = 'acme'\n{SLOW}");
    let user = "{ user: tenant, password: tenant }, { user: all, password: all }";
    let mut server = Server::with_users(user).await;
    let launch = crate::harness::Launch::new(&server.url(), &config);
    let worker = launch.env("NATS_USER", "all").env("NATS_PASSWORD", "all");
    let worker = worker.ready().await;
    server.stop().await;
    server.start_again().await;
    eventually("readiness", || async {
        worker.get("/readyz").await.0 == 200
    })
    .await;
    let caller = Caller::as_user("tenant", &server.url()).await;
    let under = |ask: Ask| Ask {
        subject: format!("acme.{}", ask.subject),
        ..ask
    };
    let mut running = send_and_run(&caller, &worker, under(attempt(1, &["a"]))).await;
    tell(&caller, under(word(&[id(1)]))).await;
    running.next().await.refused("cancelled");
}

#[tokio::test]
async fn cancels_are_heard_by_a_worker_that_drains() {
    // One sign of life before the answer.
    let config = SLOW.replace("2000", "1500");
    let (server, mut worker) = Worker::with_server(&config).await;
    let caller = Caller::connect(&server).await;
    let runs = Ask::texts("Fake", &["r"]).header(HEADER_ACCEPT, "alive");
    let mut running = send_and_run(&caller, &worker, runs).await;
    let mut waiting = caller.send(attempt(1, &["a", "b", "c"])).await;
    caller.round_trip().await;
    worker.signal("TERM").await;
    worker.line_with(r#""message":"draining""#).await;
    // Once that comes it has left all else that it listened to.
    assert_eq!(running.next().await.value()["alive"], true);
    eventually("it to have left", || async {
        caller.call(Ask::info("Fake")).await.is_no_responders()
    })
    .await;
    cancel(&caller, &[1]).await;
    waiting.next().await.refused("cancelled");
    running.next().await.vectors();
    assert_eq!(worker.exit().await.code, Some(0));
}
