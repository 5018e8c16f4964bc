//! Operators load and unload models, where the configuration lets them.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::lazy::find;
use super::{is_loaded, listed, loads, sample, someone_waits};
use crate::harness::generated::Generated;
use crate::harness::{Ask, Caller, Launch, MINILM, Reply, Server, Worker, eventually};

/// A fake model of a worker that obeys.
fn obedient(more: &str) -> String {
    format!("[service]\nadmin = true\n[[models]]\nname = 'Fake'\nkind = 'fake'\n{more}\n")
}

fn command(verb: &str, document: &Value) -> Ask {
    Ask::on(format!("fastembed.ctl.v1.admin.{verb}")).json(document)
}

fn fake(verb: &str) -> Ask {
    command(verb, &json!({ "op": "text", "model": "Fake" }))
}

async fn operator(server: &Server) -> Caller {
    Caller::as_user("operator", &server.url()).await
}

/// What a worker says that obeyed.
fn obeyed(reply: &Reply, worker: &Worker, state: &str) -> Value {
    assert!(!reply.is_refusal(), "{reply}");
    let body = reply.value();
    assert_eq!(body["instance"], worker.instance.as_str(), "{body}");
    assert_eq!(body["state"], state, "{body}");
    body
}

#[tokio::test]
async fn commands_are_not_heard_unless_the_configuration_says_so() {
    let config = "[[models]]\nname = 'Fake'\nkind = 'fake'\n";
    let (server, _worker) = Worker::with_server(config).await;
    let operator = operator(&server).await;
    for verb in ["load", "unload"] {
        assert!(operator.call(fake(verb)).await.is_no_responders());
    }
    assert!(!operator.finds_nobody("Fake").await);
}

#[tokio::test]
async fn an_unloaded_model_is_offered_no_more_and_a_loaded_one_again() {
    let config = format!("[service]\nadmin = true\n{MINILM}");
    let (server, worker) = Worker::with_server(&config).await;
    let (operator, caller) = (operator(&server).await, Caller::connect(&server).await);
    let model = "AllMiniLML6V2";
    let named = json!({ "op": "text", "model": model });
    let before = caller.call(Ask::texts(model, &["a"])).await.vectors();
    for _ in 0..2 {
        let unloaded = operator.call(command("unload", &named)).await;
        assert_eq!(obeyed(&unloaded, &worker, "unloaded")["space"], Value::Null);
        assert!(caller.finds_nobody(model).await);
        assert!(caller.call(Ask::info(model)).await.is_no_responders());
        assert_eq!(listed(&caller, &worker).await, []);
        let root = format!("fastembed.ctl.v1.inst.{}.text.{model}", worker.instance);
        caller.call(Ask::on(root)).await.refused("model_not_found");
        assert!(!is_loaded(&worker, model).await);
    }
    assert_eq!(worker.get("/readyz").await.0, 200);
    for _ in 0..2 {
        let loaded = operator.call(command("load", &named)).await;
        let body = obeyed(&loaded, &worker, "loaded");
        assert_eq!(body["space"], *before.space);
        assert_eq!(listed(&caller, &worker).await[0].0, "text_AllMiniLML6V2");
        let after = caller.call(Ask::texts(model, &["a"])).await.vectors();
        assert_eq!(after.embeddings.values(), before.embeddings.values());
    }
    worker.stop().await;
}

#[tokio::test]
async fn what_was_asked_before_an_unload_is_answered() {
    let (server, worker) = Worker::with_server(&obedient("delay_ms = 500")).await;
    let (operator, caller) = (operator(&server).await, Caller::connect(&server).await);
    let mut held = caller.send(Ask::texts("Fake", &["a"])).await;
    someone_waits(&worker, "Fake").await;
    let unloaded = operator.call(fake("unload")).await;
    obeyed(&unloaded, &worker, "unloaded");
    held.next().await.vectors();
}

#[tokio::test]
async fn all_workers_obey_unless_one_is_named() {
    let (server, one) = Worker::with_server(&obedient("")).await;
    let other = Worker::start(&server, &obedient("")).await;
    let (operator, caller) = (operator(&server).await, Caller::connect(&server).await);
    let named = json!({ "op": "text", "model": "Fake", "instance": one.instance });
    let mut replies = operator.send(command("unload", &named)).await;
    obeyed(&replies.next().await, &one, "unloaded");
    operator.round_trip().await;
    assert!(replies.is_silent());
    assert!(!caller.finds_nobody("Fake").await);
    assert!(is_loaded(&other, "Fake").await);

    let mut replies = operator.send(fake("load")).await;
    let mut obeyed = BTreeSet::new();
    for _ in 0..2 {
        let body = replies.next().await.value();
        assert_eq!(body["state"], "loaded");
        obeyed.insert(body["instance"].as_str().expect("a name").to_owned());
    }
    assert_eq!(
        obeyed,
        BTreeSet::from([one.instance.clone(), other.instance.clone()])
    );
}

#[tokio::test]
async fn a_command_that_cannot_be_obeyed_is_refused_with_a_word_on_why() {
    let (server, worker) = Worker::with_server(&obedient("")).await;
    let operator = operator(&server).await;
    let model = json!({ "op": "text", "model": "Fake" });
    for (verb, document, refusal) in [
        (
            "load",
            json!({ "op": "text", "model": "BGESmallENV15" }),
            "model_not_found",
        ),
        (
            "load",
            json!({ "op": "sparse", "model": "Fake" }),
            "model_not_found",
        ),
        (
            "unload",
            json!({ "op": "text", "model": "fake" }),
            "model_not_found",
        ),
        ("unload", json!({ "model": "Fake" }), "invalid_request"),
        (
            "load",
            json!({ "op": "text", "model": "Fake", "force": true }),
            "invalid_request",
        ),
        ("drop", model, "invalid_request"),
    ] {
        operator
            .call(command(verb, &document))
            .await
            .refused(refusal);
    }
    let packed = Ask::on("fastembed.ctl.v1.admin.load");
    let packed = packed.msgpack(&json!({ "op": "text", "model": "Fake" }));
    assert_eq!(operator.call(packed).await.value()["state"], "loaded");
    for (verb, code, times) in [
        ("load", "ok", 1.0),
        ("load", "model_not_found", 2.0),
        ("load", "invalid_request", 1.0),
        ("unload", "model_not_found", 1.0),
        ("unload", "invalid_request", 1.0),
        ("", "invalid_request", 1.0),
    ] {
        let labels = [("op", verb), ("code", code)];
        let counted = sample(&worker, "fastembed_requests_total", &labels).await;
        assert_eq!(counted, Some(times), "{labels:?}");
    }
}

#[tokio::test]
async fn commands_are_obeyed_in_the_order_in_which_they_came() {
    let (server, _worker) = Worker::with_server(&obedient("")).await;
    let (operator, caller) = (operator(&server).await, Caller::connect(&server).await);
    let mut sent = Vec::new();
    for verb in ["unload", "load", "unload", "load", "load", "unload"] {
        sent.push((verb, operator.send(fake(verb)).await));
    }
    for (verb, mut replies) in sent {
        assert_eq!(replies.next().await.value()["state"], format!("{verb}ed"));
    }
    assert!(caller.finds_nobody("Fake").await);
}

#[tokio::test]
async fn who_has_mended_a_model_may_load_it_at_once_though_callers_still_wait() {
    let wanted = |op: &str, name: &str| op == "text" && name == "BGESmallENV15";
    let models = Generated::make("mended", wanted);
    let server = Server::start().await;
    let config = "[service]\nadmin = true\n[runtime]\nexecutors = 1\n\
                  [[models]]\nname = 'BGESmallENV15'\nlazy = true\n";
    let launch = Launch::new(&server.url(), config).env("HF_HOME", &models.hub());
    let worker = launch.ready().await;
    let operator = operator(&server).await;
    let tokenizer = find(Path::new(&models.hub()), "tokenizer.json").expect("a tokenizer");
    let away = tokenizer.with_extension("away");
    std::fs::rename(&tokenizer, &away).expect("a folder of ours");
    let named = json!({ "op": "text", "model": "BGESmallENV15" });
    // Each one tries, and is not told of the last time.
    for _ in 0..3 {
        let refused = operator.call(command("load", &named)).await;
        refused.refused("internal");
    }
    assert_eq!(loads(&worker, "BGESmallENV15", "failed").await, 3.0);
    std::fs::rename(&away, &tokenizer).expect("a folder of ours");
    let loaded = operator.call(command("load", &named)).await;
    obeyed(&loaded, &worker, "loaded");
}

#[tokio::test]
async fn an_unloaded_model_is_not_offered_on_the_next_connection_either() {
    let config = obedient("") + "[[models]]\nname = 'Other'\nkind = 'fake'\n";
    let (mut server, _worker) = Worker::with_server(&config).await;
    obeyed_by_all(&operator(&server).await, "unload").await;
    server.stop().await;
    server.start_again().await;
    let caller = Caller::connect(&server).await;
    eventually("the other model", || async {
        !caller.finds_nobody("Other").await
    })
    .await;
    assert!(caller.finds_nobody("Fake").await);
}

async fn obeyed_by_all(operator: &Caller, verb: &str) {
    let reply = operator.call(fake(verb)).await;
    assert!(!reply.is_refusal(), "{reply}");
}

#[tokio::test]
async fn a_worker_that_is_stopped_while_it_loads_ends_and_says_so() {
    let config = obedient("lazy = true\nload_ms = 600000");
    let server = Server::start().await;
    let worker = Launch::new(&server.url(), &config).ready().await;
    let operator = operator(&server).await;
    let mut replies = operator.send(fake("load")).await;
    eventually("the load", || async {
        let stats = Ask::on(format!("$SRV.STATS.fastembed.{}", worker.instance));
        let stats = operator.call(stats).await;
        let stats: Value = serde_json::from_slice(&stats.body).expect("JSON");
        stats["endpoints"][0]["data"]["model"] == "loading"
    })
    .await;
    let stopping = worker.stop();
    let (reply, _exit) = tokio::join!(replies.next(), stopping);
    reply.refused("draining");
}
