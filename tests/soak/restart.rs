//! The server is killed or stopped under calls, and comes back. A caller who
//! asks again loses nothing, and no request is answered twice.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::harness::caller::Replies;
use crate::harness::{Caller, Server, Worker};
use crate::known::Known;
use crate::{Tally, size};

const MODEL: &str =
    "[runtime]\nexecutors = 1\n[[models]]\nname = 'Fake'\nkind = 'fake'\ndelay_ms = 1\n";

/// After this the caller asks again, on a new reply subject.
const SILENCE: Duration = Duration::from_secs(2);

/// Pause where nobody listens: the caller may be back before the workers.
const PAUSE: Duration = Duration::from_millis(20);

/// After this a call has failed.
const DEADLINE: Duration = Duration::from_secs(30);

/// Calls at once.
const CALLERS: usize = 16;

/// Reply subjects of the latest calls, kept open for what may still come there.
type Answered = Mutex<VecDeque<Replies>>;
const KEPT: usize = 512;

/// What came where all had come already.
fn second_answers(answered: &mut Replies) -> Option<String> {
    (!answered.is_silent()).then(|| "a request was answered twice".to_owned())
}

/// One call with its tries; how it failed, if it did.
async fn call(caller: &Caller, known: &Known, answered: &Answered) -> Option<String> {
    let (asked, start) = (known.some(), Instant::now());
    while start.elapsed() < DEADLINE {
        let mut replies = caller.send(asked.ask()).await;
        match tokio::time::timeout(SILENCE, replies.next()).await {
            Ok(reply) if reply.is_no_responders() => tokio::time::sleep(PAUSE).await,
            Ok(reply) => {
                let fault = asked.fault(&reply);
                let mut answered = answered.lock().expect("no caller panics");
                answered.push_back(replies);
                let oldest = (answered.len() > KEPT).then(|| answered.pop_front());
                return fault.or_else(|| second_answers(&mut oldest??));
            }
            Err(_) => {}
        }
    }
    Some(format!("no reply in {DEADLINE:?}"))
}

#[tokio::test]
async fn restarts_of_the_server_cost_no_call_and_double_no_answer() {
    let tally = Arc::new(Tally::of("restarts of the server"));
    let mut server = Server::start().await;
    let workers = [
        Worker::start(&server, MODEL).await,
        Worker::start(&server, MODEL).await,
    ];
    let caller = Arc::new(Caller::connect(&server).await);
    let known = Arc::new(Known::learn(&caller).await);
    let answered = Arc::new(Answered::default());
    let (calls, restarts) = (size(10_000), size(20));
    let left = Arc::new(AtomicUsize::new(calls));
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (caller, known, tally) = (Arc::clone(&caller), Arc::clone(&known), Arc::clone(&tally));
        let (answered, left) = (Arc::clone(&answered), Arc::clone(&left));
        callers.spawn(async move {
            let take =
                || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
            while take().is_ok() {
                tally.note(call(&caller, &known, &answered).await);
            }
        });
    }
    for restart in 1..=restarts {
        // Spread over the calls, the last of them before the end.
        let due = (calls * restart / (restarts + 1)) as u64;
        while tally.operations() < due {
            tokio::task::yield_now().await;
        }
        if restart % 2 == 0 {
            server.stop().await;
        } else {
            server.kill().await;
        }
        server.start_again().await;
    }
    callers.join_all().await;
    for worker in workers {
        worker.stop().await;
    }
    // All that workers sent has been sent, and read by the server.
    caller.round_trip().await;
    for answered in answered.lock().expect("no caller panics").iter_mut() {
        if let Some(fault) = second_answers(answered) {
            tally.fail(&fault);
        }
    }
    tally.report();
}
