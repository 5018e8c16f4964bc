//! A worker on the bus: its subscriptions, and how it leaves.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use async_nats::connection::State;
use async_nats::{Client, Message, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::select_all;
use tokio::sync::{Notify, watch};
use tokio_util::task::AbortOnDropHandle;

use super::cancel::Cancels;
use super::connect::{Connection, Error};
use super::endpoint::{Endpoint, Operation, Shared, header};
use super::guard::Guard;
use super::intake::{Intake, Stop};
use super::outbox::Outbox;
use super::service::{self, Counters, Described, Identity, Metadata, Verb};
use crate::batch::Pipeline;
use crate::config::Config;
use crate::models::Op;
use crate::telemetry::health::Health;
use crate::telemetry::metrics::Metrics;
use crate::wire::call::Call;
use crate::wire::{self, ErrorCode, protocol};

/// How long the server may take to read what was sent.
const ROUND_TRIP_TIMEOUT: Duration = Duration::from_secs(5);

/// How often the state of the connection is looked at.
const PULSE: Duration = Duration::from_millis(250);

/// Operation and model of what nobody here serves, in metrics and logs.
const NOT_SERVED: &str = "";

/// Everything that one worker does on the bus.
pub struct Worker {
    client: Client,
    shared: Arc<Shared>,
    stop: watch::Sender<Option<Duration>>,
    intakes: Vec<AbortOnDropHandle<()>>,
    discovery: AbortOnDropHandle<()>,
    cancels: AbortOnDropHandle<()>,
    /// Cancels are heard until all is answered, and so never told to stop.
    _hearing: watch::Sender<Option<Duration>>,
    pulse: AbortOnDropHandle<()>,
    /// Rings when a subscription ends by itself.
    lost: Arc<Notify>,
}

impl Worker {
    /// Subscribes to the calls of all models and to discovery. On return the
    /// server knows every subscription.
    ///
    /// # Errors
    /// [`Error::Subscribe`].
    pub async fn start(
        connection: Connection,
        config: &Config,
        instance: &str,
        pipelines: &[Arc<Pipeline>],
        health: Arc<Health>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, Error> {
        let Connection { client, line } = connection;
        let outbox = Outbox::new(client.clone(), instance.to_owned());
        let guard = Guard::new(
            &config.service.reply_prefixes,
            &config.service.subject_prefix,
        );
        let shared = Shared::new(outbox, guard, metrics, instance.to_owned());
        let endpoints: Vec<Arc<Endpoint>> = pipelines
            .iter()
            .flat_map(|pipeline| {
                // A model of dense vectors orders documents unless a model made for
                // it has its name.
                let name = &pipeline.facts().name;
                let reranks = |other: &Arc<Pipeline>| {
                    other.facts().op == Op::Rerank && other.facts().name == *name
                };
                let taken = pipelines.iter().any(reranks);
                let is_own = move |op: &Op| *op == pipeline.facts().op || !taken;
                let ops = pipeline.facts().ops().into_iter().filter(is_own);
                let both = |op| [Operation::Call(op), Operation::Info(op)];
                ops.flat_map(both)
                    .map(move |operation| (operation, pipeline))
            })
            .map(|(operation, pipeline)| {
                Arc::new(Endpoint {
                    operation,
                    pipeline: Arc::clone(pipeline),
                    counters: Counters::default(),
                    shared: Arc::clone(&shared),
                })
            })
            .collect();
        let (stop, stopped) = watch::channel(None);
        let directory = Directory {
            config: config.clone(),
            endpoints: endpoints.clone(),
            health,
            lost: Arc::default(),
        };

        let pulse = spawn(pulse(client.clone(), Arc::clone(&directory.health)));
        let discovery = directory.discovery(&client, instance).await?;
        let intake = |subject, group| Intake {
            client: client.clone(),
            line: Arc::clone(&line),
            subject,
            group,
        };
        let (hearing, unheard) = watch::channel(None);
        let cancels = intake(config.subject(protocol::CANCEL_SUBJECT), None);
        let cancels = directory.cancels(cancels, pipelines, unheard).await?;
        let root = config.subject(&format!("{}.{instance}.", protocol::INSTANCE_ROOT));
        let targeted = intake(format!("{root}>"), None);
        let mut intakes = vec![directory.targeted(targeted, root, stopped.clone()).await?];
        for endpoint in endpoints {
            let subject = config.subject(&format!(
                "{}.{}.{}",
                protocol::SUBJECT_ROOT,
                endpoint.op(),
                endpoint.target()
            ));
            let calls = intake(subject, Some(config.service.queue_group.clone()));
            let subscription = calls.subscribe().await?;
            let (stopped, lost) = (stopped.clone(), Arc::clone(&directory.lost));
            intakes.push(spawn(async move {
                let take = |message| endpoint.take(message);
                if calls.run(subscription, stopped, take).await.is_err() {
                    lost.notify_one();
                }
            }));
        }
        let worker = Self {
            client,
            shared,
            stop,
            intakes,
            discovery,
            cancels,
            _hearing: hearing,
            pulse,
            lost: Arc::clone(&directory.lost),
        };
        round_trip(&worker.client).await;
        // The library's own event comes through a task, at times after this.
        let connected = worker.client.connection_state() == State::Connected;
        directory.health.set_connected(connected);
        Ok(worker)
    }

    /// Returns when the client library has given up the connection for good.
    pub async fn lost(&self) {
        self.lost.notified().await;
    }

    /// Leaves without a word: nobody would hear it. What is in flight is computed,
    /// and its answers go nowhere.
    pub fn abandon(self) {
        let intakes = self.intakes.iter();
        for task in intakes.chain([&self.discovery, &self.cancels, &self.pulse]) {
            task.abort();
        }
    }

    /// Leaves the queue group, answers what was admitted, and closes, within
    /// `deadline`. Gives the number of requests left unanswered.
    pub async fn drain(self, deadline: Duration) -> usize {
        let deadline = tokio::time::Instant::now() + deadline;
        let is_connected = self.client.connection_state() == State::Connected;
        let round_trip_time = match is_connected {
            true => round_trip(&self.client).await,
            false => None,
        };
        // Nobody fails to hear this: every intake holds a receiver.
        let _ = self.stop.send(Some(round_trip_time.unwrap_or_default()));
        for intake in self.intakes {
            let _ = tokio::time::timeout_at(deadline, intake).await;
        }
        self.shared.tasks.close();
        let _ = tokio::time::timeout_at(deadline, self.shared.tasks.wait()).await;
        self.discovery.abort();
        self.cancels.abort();
        self.pulse.abort();
        round_trip(&self.client).await;
        // While the server is away the client may take no commands.
        let _ = tokio::time::timeout(ROUND_TRIP_TIMEOUT, self.client.drain()).await;
        self.shared.tasks.len()
    }
}

/// Waits until the server has read all that was sent before, by a message to
/// ourselves. The library's `flush` ends when bytes have left, at times before
/// all have, and says nothing of the server.
///
/// Gives how long that took, unless it never came back.
async fn round_trip(client: &Client) -> Option<Duration> {
    let asked = Instant::now();
    let trip = async {
        let inbox = client.new_inbox();
        let mut echo = client.subscribe(inbox.clone()).await.ok()?;
        client.publish(inbox, Bytes::new()).await.ok()?;
        echo.next().await
    };
    let came_back = tokio::time::timeout(ROUND_TRIP_TIMEOUT, trip).await;
    if !matches!(came_back, Ok(Some(_))) {
        tracing::warn!("a message to ourselves did not come back; see nats.inbox_prefix");
        return None;
    }
    Some(asked.elapsed())
}

/// Tells health whether there is a connection. The client's events do so too,
/// but it drops events when many come at once.
async fn pulse(client: Client, health: Arc<Health>) {
    let mut ticks = tokio::time::interval(PULSE);
    loop {
        ticks.tick().await;
        health.set_connected(client.connection_state() == State::Connected);
    }
}

/// Endpoints by name: for discovery, and for calls to this one instance.
#[derive(Clone)]
struct Directory {
    config: Config,
    endpoints: Vec<Arc<Endpoint>>,
    health: Arc<Health>,
    lost: Arc<Notify>,
}

impl Directory {
    /// Answers discovery until it is aborted: also while draining, when
    /// operators want to see it most.
    async fn discovery(
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
    async fn targeted(
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
                let endpoint = directory.endpoints.iter().find(|endpoint| {
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
    async fn cancels(
        &self,
        words: Intake,
        pipelines: &[Arc<Pipeline>],
        stopped: Stop,
    ) -> Result<AbortOnDropHandle<()>, Error> {
        let subscription = words.subscribe().await?;
        let lost = Arc::clone(&self.lost);
        let shared = self.endpoints.first().map(|endpoint| &endpoint.shared);
        let cancels = shared.map(|shared| Cancels {
            shared: Arc::clone(shared),
            pipelines: pipelines.to_vec(),
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

    fn describe(&self) -> Vec<Described> {
        self.endpoints
            .iter()
            .map(|endpoint| {
                let (facts, op, target) =
                    (endpoint.pipeline.facts(), endpoint.op(), endpoint.target());
                let load = endpoint.pipeline.load();
                let waits = endpoint.pipeline.waits();
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
                        "tokens_per_second": endpoint.pipeline.tokens_per_second().round(),
                        "wait_p50_ms": waits.percentile(50).as_secs_f64() * 1e3,
                        "wait_p99_ms": waits.percentile(99).as_secs_f64() * 1e3,
                    }),
                }
            })
            .collect()
    }
}

/// A task that ends with its worker, also with one that did not come about.
fn spawn(task: impl Future<Output = ()> + Send + 'static) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(task))
}

async fn subscribe(client: &Client, subject: String) -> Result<Subscriber, Error> {
    client
        .subscribe(subject.clone())
        .await
        .map_err(|fault| Error::Subscribe {
            subject,
            reason: fault.to_string(),
        })
}
