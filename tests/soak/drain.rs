//! Workers leave one after another while callers go on without a retry. Every
//! byte takes 5 ms each way, so that what is lost between the server's word and
//! the worker's would show.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use crate::harness::{Ask, Caller, Launch, Reply, Server, Worker};
use crate::proxy::Proxy;
use crate::{Tally, size};

const MODEL: &str =
    "[runtime]\nexecutors = 1\n[[models]]\nname = 'Fake'\nkind = 'fake'\ndelay_ms = 5\n";

/// Each way.
const DELAY: Duration = Duration::from_millis(5);

/// Longest wait for one reply: far above what a drain takes.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was wrong with the only reply there is.
fn fault(reply: Result<Reply, tokio::time::error::Elapsed>) -> Option<String> {
    match reply {
        Err(_) => Some("no reply".to_owned()),
        Ok(reply) if reply.is_no_responders() => Some("no responders".to_owned()),
        Ok(reply) if reply.is_refusal() => Some(format!("refused: {reply}")),
        Ok(_) => None,
    }
}

/// Calls without a pause, or with one of `pause` between two calls, until told
/// to stop.
async fn call_on(caller: Arc<Caller>, tally: Arc<Tally>, stop: Arc<AtomicBool>, pause: Duration) {
    while !stop.load(Ordering::Relaxed) {
        let mut replies = caller.send(Ask::texts("Fake", &["a"])).await;
        let reply = tokio::time::timeout(PATIENCE, replies.next()).await;
        tally.note(fault(reply));
        tokio::time::sleep(pause).await;
    }
}

async fn worker(proxy: &Proxy) -> Worker {
    Launch::new(&proxy.url(), MODEL).ready().await
}

/// `rounds` times a worker leaves and another comes, under `callers` callers.
async fn workers_leave(tally: Tally, rounds: usize, callers: usize, pause: Duration) {
    let server = Server::start().await;
    let proxy = Proxy::before(&server, DELAY).await;
    let (mut leaving, mut staying) = (worker(&proxy).await, worker(&proxy).await);
    let (tally, stop) = (Arc::new(tally), Arc::new(AtomicBool::new(false)));
    let caller = Arc::new(Caller::as_user("client", &proxy.url()).await);
    let mut calls = JoinSet::new();
    for _ in 0..callers {
        let (caller, tally, stop) = (Arc::clone(&caller), Arc::clone(&tally), Arc::clone(&stop));
        calls.spawn(call_on(caller, tally, stop, pause));
    }
    for _ in 0..rounds {
        let before = tally.operations();
        while tally.operations() < before + 5 * callers as u64 {
            tokio::time::sleep(DELAY).await;
        }
        leaving.stop().await;
        leaving = staying;
        staying = worker(&proxy).await;
    }
    stop.store(true, Ordering::Relaxed);
    calls.join_all().await;
    tally.report();
}

#[tokio::test]
async fn nothing_is_lost_when_workers_leave_under_dense_traffic() {
    let tally = Tally::of("drain under dense traffic");
    workers_leave(tally, size(20), 60, Duration::ZERO).await;
}

#[tokio::test]
async fn nothing_is_lost_when_workers_leave_under_thin_traffic() {
    let tally = Tally::of("drain under thin traffic");
    workers_leave(tally, size(40), 8, Duration::from_millis(40)).await;
}
