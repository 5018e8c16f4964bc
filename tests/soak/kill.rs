//! A worker is killed outright while callers go on; each tries again when a
//! reply stays away, and no call is lost, nor anything that worked for one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use crate::harness::{Caller, Server, Worker, eventually};
use crate::known::Known;
use crate::{Tally, size};

const MODEL: &str =
    "[runtime]\nexecutors = 1\n[[models]]\nname = 'Fake'\nkind = 'fake'\ndelay_ms = 5\n";

/// After this the caller asks again, on a new reply subject.
const SILENCE: Duration = Duration::from_secs(1);

/// Tries after which a call has failed.
const TRIES: usize = 10;

/// One call with its tries; how it failed, if it did.
async fn call(caller: &Caller, known: &Known) -> Option<String> {
    let asked = known.some();
    for _ in 0..TRIES {
        let mut replies = caller.send(asked.ask()).await;
        match tokio::time::timeout(SILENCE, replies.next()).await {
            Ok(reply) if reply.is_no_responders() => tokio::task::yield_now().await,
            Ok(reply) => return asked.fault(&reply),
            Err(_) => {}
        }
    }
    Some(format!("no reply in {TRIES} tries"))
}

#[tokio::test]
async fn killing_a_worker_costs_its_callers_a_retry_and_nothing_else() {
    let tally = Arc::new(Tally::of("kill -9 of one of two"));
    let server = Server::start().await;
    let before = alive_tasks();
    let (mut doomed, mut staying) = (
        Worker::start(&server, MODEL).await,
        Worker::start(&server, MODEL).await,
    );
    let caller = Arc::new(Caller::connect(&server).await);
    let known = Arc::new(Known::learn(&caller).await);
    let stop = Arc::new(AtomicBool::new(false));
    let mut calls = JoinSet::new();
    for _ in 0..60 {
        let (caller, tally, stop) = (Arc::clone(&caller), Arc::clone(&tally), Arc::clone(&stop));
        let known = Arc::clone(&known);
        calls.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                tally.note(call(&caller, &known).await);
            }
        });
    }
    for _ in 0..size(20) {
        let before = tally.operations();
        while tally.operations() < before + 500 {
            tokio::task::yield_now().await;
        }
        doomed.signal("KILL").await;
        assert_eq!(doomed.exit().await.code, None);
        doomed = staying;
        staying = Worker::start(&server, MODEL).await;
    }
    stop.store(true, Ordering::Relaxed);
    calls.join_all().await;
    tally.report();
    // The workers hold no request that nobody waits for, and end in order.
    for worker in [doomed, staying] {
        eventually("an empty queue", || async {
            worker.metric("fastembed_queue_requests").await == 0.0
        })
        .await;
        worker.stop().await;
    }
    drop(caller);
    eventually("the caller's tasks to end", || async {
        alive_tasks() <= before
    })
    .await;
}

fn alive_tasks() -> usize {
    tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks()
}
