//! A model is unloaded and loaded again while callers go on without a retry: one of
//! two workers at a time, so that the other one answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;

use crate::drain::fault;
use crate::harness::{Ask, Caller, Reply, Server, Worker};
use crate::{Tally, size};

const MODEL: &str = "AllMiniLML6V2";
const CONFIG: &str =
    "[service]\nadmin = true\n[runtime]\nexecutors = 1\n[[models]]\nname = 'AllMiniLML6V2'\n";

/// Callers, each with one call open at a time.
const CALLERS: usize = 4;

/// Longest wait for one reply or for one load.
const PATIENCE: Duration = Duration::from_secs(60);

/// What memory may grow by over the first cycle.
const MOST: f64 = 1.1;

const MIB: f64 = (1 << 20) as f64;

/// Resident memory of one worker after each of its cycles, with the model and
/// without it, in MiB.
#[derive(Default)]
struct Memory {
    loaded: Vec<f64>,
    unloaded: Vec<f64>,
}

impl Memory {
    /// The most of the later cycles over the first one.
    fn growth(samples: &[f64]) -> f64 {
        samples.iter().copied().fold(0.0, f64::max) / samples[0]
    }

    fn tell(&self, worker: usize) {
        for (what, samples) in [("with", &self.loaded), ("without", &self.unloaded)] {
            println!(
                "  worker {worker} {what} the model: {:.1} MiB after the first cycle, {:.1} after the last, {:.3} × at most",
                samples[0],
                samples[samples.len() - 1],
                Self::growth(samples)
            );
        }
    }
}

async fn command(operator: &Caller, verb: &str, worker: &Worker) -> Option<String> {
    let named = json!({ "op": "text", "model": MODEL, "instance": worker.instance });
    let ask = Ask::on(format!("fastembed.ctl.v1.admin.{verb}")).json(&named);
    let mut replies = operator.send(ask).await;
    let reply: Result<Reply, _> = tokio::time::timeout(PATIENCE, replies.next()).await;
    fault(reply)
}

async fn call_on(caller: Caller, who: usize, tally: Arc<Tally>, is_over: Arc<AtomicBool>) {
    let mut n = 0;
    while !is_over.load(Ordering::Relaxed) {
        // Of different lengths, and none equal to another that is in flight.
        let text = format!("caller {who} asks {} times", "again and ".repeat(n % 7));
        let mut replies = caller.send(Ask::texts(MODEL, &[text])).await;
        tally.note(fault(tokio::time::timeout(PATIENCE, replies.next()).await));
        n += 1;
    }
}

#[tokio::test]
async fn nothing_is_lost_and_memory_comes_back_when_a_model_is_unloaded_and_loaded_under_load() {
    let server = Server::start().await;
    let workers = [
        Worker::start(&server, CONFIG).await,
        Worker::start(&server, CONFIG).await,
    ];
    let operator = Caller::as_user("operator", &server.url()).await;
    let tally = Arc::new(Tally::of("unload and reload under load"));
    let is_over = Arc::new(AtomicBool::new(false));
    let mut callers = JoinSet::new();
    for who in 0..CALLERS {
        let caller = Caller::connect(&server).await;
        let (tally, is_over) = (Arc::clone(&tally), Arc::clone(&is_over));
        callers.spawn(call_on(caller, who, tally, is_over));
    }
    let cycles = size(200);
    let mut memory = [Memory::default(), Memory::default()];
    for cycle in 0..cycles {
        let (worker, memory) = (&workers[cycle % 2], &mut memory[cycle % 2]);
        for verb in ["unload", "load"] {
            if let Some(fault) = command(&operator, verb, worker).await {
                tally.fail(&format!("cycle {cycle}: {verb}: {fault}"));
            }
            let resident = worker.resident_bytes().await as f64 / MIB;
            match verb {
                "unload" => memory.unloaded.push(resident),
                _ => memory.loaded.push(resident),
            }
        }
    }
    is_over.store(true, Ordering::Relaxed);
    callers.join_all().await;
    println!("  {cycles} cycles");
    for (at, memory) in memory.iter().enumerate() {
        memory.tell(at);
    }
    tally.report();
    for memory in &memory {
        assert!(Memory::growth(&memory.loaded) <= MOST);
        assert!(Memory::growth(&memory.unloaded) <= MOST);
    }
    for worker in workers {
        worker.stop().await;
    }
}
