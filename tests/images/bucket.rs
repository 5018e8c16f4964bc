//! A bucket of the object store, written as ADR-20 has it, with nothing checked.

use async_nats::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use bytes::Bytes;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::harness::{Caller, Server, within};

/// The bucket that config/nats.conf has as its example.
pub(crate) const BUCKET: &str = "images";

/// Bytes of a chunk.
const CHUNK: usize = 128 * 1024;

/// A bucket, and who may do everything with it.
pub(crate) struct Bucket {
    watcher: Caller,
    name: &'static str,
}

impl Bucket {
    pub(crate) async fn create(server: &Server, name: &'static str) -> Self {
        let watcher = Caller::as_user("watcher", &server.url()).await;
        let bucket = Self { watcher, name };
        let config = json!({
            "name": format!("OBJ_{name}"),
            "subjects": [format!("$O.{name}.C.>"), format!("$O.{name}.M.>")],
            "storage": "memory",
            "allow_rollup_hdrs": true,
            "allow_direct": true,
        });
        let subject = format!("$JS.API.STREAM.CREATE.OBJ_{name}");
        bucket.ask(subject, None, config.to_string().into()).await;
        bucket
    }

    /// Stores a file.
    pub(crate) async fn put(&self, name: &str, file: &[u8]) {
        self.put_as(name, file, &Self::info(name, file)).await;
    }

    /// What is said of a file.
    pub(crate) fn info(name: &str, file: &[u8]) -> Value {
        json!({
            "name": name,
            "bucket": BUCKET,
            "nuid": URL_SAFE.encode(Sha256::digest(name)).trim_end_matches('='),
            "size": file.len(),
            "chunks": file.len().div_ceil(CHUNK),
            "digest": format!("SHA-256={}", URL_SAFE.encode(Sha256::digest(file))),
        })
    }

    /// Stores a file of which this is said.
    pub(crate) async fn put_as(&self, name: &str, file: &[u8], info: &Value) {
        let id = info["nuid"].as_str().unwrap();
        for chunk in file.chunks(CHUNK) {
            let subject = format!("$O.{}.C.{id}", self.name);
            let chunk = Bytes::copy_from_slice(chunk);
            self.ask(subject, None, chunk).await;
        }
        self.put_info(name, info).await;
    }

    /// Says this of an object, whatever its bytes are.
    pub(crate) async fn put_info(&self, name: &str, info: &Value) {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Rollup", "sub");
        let subject = format!("$O.{}.M.{}", self.name, URL_SAFE.encode(name));
        self.ask(subject, Some(headers), info.to_string().into())
            .await;
    }

    async fn ask(&self, subject: String, headers: Option<HeaderMap>, body: Bytes) {
        let client = &self.watcher.client;
        let headers = headers.unwrap_or_default();
        let asked = client.request_with_headers(subject, headers, body);
        let answer = within("JetStream", asked).await.unwrap();
        let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
        assert!(answer.get("error").is_none(), "{answer}");
    }
}
