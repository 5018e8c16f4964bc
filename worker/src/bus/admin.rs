//! Operators' verbs: models are loaded and unloaded while the worker runs. Every
//! worker hears them, and obeys unless another one is named.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::{Client, Message};
use futures_util::FutureExt as _;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::endpoint::{Shared, header};
use super::post::Post;
use super::worker::round_trip;
use crate::roster::Roster;
use crate::wire::admin::{AdminReply, AdminRequest};
use crate::wire::call::Call;
use crate::wire::{Error, ErrorCode, protocol};

/// Commands that may wait for the one that is carried out.
const MAX_WAITING: usize = 16;

/// What is to be done with a model.
#[derive(Clone, Copy)]
enum Verb {
    Load,
    Unload,
}

impl Verb {
    fn of(subject: &str) -> Option<Self> {
        match subject.rsplit('.').next() {
            Some(protocol::ADMIN_LOAD) => Some(Self::Load),
            Some(protocol::ADMIN_UNLOAD) => Some(Self::Unload),
            _ => None,
        }
    }

    /// In metrics and logs.
    fn name(self) -> &'static str {
        match self {
            Self::Load => protocol::ADMIN_LOAD,
            Self::Unload => protocol::ADMIN_UNLOAD,
        }
    }
}

/// What obeys.
pub(super) struct Admin {
    pub(super) client: Client,
    pub(super) shared: Arc<Shared>,
    pub(super) roster: Arc<Roster>,
    pub(super) posts: Arc<[Post]>,
    /// Fires when the worker leaves.
    pub(super) stopping: CancellationToken,
    waiting: Arc<Semaphore>,
}

impl Admin {
    pub(super) fn new(
        client: Client,
        shared: Arc<Shared>,
        roster: Arc<Roster>,
        posts: Arc<[Post]>,
        stopping: CancellationToken,
    ) -> Arc<Self> {
        Arc::new(Self {
            client,
            shared,
            roster,
            posts,
            stopping,
            waiting: Arc::new(Semaphore::new(MAX_WAITING)),
        })
    }

    /// Takes one command, and leaves it to a task of its own.
    pub(super) async fn take(self: &Arc<Self>, message: Message) {
        let Some(to) = self.shared.reply_subject(&message) else {
            return;
        };
        let headers = message.headers.as_ref();
        let (call, asked) = match Call::read(|name| header(headers, name), &message.payload) {
            Ok(call) => (call, call.format.decode::<AdminRequest>(&message.payload)),
            Err((error, call)) => (call, Err(error)),
        };
        let is_for_us = |asked: &AdminRequest| {
            let named = asked.instance.as_deref();
            named.is_none_or(|named| named == self.shared.instance)
        };
        if asked.as_ref().is_ok_and(|asked| !is_for_us(asked)) {
            return;
        }
        let received = Instant::now();
        let verb = Verb::of(&message.subject);
        let place = Arc::clone(&self.waiting).try_acquire_owned().ok();
        // In line from now on: the tasks may begin in any order.
        let mut turn = Box::pin(self.roster.turn());
        let is_next = (&mut turn).now_or_never();
        let turn = async move {
            match is_next {
                Some(turn) => turn,
                None => turn.await,
            }
        };
        let admin = Arc::clone(self);
        self.shared.tasks.spawn(async move {
            let obeyed = async {
                let found = asked.and_then(|asked| admin.find(&asked));
                let meant = found.as_ref().ok().copied();
                let done = async {
                    let verb = verb.ok_or_else(|| Error::invalid("there is no such verb"))?;
                    let _until_done = place.ok_or_else(busy)?;
                    admin.obey(verb, found?, turn).await
                };
                let done = done.await;
                admin.note(verb, meant, done.as_ref().err(), received.elapsed());
                call.format.encode(&done?)
            };
            let shared = &admin.shared;
            match shared.with_signs_of_life(&to, &call, obeyed.boxed()).await {
                Ok(body) => drop(shared.outbox.result(to, &call, vec![body]).await),
                Err(error) => shared.outbox.refusal(to, &call, &error).await,
            }
        });
    }

    /// Which model is meant.
    fn find(&self, asked: &AdminRequest) -> Result<&Post, Error> {
        let found = self.posts.iter().find(|post| {
            let facts = post.slot.facts();
            facts.op.as_str() == asked.op && facts.name == asked.model
        });
        found.ok_or_else(|| {
            Error::new(
                ErrorCode::ModelNotFound,
                "this instance is not configured to serve that operation and model",
            )
        })
    }

    async fn obey<T>(
        &self,
        verb: Verb,
        post: &Post,
        turn: impl Future<Output = T>,
    ) -> Result<AdminReply, Error> {
        let _turn = tokio::select! {
            biased;
            () = self.stopping.cancelled() => return Err(stopping()),
            turn = turn => turn,
        };
        let space = match verb {
            Verb::Load => tokio::select! {
                biased;
                () = self.stopping.cancelled() => return Err(stopping()),
                loaded = self.load(post) => Some(loaded?),
            },
            Verb::Unload => {
                self.unload(post).await;
                None
            }
        };
        let facts = post.slot.facts();
        Ok(AdminReply {
            instance: self.shared.instance.clone(),
            op: facts.op.to_string(),
            model: facts.name.clone(),
            state: post.slot.state().to_owned(),
            space,
        })
    }

    /// Loads a model, which then has run once, and offers it. Gives its space.
    async fn load(&self, post: &Post) -> Result<String, Error> {
        // Who says so has mended what kept it out, or wants to see.
        post.slot.forgive();
        // No longer than for this: who unloads it waits until nobody looks at it.
        let space = post.slot.loaded().await?.facts().space.clone();
        let is_offered = post.join().await.map_err(|fault| {
            tracing::error!(reason = %fault, "a loaded model is not offered");
            Error::new(ErrorCode::Internal, "the bus refused a subscription")
        })?;
        if !is_offered {
            return Err(stopping());
        }
        round_trip(&self.client).await;
        post.slot.set_open(true);
        Ok(space)
    }

    /// Offers a model no more, answers what it was asked, and unloads it.
    async fn unload(&self, post: &Post) {
        post.slot.set_open(false);
        let way = round_trip(&self.client).await;
        post.leave(way.unwrap_or_default()).await;
        self.roster.unload(&post.slot).await;
    }

    /// What is no verb, or not configured, is the caller's word: a label of it
    /// would have no bound.
    fn note(
        &self,
        verb: Option<Verb>,
        post: Option<&Post>,
        error: Option<&Error>,
        elapsed: Duration,
    ) {
        let code = error.map_or("ok", |error| error.code.name());
        let verb = verb.map_or("", Verb::name);
        let facts = post.map(|post| post.slot.facts());
        let model = facts.as_ref().map_or("", |facts| facts.name.as_str());
        self.shared.metrics.answered(verb, model, code);
        tracing::info!(
            verb,
            model,
            code,
            elapsed_ms = elapsed.as_secs_f64() * 1e3,
            "an operator's command"
        );
    }
}

fn busy() -> Error {
    Error::new(ErrorCode::Overloaded, "too many commands wait").with_retry_after_ms(1000)
}

fn stopping() -> Error {
    Error::new(ErrorCode::Draining, "this worker is stopping")
}
