//! Operators' verbs: models are loaded and unloaded while the worker runs. Every
//! worker hears them, and obeys unless another one is named.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::{Client, Message};
use tokio::sync::{Mutex, Semaphore};
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
    /// One command at a time, so that the last one decides.
    turn: Mutex<()>,
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
            turn: Mutex::default(),
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
        let verb = Verb::of(&message.subject);
        let place = Arc::clone(&self.waiting).try_acquire_owned().ok();
        let admin = Arc::clone(self);
        self.shared.tasks.spawn(async move {
            let received = Instant::now();
            let obeyed = async {
                let asked = asked?;
                let verb = verb.ok_or_else(|| Error::invalid("there is no such verb"))?;
                let _until_done = place.ok_or_else(busy)?;
                let done = admin.obey(verb, &asked).await;
                admin.note(verb, &asked, done.as_ref().err(), received.elapsed());
                call.format.encode(&done?)
            };
            let shared = &admin.shared;
            match shared.with_signs_of_life(&to, &call, obeyed).await {
                Ok(body) => drop(shared.outbox.result(to, &call, vec![body]).await),
                Err(error) => shared.outbox.refusal(to, &call, &error).await,
            }
        });
    }

    async fn obey(&self, verb: Verb, asked: &AdminRequest) -> Result<AdminReply, Error> {
        let post = self.posts.iter().find(|post| {
            let facts = post.slot.facts();
            facts.op.as_str() == asked.op && facts.name == asked.model
        });
        let post = post.ok_or_else(|| {
            Error::new(
                ErrorCode::ModelNotFound,
                "this instance is not configured to serve that operation and model",
            )
        })?;
        let _turn = tokio::select! {
            () = self.stopping.cancelled() => return Err(stopping()),
            turn = self.turn.lock() => turn,
        };
        let space = match verb {
            Verb::Load => tokio::select! {
                () = self.stopping.cancelled() => return Err(stopping()),
                loaded = self.load(post) => Some(loaded?),
            },
            Verb::Unload => {
                self.unload(post).await;
                None
            }
        };
        Ok(AdminReply {
            instance: self.shared.instance.clone(),
            op: asked.op.clone(),
            model: asked.model.clone(),
            state: post.slot.state().to_owned(),
            space,
        })
    }

    /// Loads a model, which then has run once, and offers it. Gives its space.
    async fn load(&self, post: &Post) -> Result<String, Error> {
        let pipeline = post.slot.loaded().await?;
        let joined = post.join().await.map_err(|fault| {
            tracing::error!(reason = %fault, "a loaded model is not offered");
            Error::new(ErrorCode::Internal, "the bus refused a subscription")
        })?;
        if !joined {
            return Err(stopping());
        }
        round_trip(&self.client).await;
        post.slot.set_open(true);
        Ok(pipeline.facts().space.clone())
    }

    /// Offers a model no more, answers what it was asked, and unloads it.
    async fn unload(&self, post: &Post) {
        post.slot.set_open(false);
        let way = round_trip(&self.client).await;
        post.leave(way.unwrap_or_default()).await;
        self.roster.unload(&post.slot).await;
    }

    fn note(&self, verb: Verb, asked: &AdminRequest, error: Option<&Error>, elapsed: Duration) {
        let code = error.map_or("ok", |error| error.code.name());
        // What is not configured is the caller's word: a label of it would have no
        // bound.
        let is_known = error.is_none_or(|error| error.code != ErrorCode::ModelNotFound);
        let model = if is_known { asked.model.as_str() } else { "" };
        self.shared.metrics.answered(verb.name(), model, code);
        tracing::info!(
            verb = verb.name(),
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
