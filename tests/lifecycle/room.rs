//! A budget of memory: who leaves for whom.

use super::lazy::find;
use super::{is_loaded, loads, someone_waits};
use crate::harness::{Ask, Caller, Launch, Server, Worker, set_up};

/// What each of these models takes.
const BYTES: u64 = 64 << 20;

/// A budget in such models. Allocators take a little more.
fn budget(models: u64) -> String {
    format!(
        "[runtime]\nexecutors = 1\nmemory_budget_bytes = {}\n",
        models * BYTES + BYTES / 2
    )
}

/// A fake one of that size.
fn model(name: &str, more: &str) -> String {
    format!("[[models]]\nname = '{name}'\nkind = 'fake'\nmemory_bytes = {BYTES}\n{more}\n")
}

fn lazy(name: &str) -> String {
    model(name, "lazy = true")
}

async fn ask(caller: &Caller, model: &str) {
    caller.call(Ask::texts(model, &["a"])).await.vectors();
}

/// Which of these models are loaded.
async fn loaded(worker: &Worker, models: &[&'static str]) -> Vec<&'static str> {
    let mut loaded = Vec::new();
    for model in models {
        if is_loaded(worker, model).await {
            loaded.push(*model);
        }
    }
    loaded
}

#[tokio::test]
async fn the_least_recently_used_model_leaves_and_comes_back_with_its_next_request() {
    let config = budget(2) + &lazy("A") + &lazy("B") + &lazy("C");
    let (server, worker) = Worker::with_server(&config).await;
    let caller = Caller::connect(&server).await;
    let all = ["A", "B", "C"];
    ask(&caller, "A").await;
    ask(&caller, "B").await;
    ask(&caller, "A").await;
    assert_eq!(loaded(&worker, &all).await, ["A", "B"]);
    ask(&caller, "C").await;
    assert_eq!(loaded(&worker, &all).await, ["A", "C"]);
    ask(&caller, "B").await;
    assert_eq!(loaded(&worker, &all).await, ["B", "C"]);
    assert_eq!(loads(&worker, "B", "ok").await, 2.0);
    let room = "fastembed_model_unloads_total";
    assert_eq!(worker.metric(room).await, 2.0);
    worker.stop().await;
}

#[tokio::test]
async fn a_model_that_is_loaded_at_start_stays() {
    let config = budget(2) + &model("Stays", "") + &lazy("A") + &lazy("B");
    let (server, worker) = Worker::with_server(&config).await;
    let caller = Caller::connect(&server).await;
    for lazy in ["A", "B"] {
        ask(&caller, lazy).await;
        let now = loaded(&worker, &["Stays", "A", "B"]).await;
        assert_eq!(now, ["Stays", lazy]);
    }
}

#[tokio::test]
async fn a_model_with_work_in_hand_stays_and_who_would_need_its_room_is_told_to_go_elsewhere() {
    let busy = model("Busy", "lazy = true\ndelay_ms = 4000");
    let (server, worker) = Worker::with_server(&(budget(1) + &busy + &lazy("A"))).await;
    let caller = Caller::connect(&server).await;
    let mut held = caller.send(Ask::texts("Busy", &["a"])).await;
    someone_waits(&worker, "Busy").await;
    let refused = caller.call(Ask::texts("A", &["a"])).await;
    let body = refused.refused("overloaded");
    assert_eq!(body["retry"], "elsewhere");
    assert!(body["retry_after_ms"].is_number(), "{body}");
    held.next().await.vectors();
    worker.line_with("have work in hand").await;
}

#[tokio::test]
async fn who_needs_the_room_of_a_model_that_is_soon_done_waits_for_it() {
    let busy = model("Busy", "lazy = true\ndelay_ms = 300");
    let (server, worker) = Worker::with_server(&(budget(1) + &busy + &lazy("A"))).await;
    let caller = Caller::connect(&server).await;
    let mut held = caller.send(Ask::texts("Busy", &["a"])).await;
    someone_waits(&worker, "Busy").await;
    ask(&caller, "A").await;
    held.next().await.vectors();
    assert_eq!(loaded(&worker, &["Busy", "A"]).await, ["A"]);
}

#[tokio::test]
async fn models_that_cannot_fit_are_refused_at_start() {
    let server = Server::start().await;
    for models in [
        lazy("A") + &lazy("B"),
        model("Stays", "") + &model("A", "lazy = true"),
    ] {
        let small = format!("[runtime]\nmemory_budget_bytes = {}\n", BYTES - 1);
        let exit = Launch::new(&server.url(), &(small + &models)).exit().await;
        assert_eq!(exit.code, Some(1));
        let said = exit.lines.join("\n");
        assert!(said.contains("runtime.memory_budget_bytes is"), "{said}");
    }
}

#[tokio::test]
async fn a_model_that_its_first_load_would_find_too_large_is_refused_at_start() {
    let server = Server::start().await;
    let folder = set_up("hub/models--Qdrant--all-MiniLM-L6-v2-onnx");
    let graph = find(&folder, "model.onnx").expect("a graph");
    let files = graph.metadata().expect("a file").len();
    let config = |budget: u64| {
        format!(
            "[runtime]\nexecutors = 1\nmemory_budget_bytes = {budget}\n\
             [[models]]\nname = 'AllMiniLML6V2'\nlazy = true\n"
        )
    };
    let small = Launch::new(&server.url(), &config(2 * files - 1));
    let exit = small.exit().await;
    assert_eq!(exit.code, Some(1));
    let said = exit.lines.join("\n");
    assert!(said.contains("runtime.memory_budget_bytes is"), "{said}");
    let worker = Worker::start(&server, &config(2 * files)).await;
    ask(&Caller::connect(&server).await, "AllMiniLML6V2").await;
    worker.stop().await;
}
