//! A caller on the bus.

use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use async_nats::{Client, HeaderMap, Message, Request};
use bytes::Bytes;
use futures_util::future::try_join_all;
use tokio::sync::Semaphore;

use super::figures::Latencies;
use crate::models::Op;
use crate::wire::text::{TextReply, TextRequest};
use crate::wire::{Format, protocol};

/// Longer than any call of the bench takes.
const CALL_TIMEOUT: Duration = Duration::from_secs(600);

/// Texts in one request of a caller who has many.
const REQUEST_TEXTS: usize = 128;

/// A client and the subject that it calls.
#[derive(Clone)]
pub(super) struct Caller {
    client: Client,
    subject: String,
    lane: &'static str,
}

/// What became of a call that a full worker may refuse.
pub(super) enum Outcome {
    Answered,
    Overloaded,
}

impl Caller {
    /// Calls `model` as interactive.
    pub(super) async fn of_model(url: &str, model: &str) -> anyhow::Result<Self> {
        Self::of(url, Op::Text, model).await
    }

    /// Calls another operation of `model` as interactive.
    pub(super) async fn of(url: &str, op: Op, model: &str) -> anyhow::Result<Self> {
        let root = protocol::SUBJECT_ROOT;
        Self::of_subject(url, format!("{root}.{op}.{model}")).await
    }

    /// Calls a subject.
    pub(super) async fn of_subject(url: &str, subject: String) -> anyhow::Result<Self> {
        let client = async_nats::ConnectOptions::new()
            .request_timeout(Some(CALL_TIMEOUT))
            .connect(url)
            .await?;
        let lane = protocol::LANE_INTERACTIVE;
        Ok(Self {
            client,
            subject,
            lane,
        })
    }

    /// The same caller, with work that may wait.
    pub(super) fn in_bulk(&self) -> Self {
        Self {
            lane: protocol::LANE_BULK,
            ..self.clone()
        }
    }

    /// The body of a request of these texts.
    pub(super) fn body(texts: &[String]) -> anyhow::Result<Bytes> {
        let request = TextRequest {
            inputs: texts.to_vec(),
            ..TextRequest::default()
        };
        Ok(Format::MsgPack.encode(&request)?.into())
    }

    /// One request of these texts, and its reply as it came.
    pub(super) async fn ask(&self, texts: &[String]) -> anyhow::Result<Message> {
        self.send(Self::body(texts)?).await
    }

    /// One request of this document in MessagePack, and its reply as it came.
    pub(super) async fn send(&self, body: Bytes) -> anyhow::Result<Message> {
        let mut headers = HeaderMap::new();
        headers.insert(
            protocol::HEADER_CONTENT_TYPE,
            protocol::CONTENT_TYPE_MSGPACK,
        );
        headers.insert(protocol::HEADER_LANE, self.lane);
        headers.insert(
            protocol::HEADER_TIMEOUT_MS,
            CALL_TIMEOUT.as_millis().to_string(),
        );
        let request = Request::new().headers(headers).payload(body);
        Ok(self
            .client
            .send_request(self.subject.clone(), request)
            .await?)
    }

    /// One request that a full worker may refuse, and nobody may fail.
    pub(super) async fn try_embed(&self, texts: &[String]) -> anyhow::Result<Outcome> {
        let message = self.ask(texts).await?;
        match service_error(&message) {
            Some("overloaded") => return Ok(Outcome::Overloaded),
            Some(error) => bail!("the worker answered {error}"),
            None => {}
        }
        reply(&message, texts.len())?;
        Ok(Outcome::Answered)
    }

    /// One request that is answered with vectors.
    pub(super) async fn embed(&self, texts: &[String]) -> anyhow::Result<()> {
        match self.try_embed(texts).await? {
            Outcome::Answered => Ok(()),
            Outcome::Overloaded => bail!("the worker is overloaded"),
        }
    }

    /// One request whose answer is looked into no further than whether it is a
    /// refusal, so that what is measured is not the caller.
    pub(super) async fn echo(&self, body: &Bytes) -> anyhow::Result<()> {
        let subject = self.subject.clone();
        let message = self.client.request(subject, body.clone()).await?;
        let error = service_error(&message);
        ensure!(error.is_none(), "the worker answered {error:?}");
        Ok(())
    }
}

/// The name of the error that a message brings, if it is a refusal.
pub(super) fn service_error(message: &Message) -> Option<&str> {
    let headers = message.headers.as_ref()?;
    let name = headers.get(protocol::HEADER_SERVICE_ERROR)?;
    Some(name.as_str())
}

/// The vectors that a message brings, as many as `rows`.
pub(super) fn reply(message: &Message, rows: usize) -> anyhow::Result<TextReply<'static>> {
    let reply: TextReply<'static> = Format::MsgPack.decode(&message.payload)?;
    ensure!(reply.embeddings.count as usize == rows, "rows are missing");
    Ok(reply)
}

/// Texts per second of one caller who has all of them, in a few requests at once.
pub(super) async fn one_caller(caller: &Caller, texts: &[String]) -> anyhow::Result<f64> {
    let caller = &caller.in_bulk();
    let start = Instant::now();
    let requests = texts.chunks(REQUEST_TEXTS);
    try_join_all(requests.map(|texts| caller.embed(texts))).await?;
    Ok(texts.len() as f64 / start.elapsed().as_secs_f64())
}

/// Texts per second of `callers` callers, each with `at_once` texts a request and
/// one request at a time.
pub(super) async fn many_callers(
    caller: &Caller,
    texts: &[String],
    callers: usize,
    at_once: usize,
) -> anyhow::Result<f64> {
    let start = Instant::now();
    let free = &Semaphore::new(callers);
    let call = |texts| async move {
        let _caller = free.acquire().await?;
        caller.embed(texts).await
    };
    try_join_all(texts.chunks(at_once).map(call)).await?;
    Ok(texts.len() as f64 / start.elapsed().as_secs_f64())
}

/// Calls of `one` made one at a time, `count` of them, added to what was measured.
pub(super) async fn one_at_a_time<F: Future<Output = anyhow::Result<()>>>(
    count: usize,
    latencies: &mut Latencies,
    one: impl Fn() -> F,
) -> anyhow::Result<()> {
    for _ in 0..count {
        let start = Instant::now();
        one().await?;
        latencies.add(start.elapsed())?;
    }
    Ok(())
}

/// Calls per second of `one`, with `outstanding` at a time, over `span`.
pub(super) async fn rate<F: Future<Output = anyhow::Result<()>>>(
    outstanding: usize,
    span: Duration,
    one: impl Fn() -> F,
) -> anyhow::Result<f64> {
    let start = Instant::now();
    let (one, start) = (&one, &start);
    let caller = async move || {
        let mut calls = 0_u64;
        while start.elapsed() < span {
            one().await?;
            calls += 1;
        }
        anyhow::Ok(calls)
    };
    let calls = try_join_all((0..outstanding).map(|_| caller())).await?;
    Ok(calls.iter().sum::<u64>() as f64 / start.elapsed().as_secs_f64())
}
