//! Workers leave one after another while callers go on without a retry. Every
//! byte takes 5 ms each way, so that what is lost between the server's word and
//! the worker's would show.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::RwLock;
use tokio::task::JoinSet;

use crate::harness::{Ask, Caller, Launch, Reply, Server, Worker, eventually, within};
use crate::proxy::Proxy;
use crate::{Tally, size};

const MODEL: &str =
    "[runtime]\nexecutors = 1\n[[models]]\nname = 'Fake'\nkind = 'fake'\ndelay_ms = 5\n";

/// Each way.
const DELAY: Duration = Duration::from_millis(5);

/// Calls that are open when a worker is told to stop, under dense traffic.
const DENSE: usize = 50;

/// Longest wait for one reply: far above what a drain takes.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was wrong with the only reply there is.
pub(crate) fn fault(reply: Result<Reply, tokio::time::error::Elapsed>) -> Option<String> {
    match reply {
        Err(_) => Some("no reply".to_owned()),
        Ok(reply) if reply.is_no_responders() => Some("no responders".to_owned()),
        Ok(reply) if reply.is_refusal() => Some(format!("refused: {reply}")),
        Ok(_) => None,
    }
}

/// Callers that go on until they are told to stop, and pause on request.
#[derive(Clone)]
struct Load {
    caller: Arc<Caller>,
    tally: Arc<Tally>,
    is_over: Arc<AtomicBool>,
    /// Held by each call; who writes to it has all callers wait.
    calling: Arc<RwLock<()>>,
    in_flight: Arc<AtomicUsize>,
}

impl Load {
    /// Calls with a pause between two calls.
    async fn call_on(self, pause: Duration) {
        while !self.is_over.load(Ordering::Relaxed) {
            let call = self.calling.read().await;
            self.in_flight.fetch_add(1, Ordering::Relaxed);
            let mut replies = self.caller.send(Ask::texts("Fake", &["a"])).await;
            let reply = tokio::time::timeout(PATIENCE, replies.next()).await;
            self.in_flight.fetch_sub(1, Ordering::Relaxed);
            self.tally.note(fault(reply));
            drop(call);
            tokio::time::sleep(pause).await;
        }
    }

    /// Cuts the workers' connections while nobody calls, and waits until each
    /// has answered over its new one.
    async fn reconnect(&self, proxy: &Proxy, workers: [&Worker; 2]) {
        let _no_calls = self.calling.write().await;
        let connections = |worker: &Worker| {
            let lines = worker.lines();
            let connected = lines.iter().filter(|line| line.contains(CONNECTED));
            connected.count()
        };
        let before = workers.map(connections);
        proxy.cut();
        eventually("new connections", || async {
            let now = workers.map(connections);
            now[0] > before[0] && now[1] > before[1]
        })
        .await;
        let is_missing = |answered: &HashSet<String>| {
            let mut workers = workers.iter();
            workers.any(|worker| !answered.contains(&worker.instance))
        };
        within("both to answer", async {
            let mut answered = HashSet::new();
            while is_missing(&answered) {
                let reply = self.caller.call(Ask::texts("Fake", &["a"])).await;
                answered.extend(reply.header("Fastembed-Instance").map(str::to_owned));
            }
        })
        .await;
    }
}

const CONNECTED: &str = r#""message":"connected""#;

async fn worker(proxy: &Proxy) -> Worker {
    Launch::new(&proxy.url(), MODEL).ready().await
}

/// What happens to the workers' connections before each leave.
#[derive(Clone, Copy, PartialEq)]
enum Line {
    Lasts,
    IsCut,
}

/// `rounds` times a worker leaves and another comes, under `callers` callers.
async fn workers_leave(tally: Tally, rounds: usize, callers: usize, pause: Duration, line: Line) {
    let server = Server::start().await;
    let (near, proxy) = (
        Proxy::before(&server, DELAY).await,
        Proxy::before(&server, DELAY).await,
    );
    let (mut leaving, mut staying) = (worker(&proxy).await, worker(&proxy).await);
    let load = Load {
        caller: Arc::new(Caller::as_user("client", &near.url()).await),
        tally: Arc::new(tally),
        is_over: Arc::default(),
        calling: Arc::default(),
        in_flight: Arc::default(),
    };
    let dense = if pause.is_zero() { DENSE } else { 0 };
    let mut calls = JoinSet::new();
    for _ in 0..callers {
        calls.spawn(load.clone().call_on(pause));
    }
    for _ in 0..rounds {
        if line == Line::IsCut {
            load.reconnect(&proxy, [&leaving, &staying]).await;
        }
        let before = load.tally.operations();
        while load.tally.operations() < before + 5 * callers as u64
            || load.in_flight.load(Ordering::Relaxed) < dense
        {
            tokio::time::sleep(DELAY).await;
        }
        leaving.stop().await;
        leaving = staying;
        staying = worker(&proxy).await;
    }
    load.is_over.store(true, Ordering::Relaxed);
    calls.join_all().await;
    load.tally.report();
}

#[tokio::test]
async fn nothing_is_lost_when_workers_leave_under_dense_traffic() {
    let tally = Tally::of("drain under dense traffic");
    workers_leave(tally, size(20), 60, Duration::ZERO, Line::Lasts).await;
}

#[tokio::test]
async fn nothing_is_lost_when_workers_leave_under_thin_traffic() {
    let tally = Tally::of("drain under thin traffic");
    let pause = Duration::from_millis(40);
    workers_leave(tally, size(40), 8, pause, Line::Lasts).await;
}

/// The server counts anew on a new connection, and the client library does not.
#[tokio::test]
async fn nothing_is_lost_when_workers_leave_after_their_connection_was_lost() {
    let tally = Tally::of("drain after a lost connection");
    workers_leave(tally, size(40), 60, Duration::ZERO, Line::IsCut).await;
}
