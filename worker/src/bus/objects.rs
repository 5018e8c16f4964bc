//! Objects of the bus's object store (ADR-20 of nats-architecture-and-design),
//! read by direct gets (ADR-31): they leave nothing behind on the server, and take
//! the right to ask one subject a bucket. A consumer, which the client library
//! reads objects by, takes the right to make consumers that deliver anywhere.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{Client, Message, StatusCode, Subscriber};
use base64::Engine as _;
use base64::alphabet::URL_SAFE as ALPHABET;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE};
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;

use crate::batch::objects::{Found, Store};
use crate::config;
use crate::wire::image::Object;
use crate::wire::{Error, ErrorCode};

/// Longest wait for the next message of a bucket. Where the worker lacks the right
/// to ask nothing comes at all.
const SILENCE: Duration = Duration::from_secs(5);

/// Chunks that are asked for at once, and their bytes, whatever size their writer
/// chose: little is on its way when nobody wants it any more. One at least comes.
const CHUNKS: u32 = 8;
const CHUNKS_BYTES: u32 = 1 << 20;

/// Longest description of an object, in bytes; whoever writes to the bucket decides.
const MAX_INFO_BYTES: usize = 1 << 16;

/// Longest name of an object, in bytes: the message that asks for it has to fit.
const MAX_NAME_BYTES: usize = 1024;

/// Digests are written with padding; it says nothing.
const DIGEST: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

const END_OF_BATCH: u16 = 204;
const NOT_FOUND: u16 = 404;

/// The buckets that a worker reads.
pub(super) struct Objects {
    client: Client,
    buckets: Vec<String>,
}

/// A direct get (`JSApiMsgGetRequest` of the server).
#[derive(Default, Serialize)]
struct Get<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    last_by_subj: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_by_subj: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    batch: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_bytes: Option<u32>,
}

/// What a bucket says of an object.
#[derive(Deserialize)]
struct Info {
    #[serde(default)]
    nuid: String,
    #[serde(default)]
    size: usize,
    #[serde(default)]
    digest: String,
    #[serde(default)]
    deleted: bool,
    #[serde(default)]
    options: Option<InfoOptions>,
}

#[derive(Deserialize)]
struct InfoOptions {
    #[serde(default)]
    link: Option<serde_json::Value>,
}

impl Objects {
    /// None where no bucket is read.
    pub(super) fn of(client: &Client, config: &config::Objects) -> Option<Arc<dyn Store>> {
        if config.buckets.is_empty() {
            return None;
        }
        Some(Arc::new(Self {
            client: client.clone(),
            buckets: config.buckets.clone(),
        }))
    }

    async fn look_up(&self, object: &Object) -> Result<Found, Error> {
        let Object { bucket, name } = object;
        // The worker's rights are not the caller's: what may be read is a list.
        if !self.buckets.contains(bucket) {
            let message = format_args!("the bucket {bucket:?} is not read here (objects.buckets)");
            return Err(Error::invalid(message));
        }
        if name.is_empty() || name.len() > MAX_NAME_BYTES {
            let message = format!("an object's name has 1 to {MAX_NAME_BYTES} bytes");
            return Err(Error::invalid(message));
        }
        let subject = format!("$O.{bucket}.M.{}", URL_SAFE.encode(name));
        let get = Get {
            last_by_subj: Some(&subject),
            ..Get::default()
        };
        let mut answers = self.ask(bucket, &get).await?;
        let message = next(&mut answers, bucket).await?;
        let missing = || {
            let message = format_args!("the bucket {bucket:?} has no object {name:?}");
            Error::invalid(message)
        };
        match message.status.map(|status| status.as_u16()) {
            None => {}
            Some(NOT_FOUND) => return Err(missing()),
            Some(_) => return Err(refused(bucket, &message)),
        }
        if message.payload.len() > MAX_INFO_BYTES {
            return Err(unreadable(bucket, "it says too much of the object"));
        }
        let info: Info = serde_json::from_slice(&message.payload)
            .map_err(|_| unreadable(bucket, "what it says of the object is not known here"))?;
        if info.deleted {
            return Err(missing());
        }
        // One could lead to another bucket.
        if info.options.is_some_and(|options| options.link.is_some()) {
            return Err(Error::invalid("the object is a link, and none is followed"));
        }
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        let digest = digest(&info.digest);
        match digest.filter(|_| !info.nuid.is_empty() && info.nuid.bytes().all(is_token)) {
            Some(digest) => Ok(Found {
                bucket: bucket.clone(),
                id: info.nuid,
                size: info.size,
                digest,
            }),
            None => Err(unreadable(bucket, "the object has no SHA-256 or no id")),
        }
    }

    async fn bytes(&self, found: &Found) -> Result<Bytes, Error> {
        let Found { bucket, id, .. } = found;
        let subject = format!("$O.{bucket}.C.{id}");
        let torn = || {
            let message = "the object's bytes are not those that it was stored with: it is \
                           being replaced, or has lost some";
            Error::new(ErrorCode::Internal, message)
        };
        // It grows with what comes: its size is what somebody claimed.
        let (mut file, mut sum) = (Vec::new(), Sha256::new());
        let mut from = 1;
        while file.len() < found.size {
            let get = Get {
                next_by_subj: Some(&subject),
                seq: Some(from),
                batch: Some(CHUNKS),
                max_bytes: Some(CHUNKS_BYTES),
                ..Get::default()
            };
            let (mut answers, had) = (self.ask(bucket, &get).await?, file.len());
            loop {
                let message = next(&mut answers, bucket).await?;
                match message.status.map(|status| status.as_u16()) {
                    None => {}
                    Some(END_OF_BATCH) => break,
                    Some(NOT_FOUND) => return Err(torn()),
                    Some(_) => return Err(refused(bucket, &message)),
                }
                from = number(&message, "Nats-Sequence").ok_or_else(torn)? + 1;
                if file.len() + message.payload.len() > found.size {
                    return Err(torn());
                }
                file.extend_from_slice(&message.payload);
                // With each chunk: a whole object would hold up what else runs here.
                sum.update(&message.payload);
                // Servers before 2.11 know of no batches.
                if number(&message, "Nats-Num-Pending").is_none() {
                    break;
                }
            }
            if file.len() == had {
                return Err(torn());
            }
        }
        if found.digest != <[u8; 32]>::from(sum.finalize()) {
            return Err(torn());
        }
        Ok(file.into())
    }

    /// Asks a bucket; the answers end with their subscription. The library's own
    /// `request` would keep an entry for each that never comes.
    async fn ask(&self, bucket: &str, get: &Get<'_>) -> Result<Subscriber, Error> {
        let inbox = self.client.new_inbox();
        let asked = async {
            let answers = self.client.subscribe(inbox.clone()).await.ok()?;
            let body = serde_json::to_vec(get).ok()?;
            let subject = format!("$JS.API.DIRECT.GET.OBJ_{bucket}");
            let asked = self.client.publish_with_reply(subject, inbox, body.into());
            asked.await.ok()?;
            Some(answers)
        };
        let asked = timeout(SILENCE, asked).await.ok().flatten();
        asked.ok_or_else(|| unreadable(bucket, "there is no connection"))
    }
}

impl Store for Objects {
    fn find<'a>(&'a self, object: &'a Object) -> BoxFuture<'a, Result<Found, Error>> {
        Box::pin(self.look_up(object))
    }

    fn read<'a>(&'a self, found: &'a Found) -> BoxFuture<'a, Result<Bytes, Error>> {
        Box::pin(self.bytes(found))
    }
}

async fn next(answers: &mut Subscriber, bucket: &str) -> Result<Message, Error> {
    match timeout(SILENCE, answers.next()).await {
        Ok(Some(message)) => Ok(message),
        Ok(None) => Err(unreadable(bucket, "the connection is gone")),
        Err(_) => {
            let why = "it does not answer; this worker may lack the right to ask it";
            Err(unreadable(bucket, why))
        }
    }
}

/// What a status that is neither success nor absence means.
fn refused(bucket: &str, message: &Message) -> Error {
    if message.status == Some(StatusCode::NO_RESPONDERS) {
        let why = "there is no such bucket, or no JetStream, or it allows no direct gets";
        return unreadable(bucket, why);
    }
    let mut why = "it refuses to be read".to_owned();
    if let Some(status) = message.status {
        // A string takes all that is written.
        let _ = write!(why, " ({status})");
    }
    unreadable(bucket, &why)
}

/// What the caller can do nothing about.
fn unreadable(bucket: &str, why: &str) -> Error {
    let message = format_args!("the bucket {bucket:?} cannot be read: {why}");
    Error::new(ErrorCode::Internal, message)
}

fn number(message: &Message, header: &str) -> Option<u64> {
    let headers = message.headers.as_ref()?;
    headers.get(header)?.as_str().parse().ok()
}

/// `SHA-256=` and base64url.
fn digest(text: &str) -> Option<[u8; 32]> {
    let bytes = DIGEST.decode(text.strip_prefix("SHA-256=")?).ok()?;
    bytes.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_sha_256_in_base64url_with_padding_or_without() {
        let bytes = [0xfb; 32];
        let text = URL_SAFE.encode(bytes);
        assert_eq!(digest(&format!("SHA-256={text}")), Some(bytes));
        assert_eq!(
            digest(&format!("SHA-256={}", text.trim_end_matches('='))),
            Some(bytes)
        );
        for other in ["", "SHA-256=", "MD5=AAAA", "SHA-256=AAAA", &text] {
            assert_eq!(digest(other), None, "{other}");
        }
    }
}
