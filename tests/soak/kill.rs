//! A worker is killed outright while callers go on; each tries again when a
//! reply stays away, and no call is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use crate::harness::{Ask, Caller, Server, Worker};
use crate::{Tally, size};

const MODEL: &str =
    "[runtime]\nexecutors = 1\n[[models]]\nname = 'Fake'\nkind = 'fake'\ndelay_ms = 5\n";

/// After this the caller asks again, on a new reply subject.
const SILENCE: Duration = Duration::from_secs(1);

/// Tries after which a call has failed.
const TRIES: usize = 10;

/// One call with its tries; how it failed, if it did.
async fn call(caller: &Caller) -> Option<String> {
    for _ in 0..TRIES {
        let mut replies = caller.send(Ask::texts("Fake", &["a"])).await;
        match tokio::time::timeout(SILENCE, replies.next()).await {
            Ok(reply) if reply.is_no_responders() => tokio::task::yield_now().await,
            Ok(reply) if reply.is_refusal() => return Some(format!("refused: {reply}")),
            Ok(_) => return None,
            Err(_) => {}
        }
    }
    Some(format!("no reply in {TRIES} tries"))
}

#[tokio::test]
async fn killing_a_worker_costs_its_callers_a_retry_and_nothing_else() {
    let tally = Arc::new(Tally::of("kill -9 of one of two"));
    let server = Server::start().await;
    let (mut doomed, mut staying) = (
        Worker::start(&server, MODEL).await,
        Worker::start(&server, MODEL).await,
    );
    let caller = Arc::new(Caller::connect(&server).await);
    let stop = Arc::new(AtomicBool::new(false));
    let mut calls = JoinSet::new();
    for _ in 0..60 {
        let (caller, tally, stop) = (Arc::clone(&caller), Arc::clone(&tally), Arc::clone(&stop));
        calls.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                tally.note(call(&caller).await);
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
}
