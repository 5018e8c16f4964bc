//! Ten times as much is asked as can be done: every request is answered, and
//! nothing grows.

use std::time::Duration;

use fastembed_worker::wire::protocol;
use futures_util::StreamExt as _;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::harness::{Ask, Caller, Reply, Server, Worker, within};
use crate::{Tally, number, size};

/// Eight texts of three tokens a run, and a run each 10 ms.
const SLOW: &str = "[runtime]\nexecutors = 1\nbatch_tokens = 24\ndeduplicate = false\n[queue]\nmax_requests = 400\n\
    [[models]]\nname = 'Fake'\nkind = 'fake'\ndelay_ms = 10\n";

/// Requests that it can answer each tick, at the most.
const CAPACITY: u64 = 8;
const TICK: Duration = Duration::from_millis(10);

/// How much more is asked.
const TIMES: u64 = 10;

/// Growth of memory that passes, after over before.
const MAX_GROWTH: f64 = 1.2;

const INBOX: &str = "_INBOX.client.overload";

/// Sends ten times the capacity, tick by tick, whatever comes back.
async fn overload(caller: &Caller, first: u64, ticks: u64) {
    let mut clock = interval(TICK);
    // What a busy machine was late with is sent at once.
    clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for tick in 0..ticks {
        clock.tick().await;
        for at in 0..CAPACITY * TIMES {
            let n = first + tick * CAPACITY * TIMES + at;
            let ask = Ask::texts("Fake", &["a"]);
            caller.publish(ask, &format!("{INBOX}.{n}")).await;
        }
    }
}

/// Whether it was a result; a refusal must be of the one kind, and say when to
/// come back.
fn is_result(reply: &Reply) -> Result<bool, String> {
    if reply.is_no_responders() {
        return Err("nobody listens".to_owned());
    }
    if !reply.is_refusal() {
        let reply = reply.vectors();
        return match (reply.tokens.as_ref(), reply.errors.is_empty()) {
            ([3], true) => Ok(true),
            _ => Err(format!("another reply: {reply:?}")),
        };
    }
    let name = reply.header(protocol::HEADER_SERVICE_ERROR);
    let retry_after_ms = reply.value()["retry_after_ms"].as_u64();
    match (name, retry_after_ms) {
        (Some("overloaded"), Some(10..=10_000)) => Ok(false),
        _ => Err(format!("another refusal: {reply}")),
    }
}

#[tokio::test]
async fn ten_times_the_capacity_is_all_answered_and_costs_no_memory() {
    let tally = Tally::of("overload tenfold");
    let server = Server::monitored().await;
    let worker = Worker::start(&server, SLOW).await;
    let caller = Caller::connect(&server).await;
    let answers = caller.client.subscribe(format!("{INBOX}.*")).await;
    let mut answers = answers.expect("an open connection");
    // Thirty seconds. The first half warms up: what a busy machine lets pile up at
    // once is memory too, and grows no further.
    let ticks = size(3000) as u64;
    let start = Instant::now();
    let (mut results, mut before, mut sent) = (0_u64, 0, 0);
    for ticks in [ticks / 2, ticks - ticks / 2] {
        let count = ticks * CAPACITY * TIMES;
        let mut is_open = vec![true; count as usize];
        let receive = async {
            for _ in 0..count {
                let message = within("an answer", answers.next()).await;
                let message = message.expect("an open subscription");
                let n = number(&message);
                let is_first = std::mem::take(&mut is_open[(n - sent) as usize]);
                let answer = if is_first {
                    is_result(&Reply::from(message))
                } else {
                    Err(format!("request {n} was answered twice"))
                };
                results += u64::from(answer == Ok(true));
                tally.note(answer.err());
            }
        };
        tokio::join!(overload(&caller, sent, ticks), receive);
        sent += count;
        if before == 0 {
            before = worker.resident_bytes().await;
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let after = worker.resident_bytes().await;
    assert_eq!(worker.metric("fastembed_bus_drops_total").await, 0.0);
    assert_eq!(server.slow_consumers().await, 0);
    worker.stop().await;
    let growth = after as f64 / before as f64;
    println!("  {results} results of {sent} requests in {seconds:.1} s");
    println!("  memory: {before} bytes, then {after}: {growth:.3}");
    tally.report();
    // Far from all can be results, and some must be.
    assert!(results > 0 && results * 2 < sent);
    assert!(growth <= MAX_GROWTH);
}
