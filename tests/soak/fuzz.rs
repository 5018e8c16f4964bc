//! Hostile bytes at every subject of a worker: each request gets one typed
//! answer, the worker lives on, and its memory does not grow.

use std::collections::{BTreeMap, HashMap};

use async_nats::Subscriber;
use futures_util::{FutureExt as _, StreamExt as _};
use serde_json::json;

use crate::answer::{self, Expected};
use crate::harness::{Ask, Caller, Reply, Worker, within};
use crate::hostile::Vectors;
use crate::{Tally, number, request, size};

/// The fake model takes almost all: what is hostile are bytes, and it reads
/// them as the real one does, at a hundred times its pace. One request in a
/// hundred goes to the real tokenizer and the real model.
const MODELS: &str = "[runtime]\nexecutors = 1\n\
    [[models]]\nname = 'Fake'\nkind = 'fake'\nmax_length = 32\n\
    [[models]]\nname = 'AllMiniLML6V2'\n";

/// Requests under way at once.
const AT_ONCE: usize = 256;

/// Growth of memory that passes, after over before.
const MAX_GROWTH: f64 = 1.2;

/// Every answer comes to a subject of its own below this one.
const INBOX: &str = "_INBOX.client.hostile";

/// Requests on their way, their answers, and what came of them.
struct Barrage<'a> {
    caller: &'a Caller,
    answers: Subscriber,
    outstanding: HashMap<u64, Expected>,
    vectors: &'a Vectors,
    instance: String,
    sent: u64,
    by_code: BTreeMap<&'static str, u64>,
    tally: &'a Tally,
}

impl Barrage<'_> {
    /// Sends requests up to number `last`, and waits for all their answers.
    async fn go_on_to(&mut self, last: u64) {
        while self.sent < last || !self.outstanding.is_empty() {
            while self.sent < last && self.outstanding.len() < AT_ONCE {
                self.send().await;
            }
            self.receive().await;
        }
    }

    async fn send(&mut self) {
        let (n, ask) = (
            self.sent,
            request::hostile(self.sent, self.vectors, &self.instance),
        );
        self.outstanding.insert(n, Expected::of(&ask));
        self.caller.publish(ask, &format!("{INBOX}.{n}")).await;
        self.sent += 1;
    }

    async fn receive(&mut self) {
        let missing = format!("answers to {:?}", self.outstanding.keys());
        let message = within(&missing, self.answers.next()).await;
        self.take(message.expect("an open subscription"));
    }

    fn take(&mut self, message: async_nats::Message) {
        let n = number(&message);
        let reply = Reply::from(message);
        let Some(expected) = self.outstanding.get_mut(&n) else {
            let fault = format!("request {n} was answered once more: {reply}");
            return self.tally.fail(&fault);
        };
        match expected.take(&reply) {
            Ok(None) => {}
            Ok(Some(code)) => {
                self.outstanding.remove(&n);
                *self.by_code.entry(code).or_default() += 1;
                self.tally.note(None);
            }
            Err(fault) => {
                self.outstanding.remove(&n);
                self.tally
                    .note(Some(format!("request {n}: {fault}: {reply}")));
            }
        }
    }

    /// What comes now answers nothing that is still open.
    async fn nothing_more_comes(&mut self) {
        self.caller.round_trip().await;
        while let Some(Some(message)) = self.answers.next().now_or_never() {
            self.take(message);
        }
    }

    /// The share of each code, which must be what a barrage is for.
    fn report(&self) {
        let total = self.by_code.values().sum::<u64>() as f64;
        let share = |code: &str| self.by_code.get(code).copied().unwrap_or(0) as f64 / total;
        for code in self.by_code.keys() {
            println!("  {code}: {:.2} %", 100.0 * share(code));
        }
        assert!(share(answer::VECTORS) >= 0.1, "most were refused");
        for code in [
            answer::FACTS,
            "invalid_request",
            "model_not_found",
            "payload_too_large",
            "unsupported_media_type",
            "input_too_long",
        ] {
            assert!(share(code) > 0.0, "{code} does not occur");
        }
        assert_eq!(share("internal"), 0.0);
    }
}

/// Shapes of work as large as any that hostile requests bring: the real model's
/// memory keeps the largest it has seen.
async fn warm_up(caller: &Caller) {
    let long = "many words make a long text ".repeat(100);
    for count in [1, 8, 64] {
        let ask = Ask::texts("AllMiniLML6V2", &vec![&long; count]);
        caller.call(ask).await.vectors();
    }
}

#[tokio::test]
async fn every_hostile_request_gets_one_typed_answer_and_costs_no_memory() {
    let tally = Tally::of("hostile requests");
    let vectors = Vectors::read();
    let (server, worker) = Worker::with_server(MODELS).await;
    let caller = Caller::connect(&server).await;
    let answers = caller.client.subscribe(format!("{INBOX}.*")).await;
    warm_up(&caller).await;
    let mut barrage = Barrage {
        caller: &caller,
        answers: answers.expect("an open connection"),
        outstanding: HashMap::new(),
        vectors: &vectors,
        instance: worker.instance.clone(),
        sent: 0,
        by_code: BTreeMap::new(),
        tally: &tally,
    };
    let requests = size(1_000_000) as u64;
    barrage.go_on_to(requests / 10).await;
    let before = worker.resident_bytes().await;
    barrage.go_on_to(requests).await;
    let after = worker.resident_bytes().await;

    let good = caller.call(Ask::text("Fake").json(&json!({"inputs": ["good"]})));
    assert_eq!(good.await.value()["tokens"], json!([3]));
    assert_eq!(worker.metric("fastembed_bus_drops_total").await, 0.0);
    worker.stop().await;
    barrage.nothing_more_comes().await;
    tally.report();
    barrage.report();
    let growth = after as f64 / before as f64;
    println!("  memory: {before} bytes, then {after}: {growth:.3}");
    assert!(growth <= MAX_GROWTH);
}
