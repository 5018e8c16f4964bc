//! A worker on the bus: its subscriptions, and how it leaves.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::connection::State;
use async_nats::{Client, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::admin::Admin;
use super::connect::{Connection, Error};
use super::directory::Directory;
use super::endpoint::{Endpoint, Operation, Shared};
use super::guard::Guard;
use super::intake::{Intake, Stop};
use super::objects::Objects;
use super::outbox::Outbox;
use super::post::{Offer, Post};
use super::service::Counters;
use crate::config::Config;
use crate::models::Op;
use crate::roster::{Roster, Slot};
use crate::telemetry::health::Health;
use crate::telemetry::metrics::Metrics;
use crate::wire::protocol;

/// How long the server may take to read what was sent.
const ROUND_TRIP_TIMEOUT: Duration = Duration::from_secs(5);

/// How often the state of the connection is looked at.
const PULSE: Duration = Duration::from_millis(250);

/// Everything that one worker does on the bus.
pub struct Worker {
    client: Client,
    shared: Arc<Shared>,
    stop: watch::Sender<Option<Duration>>,
    posts: Arc<[Post]>,
    /// What is not of one model.
    intakes: Vec<AbortOnDropHandle<()>>,
    discovery: AbortOnDropHandle<()>,
    cancels: AbortOnDropHandle<()>,
    /// Cancels are heard until all is answered, and so never told to stop.
    _hearing: watch::Sender<Option<Duration>>,
    pulse: AbortOnDropHandle<()>,
    /// Rings when a subscription ends by itself.
    lost: Arc<Notify>,
    /// Fires when operators are not obeyed any more.
    stopping: CancellationToken,
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
        roster: &Arc<Roster>,
        health: Arc<Health>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, Error> {
        let Connection { client, line } = connection;
        let outbox = Outbox::new(client.clone(), instance.to_owned());
        let guard = Guard::new(
            &config.service.reply_prefixes,
            &config.service.subject_prefix,
        );
        let store = Objects::of(&client, &config.objects);
        let shared = Shared::new(outbox, guard, metrics, instance.to_owned(), store);
        let endpoints = endpoints(roster.slots(), &shared);
        let (stop, stopped) = watch::channel(None);
        let lost = Arc::<Notify>::default();
        let directory = Directory {
            config: config.clone(),
            endpoints: endpoints.clone(),
            health,
            lost: Arc::clone(&lost),
        };
        let intake = |subject, group| Intake {
            client: client.clone(),
            line: Arc::clone(&line),
            subject,
            group,
        };
        let posts: Arc<[Post]> = roster
            .slots()
            .iter()
            .map(|slot| {
                let own = |endpoint: &&Arc<Endpoint>| Arc::ptr_eq(&endpoint.slot, slot);
                let offered = endpoints.iter().filter(own).map(|endpoint| {
                    let (root, op) = (protocol::SUBJECT_ROOT, endpoint.op());
                    let subject = config.subject(&format!("{root}.{op}.{}", endpoint.target()));
                    let calls = intake(subject, Some(config.service.queue_group.clone()));
                    (Arc::new(calls), Arc::clone(endpoint))
                });
                Post::new(Arc::clone(slot), offered.collect(), Arc::clone(&lost))
            })
            .collect();

        let pulse = spawn(pulse(client.clone(), Arc::clone(&directory.health)));
        let discovery = directory.discovery(&client, instance).await?;
        let (hearing, unheard) = watch::channel(None);
        let cancels = intake(config.subject(protocol::CANCEL_SUBJECT), None);
        let cancels = directory.cancels(cancels, roster.slots(), unheard).await?;
        let root = config.subject(&format!("{}.{instance}.", protocol::INSTANCE_ROOT));
        let targeted = intake(format!("{root}>"), None);
        let mut intakes = vec![directory.targeted(targeted, root, stopped.clone()).await?];
        for post in posts.iter().filter(|post| post.slot.is_open()) {
            post.join().await?;
        }
        // After those: a command must not find a model that is yet to be offered.
        let stopping = CancellationToken::new();
        if config.service.admin {
            let commands = intake(config.subject(&format!("{}.*", protocol::ADMIN_ROOT)), None);
            let admin = Admin::new(
                client.clone(),
                Arc::clone(&shared),
                Arc::clone(roster),
                Arc::clone(&posts),
                stopping.clone(),
            );
            intakes.push(obey(commands, admin, stopped, Arc::clone(&lost)).await?);
        }
        let worker = Self {
            client,
            shared,
            stop,
            posts,
            intakes,
            discovery,
            cancels,
            _hearing: hearing,
            pulse,
            lost,
            stopping,
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
        self.stopping.cancel();
        self.posts.iter().for_each(|post| drop(post.close()));
        let intakes = self.intakes.iter();
        for task in intakes.chain([&self.discovery, &self.cancels, &self.pulse]) {
            task.abort();
        }
    }

    /// Leaves the queue group, answers what was admitted, and closes, within
    /// `deadline`. Gives the number of requests left unanswered.
    pub async fn drain(self, deadline: Duration) -> usize {
        let deadline = tokio::time::Instant::now() + deadline;
        self.stopping.cancel();
        let is_connected = self.client.connection_state() == State::Connected;
        let round_trip_time = match is_connected {
            true => round_trip(&self.client).await,
            false => None,
        };
        let round_trip_time = round_trip_time.unwrap_or_default();
        // Nobody fails to hear this: every intake holds a receiver.
        let _ = self.stop.send(Some(round_trip_time));
        let offers: Vec<Offer> = self.posts.iter().filter_map(Post::close).collect();
        offers.iter().for_each(|offer| offer.stop(round_trip_time));
        for offer in offers {
            let _ = tokio::time::timeout_at(deadline, offer.end(round_trip_time)).await;
        }
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

/// The endpoints of all models, in their order.
fn endpoints(slots: &[Arc<Slot>], shared: &Arc<Shared>) -> Vec<Arc<Endpoint>> {
    let mut endpoints = Vec::new();
    for slot in slots {
        let facts = slot.facts();
        // A model of dense vectors orders documents unless a model made for it has
        // its name.
        let taken = slots.iter().any(|other| {
            let other = other.facts();
            other.op == Op::Rerank && other.name == facts.name
        });
        let is_own = |op: &Op| *op == facts.op || !taken;
        for op in facts.ops().into_iter().filter(is_own) {
            for operation in [Operation::Call(op), Operation::Info(op)] {
                endpoints.push(Arc::new(Endpoint {
                    operation,
                    slot: Arc::clone(slot),
                    counters: Counters::default(),
                    shared: Arc::clone(shared),
                }));
            }
        }
    }
    endpoints
}

/// Hears operators until the word to stop.
async fn obey(
    commands: Intake,
    admin: Arc<Admin>,
    stopped: Stop,
    lost: Arc<Notify>,
) -> Result<AbortOnDropHandle<()>, Error> {
    let subscription = commands.subscribe().await?;
    Ok(spawn(async move {
        let take = |message| admin.take(message);
        if commands.run(subscription, stopped, take).await.is_err() {
            lost.notify_one();
        }
    }))
}

/// Waits until the server has read all that was sent before, by a message to
/// ourselves. The library's `flush` ends when bytes have left, at times before
/// all have, and says nothing of the server.
///
/// Gives how long that took, unless it never came back.
pub(super) async fn round_trip(client: &Client) -> Option<Duration> {
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

/// A task that ends with its worker, also with one that did not come about.
pub(super) fn spawn(task: impl Future<Output = ()> + Send + 'static) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(task))
}

pub(super) async fn subscribe(client: &Client, subject: String) -> Result<Subscriber, Error> {
    client
        .subscribe(subject.clone())
        .await
        .map_err(|fault| Error::Subscribe {
            subject,
            reason: fault.to_string(),
        })
}
