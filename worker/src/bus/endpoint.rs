//! One endpoint: an operation on a model, answered and counted.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::{HeaderMap, Message, Subject};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::attempts::Attempts;
use super::guard::Guard;
use super::outbox::Outbox;
use super::service::Counters;
use super::unadmitted::Unadmitted;
use crate::batch::Request;
use crate::batch::admission::Ticket;
use crate::batch::objects::Store;
use crate::models::Op;
use crate::roster::{Hand, Slot};
use crate::telemetry::logs::Failures;
use crate::telemetry::metrics::Metrics;
use crate::wire::call::Call;
use crate::wire::cancel::AttemptId;
use crate::wire::info::{ImageLimits, InfoReply, InfoRequest, Limits};
use crate::wire::joint::Kind;
use crate::wire::reply::{self, Responder, Room};
use crate::wire::{Error, ErrorCode, protocol};

/// Pause before the first sign of life and between later ones.
const ALIVE_INTERVAL: Duration = Duration::from_millis(protocol::ALIVE_INTERVAL_MS);

/// What all endpoints of a worker share.
pub(super) struct Shared {
    pub(super) outbox: Outbox,
    pub(super) guard: Guard,
    pub(super) metrics: Arc<Metrics>,
    pub(super) failures: Failures,
    pub(super) instance: String,
    pub(super) attempts: Arc<Attempts>,
    /// Where objects that requests name are read, if any are.
    pub(super) store: Option<Arc<dyn Store>>,
    /// A task for each request that was taken and is not yet answered, but for what is
    /// just being given outside of admission.
    pub(super) tasks: TaskTracker,
    unadmitted: Unadmitted,
}

impl Shared {
    pub(super) fn new(
        outbox: Outbox,
        guard: Guard,
        metrics: Arc<Metrics>,
        instance: String,
        store: Option<Arc<dyn Store>>,
    ) -> Arc<Self> {
        let tasks = TaskTracker::new();
        Arc::new(Self {
            outbox,
            guard,
            metrics,
            failures: Failures::default(),
            instance,
            attempts: Arc::default(),
            store,
            unadmitted: Unadmitted::among(tasks.clone()),
            tasks,
        })
    }
}

/// What answers a request, and what is to be held until that is sent.
type Bodies = (Vec<Vec<u8>>, (Ticket, Hand));

/// What an endpoint does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// What a model is asked for.
    Call(Op),
    /// Facts of a model under one operation.
    Info(Op),
}

/// An operation on one model.
pub(super) struct Endpoint {
    pub(super) operation: Operation,
    pub(super) slot: Arc<Slot>,
    pub(super) counters: Counters,
    pub(super) shared: Arc<Shared>,
}

impl Endpoint {
    /// The token of its operation on subjects.
    pub(super) fn op(&self) -> &'static str {
        match self.operation {
            Operation::Call(op) => op.as_str(),
            Operation::Info(_) => protocol::OP_INFO,
        }
    }

    /// The last token of its subject.
    pub(super) fn target(&self) -> String {
        let name = self.slot.facts().name.clone();
        match self.operation {
            Operation::Call(_) => name,
            Operation::Info(op) => format!("{op}_{name}"),
        }
    }

    /// Takes one request: decides at once whether it is admitted, and leaves what is to
    /// a task of its own; a refusal or the model's facts are given here.
    pub(super) async fn take(self: &Arc<Self>, message: Message) {
        let received = Instant::now();
        let Some(to) = self.shared.reply_subject(&message) else {
            return;
        };
        let headers = message.headers.as_ref();
        let call = match Call::read(|name| header(headers, name), &message.payload) {
            Ok(call) => call,
            Err((error, call)) => return self.give(to, call, Err(error), received).await,
        };
        match self.operation {
            Operation::Info(op) => {
                let answer = self.info(op, &call, &message.payload);
                self.give(to, call, answer.map(|body| vec![body]), received)
                    .await;
            }
            Operation::Call(op) => {
                let room = Room::within(self.shared.outbox.max_payload());
                let id = header(headers, protocol::HEADER_ATTEMPT_ID).and_then(AttemptId::parse);
                let attempt = self.shared.attempts.enter(id, received);
                let cancelled = attempt.cancelled();
                let submitted = self.slot.submit(Request {
                    op,
                    call,
                    room,
                    body: message.payload,
                    received,
                    cancelled,
                    store: self.shared.store.clone(),
                });
                match submitted {
                    Ok(answer) => {
                        let endpoint = Arc::clone(self);
                        // Admission bounds these.
                        let bodies = async move {
                            let _until_computed = attempt;
                            let served = answer.await?;
                            let responder = Responder {
                                model: &served.facts.name,
                                instance: &endpoint.shared.instance,
                            };
                            let bodies = reply::write(&served.answer, &call, room, responder)?;
                            Ok((bodies, served.until_sent))
                        };
                        self.reply(to, call, received, bodies.boxed());
                    }
                    Err(error) => self.give(to, call, Err(error), received).await,
                }
            }
        }
    }

    fn info(&self, op: Op, call: &Call, body: &[u8]) -> Result<Vec<u8>, Error> {
        if !body.is_empty() {
            let InfoRequest {} = call.format.decode(body)?;
        }
        let facts = self.slot.facts();
        let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let weighs = op == Op::Sparse && facts.weighs_queries;
        let reads_objects = op == Op::Image && self.shared.store.is_some();
        // A model of another operation has vectors to compare, and no scores.
        let scores = if facts.op == Op::Rerank {
            protocol::SCORE_KIND_SIGMOID
        } else {
            protocol::SCORE_KIND_COSINE
        };
        call.format.encode(&InfoReply {
            op: op.to_string(),
            model: facts.name.clone(),
            space: facts.usual_space(),
            instance: self.shared.instance.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            dimensions: small(facts.dimensions().unwrap_or(0)),
            max_tokens: small(facts.max_tokens),
            pooling: facts.pooling_name(),
            normalized: facts.normalizes,
            encodings: encodings(op).iter().copied().map(str::to_owned).collect(),
            features: [protocol::ACCEPT_PARTS, protocol::ACCEPT_ALIVE]
                .into_iter()
                .chain(weighs.then_some(protocol::FEATURE_QUERY))
                .chain(reads_objects.then_some(protocol::FEATURE_OBJECTS))
                .map(str::to_owned)
                .collect(),
            prompts: facts.prompts.names().map(str::to_owned).collect(),
            matryoshka: facts.matryoshka.iter().copied().map(small).collect(),
            aliases: facts.aliases.clone(),
            license: facts.license.clone(),
            source: facts.source.clone(),
            limits: Limits::default(),
            outputs: if op == Op::Joint {
                Kind::ALL.to_vec()
            } else {
                Vec::new()
            },
            score_kind: (op == Op::Rerank).then(|| scores.to_owned()),
            images: (op == Op::Image).then(ImageLimits::default),
        })
    }

    /// Answers from a task of its own.
    fn reply(
        self: &Arc<Self>,
        to: Subject,
        call: Call,
        received: Instant,
        bodies: BoxFuture<'static, Result<Bodies, Error>>,
    ) {
        let endpoint = Arc::clone(self);
        self.shared.tasks.spawn(async move {
            let shared = &endpoint.shared;
            let bodies = shared.with_signs_of_life(&to, &call, bodies).await;
            let (answer, _held_until_sent) = match bodies {
                Ok((bodies, held)) => (Ok(bodies), Some(held)),
                Err(error) => (Err(error), None),
            };
            endpoint.send(to, call, answer, received).await;
        });
    }

    /// Answers at once, outside of admission.
    async fn give(
        self: &Arc<Self>,
        to: Subject,
        call: Call,
        answer: Result<Vec<Vec<u8>>, Error>,
        received: Instant,
    ) {
        let endpoint = Arc::clone(self);
        let sent = async move { endpoint.send(to, call, answer, received).await };
        self.shared.unadmitted.give(sent.boxed()).await;
    }

    /// Sends the bodies of an answer, or a refusal; the request counts once, however
    /// many messages answer it.
    async fn send(
        &self,
        to: Subject,
        call: Call,
        answer: Result<Vec<Vec<u8>>, Error>,
        received: Instant,
    ) {
        let outbox = &self.shared.outbox;
        let error = match answer {
            Ok(bodies) => (!outbox.result(to, &call, bodies).await)
                .then(|| Error::new(ErrorCode::Internal, "the reply could not be sent")),
            Err(error) => {
                outbox.refusal(to, &call, &error).await;
                Some(error)
            }
        };
        self.answered(error.as_ref(), received.elapsed());
    }

    fn answered(&self, error: Option<&Error>, elapsed: Duration) {
        let facts = self.slot.facts();
        let model = &facts.name;
        let code = error.map_or("ok", |error| error.code.name());
        self.shared.metrics.answered(self.op(), model, code);
        // A caller who gives up is no fault of anybody.
        let fault = error.filter(|error| error.code != ErrorCode::Cancelled);
        self.counters.answered(fault, elapsed);
        if let Some(error) = fault {
            self.shared.failures.note(self.op(), model, error);
        }
    }
}

impl Shared {
    /// Waits for the bodies; tells a caller who wants to know, each second, that
    /// the worker lives.
    pub(super) async fn with_signs_of_life<T>(
        &self,
        to: &Subject,
        call: &Call,
        mut bodies: BoxFuture<'_, T>,
    ) -> T {
        if !call.alive {
            return bodies.await;
        }
        loop {
            match timeout(ALIVE_INTERVAL, &mut bodies).await {
                Ok(done) => return done,
                Err(_elapsed) => self.outbox.alive(to.clone(), call).await,
            }
        }
    }

    /// The subject to answer on; a request without an allowed one is dropped,
    /// counted, and named once in the log.
    pub(super) fn reply_subject(&self, message: &Message) -> Option<Subject> {
        let to = message.reply.clone();
        if to.as_ref().is_some_and(|to| self.guard.allows(to)) {
            return to;
        }
        self.metrics.refused_reply();
        let subject = to.as_deref().unwrap_or("none");
        if let Some(prefix) = self.guard.first_refusal(subject) {
            tracing::warn!(
                prefix,
                "a reply subject is not allowed; such requests are dropped"
            );
        }
        None
    }
}

/// How the vectors of an operation may be packed, where there is a choice.
fn encodings(op: Op) -> &'static [&'static str] {
    match op {
        Op::Text | Op::Image => protocol::ENCODINGS,
        Op::Sparse | Op::Rerank | Op::Joint => &[],
    }
}

/// A header by its name in any case: names are case-sensitive on the wire, and
/// proxies are known to change them.
pub(super) fn header<'h>(headers: Option<&'h HeaderMap>, name: &str) -> Option<&'h str> {
    let headers = headers?;
    let exact = headers.get(name);
    let found = exact.or_else(|| {
        let (_, values) = headers
            .iter()
            .find(|(key, _)| AsRef::<str>::as_ref(*key).eq_ignore_ascii_case(name))?;
        values.first()
    });
    found.map(|value| value.as_str())
}
