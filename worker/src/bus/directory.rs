//! Endpoints by name: for discovery, and for calls to this one instance.

use std::sync::Arc;
use std::time::SystemTime;

use async_nats::{Client, Message};
use futures_util::StreamExt as _;
use futures_util::stream::select_all;
use tokio::sync::Notify;
use tokio_util::task::AbortOnDropHandle;

use super::cancel::Cancels;
use super::connect::Error;
use super::endpoint::{Endpoint, header};
use super::intake::{Intake, Stop};
use super::service::{self, Described, Identity, Metadata, Verb};
use super::worker::{spawn, subscribe};
use crate::config::Config;
use crate::roster::Slot;
use crate::telemetry::health::Health;
use crate::wire::call::Call;
use crate::wire::{self, ErrorCode, protocol};

/// Operation and model of what nobody here serves, in metrics and logs.
const NOT_SERVED: &str = "";

/// What is served here, by name.
#[derive(Clone)]
pub(super) struct Directory {
    pub(super) config: Config,
    pub(super) endpoints: Vec<Arc<Endpoint>>,
    pub(super) health: Arc<Health>,
    pub(super) lost: Arc<Notify>,
}

impl Directory {
    /// Answers discovery until it is aborted: also while draining, when
    /// operators want to see it most.
    pub(super) async fn discovery(
        &self,
        client: &Client,
        instance: &str,
    ) -> Result<AbortOnDropHandle<()>, Error> {
        let mut streams = Vec::new();
        for verb in Verb::ALL {
            for subject in verb.subjects(instance) {
                let subscriber = subscribe(client, subject).await?;
                streams.push(subscriber.map(move |message| (verb, message)).boxed());
            }
        }
        let mut asked = select_all(streams);
        let directory = self.clone();
        let identity = Identity {
            instance: instance.to_owned(),
            metadata: Metadata::from([
                ("subject_prefix", self.config.service.subject_prefix.clone()),
                ("subject_root", self.config.subject(protocol::SUBJECT_ROOT)),
                ("control_root", self.config.subject(protocol::CONTROL_ROOT)),
            ]),
            started: service::rfc3339(SystemTime::now()),
        };
        Ok(spawn(async move {
            while let Some((verb, message)) = asked.next().await {
                let Some(shared) = directory.endpoints.first().map(|endpoint| &endpoint.shared)
                else {
                    return;
                };
                if let Some(to) = shared.reply_subject(&message) {
                    let endpoints = directory.describe();
                    shared
                        .outbox
                        .json(to, service::document(verb, &identity, &endpoints))
                        .await;
                }
            }
        }))
    }

    /// Answers calls to this instance alone, outside the queue group; `root`
    /// stands before operation and model.
    pub(super) async fn targeted(
        &self,
        calls: Intake,
        root: String,
        stopped: Stop,
    ) -> Result<AbortOnDropHandle<()>, Error> {
        let subscription = calls.subscribe().await?;
        let directory = self.clone();
        Ok(spawn(async move {
            let take = |message: Message| async {
                let asked = message
                    .subject
                    .strip_prefix(&root)
                    .and_then(|tail| tail.split_once('.'));
                let endpoint = directory.open().find(|endpoint| {
                    asked.is_some_and(|(op, target)| {
                        op == endpoint.op() && target == endpoint.target()
                    })
                });
                match endpoint {
                    Some(endpoint) => endpoint.take(message).await,
                    None => directory.not_found(message).await,
                }
            };
            if calls.run(subscription, stopped, take).await.is_err() {
                directory.lost.notify_one();
            }
        }))
    }

    /// Hears what callers give up, of all workers' requests.
    pub(super) async fn cancels(
        &self,
        words: Intake,
        slots: &Arc<[Arc<Slot>]>,
        stopped: Stop,
    ) -> Result<AbortOnDropHandle<()>, Error> {
        let subscription = words.subscribe().await?;
        let lost = Arc::clone(&self.lost);
        let shared = self.endpoints.first().map(|endpoint| &endpoint.shared);
        let cancels = shared.map(|shared| Cancels {
            shared: Arc::clone(shared),
            slots: Arc::clone(slots),
        });
        Ok(spawn(async move {
            let Some(cancels) = cancels else { return };
            let take = |message| cancels.take(message);
            if words.run(subscription, stopped, take).await.is_err() {
                lost.notify_one();
            }
        }))
    }

    async fn not_found(&self, message: Message) {
        let Some(shared) = self.endpoints.first().map(|endpoint| &endpoint.shared) else {
            return;
        };
        let Some(to) = shared.reply_subject(&message) else {
            return;
        };
        let headers = message.headers.as_ref();
        let (Ok(call) | Err((_, call))) =
            Call::read(|name| header(headers, name), &message.payload);
        let error = wire::Error::new(
            ErrorCode::ModelNotFound,
            "this instance does not serve that operation and model",
        );
        shared.outbox.refusal(to, &call, &error).await;
        // What was asked for is the caller's word: a label of it would have no bound.
        shared
            .metrics
            .answered(NOT_SERVED, NOT_SERVED, error.code.name());
        shared.failures.note(NOT_SERVED, NOT_SERVED, &error);
    }

    /// What can be asked for now.
    fn open(&self) -> impl Iterator<Item = &Arc<Endpoint>> {
        self.endpoints
            .iter()
            .filter(|endpoint| endpoint.slot.is_open())
    }

    fn describe(&self) -> Vec<Described> {
        self.open()
            .map(|endpoint| {
                let slot = &endpoint.slot;
                let (facts, op, target) = (slot.facts(), endpoint.op(), endpoint.target());
                let (load, pipeline) = (slot.load(), slot.pipeline());
                let wait_ms = |percent| {
                    let waits = pipeline.as_ref().map(|model| model.waits());
                    let wait = waits.map(|waits| waits.percentile(percent));
                    wait.unwrap_or_default().as_secs_f64() * 1e3
                };
                Described {
                    name: format!("{op}_{target}"),
                    subject: self
                        .config
                        .subject(&format!("{}.{op}.{target}", protocol::SUBJECT_ROOT)),
                    queue_group: self.config.service.queue_group.clone(),
                    metadata: Metadata::from([
                        ("op", op.to_owned()),
                        ("model", facts.name.clone()),
                        ("space", facts.usual_space()),
                        ("dimensions", facts.dimensions().unwrap_or(0).to_string()),
                        ("max_tokens", facts.max_tokens.to_string()),
                        ("pooling", facts.pooling_name()),
                        ("batch_invariant", facts.batch_invariant.to_string()),
                        ("executors", facts.executors.to_string()),
                        ("threads", facts.threads.to_string()),
                        ("license", facts.license.clone()),
                        ("source", facts.source.clone()),
                    ]),
                    counters: endpoint.counters.clone(),
                    data: serde_json::json!({
                        "state": self.health.word(),
                        "in_flight": endpoint.shared.tasks.len(),
                        "queue_requests": load.requests,
                        "queue_tokens": load.tokens,
                        "tokens_per_second": slot.tokens_per_second().round(),
                        "wait_p50_ms": wait_ms(50),
                        "wait_p99_ms": wait_ms(99),
                        "model": slot.state(),
                    }),
                }
            })
            .collect()
    }
}
