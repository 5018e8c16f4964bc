//! The hub's HTTP interface, as far as it is needed
//! (huggingface.co/docs/hub/api; `resolve` is what its own clients download by).

use std::error::Error as _;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, HeaderMap, HeaderValue, LOCATION, RANGE};
use reqwest::{Response, StatusCode, Url, redirect};
use serde::Deserialize;
use tokio::time::Instant;

use super::retry::Fault;
use super::{Error, sum};
use crate::config;

/// Redirects that one request follows.
const MAX_REDIRECTS: usize = 5;

/// Less than this in a whole stall timeout is a stall too.
const MIN_WINDOW_BYTES: u64 = 1024;

/// Largest answer about a repository.
const MAX_DOCUMENT_BYTES: usize = 8 << 20;

/// A hub.
pub(super) struct Client {
    http: reqwest::Client,
    endpoint: Url,
    authorization: Option<HeaderValue>,
    stall: Duration,
}

/// A file's bytes on their way.
pub(super) struct Body {
    response: Response,
    stall: Duration,
    window_end: Instant,
    window_bytes: u64,
    /// HTTP status: 200, 206 or 416.
    pub(super) status: StatusCode,
    /// SHA-256 of the file, where the hub tells it: it does for large files.
    pub(super) sha256: Option<String>,
    /// Size of the whole file in bytes, where the hub tells it.
    pub(super) size: Option<u64>,
}

impl Client {
    /// # Errors
    /// [`Error::Client`].
    pub(super) fn new(settings: &config::Hub) -> Result<Self, Error> {
        let failed = |reason: String| Error::Client(reason);
        // One stack of TLS in the process: the one that the bus uses. A second
        // call finds it in place.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_millis(settings.connect_timeout_ms))
            // Followed here: the hub's own answer tells the checksum, and the
            // token is for the hub alone.
            .redirect(redirect::Policy::none())
            .user_agent(concat!("fastembed-worker/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|fault| failed(chain(fault)))?;
        let endpoint = format!("{}/", settings.endpoint.trim_end_matches('/'));
        let endpoint = Url::parse(&endpoint).map_err(|fault| failed(fault.to_string()))?;
        let authorization = match settings.token.as_str() {
            "" => None,
            token => {
                let mut value = HeaderValue::try_from(format!("Bearer {token}"))
                    .map_err(|_| failed("the token fits no header".to_owned()))?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        Ok(Self {
            http,
            endpoint,
            authorization,
            stall: Duration::from_millis(settings.stall_timeout_ms),
        })
    }

    /// The commit that branch `main` of a repository points at.
    pub(super) async fn revision(&self, repository: &str) -> Result<String, Fault> {
        #[derive(Deserialize)]
        struct Model {
            sha: String,
        }
        let path = format!("api/models/{repository}/revision/main");
        let mut body = self.get(&path, 0).await?;
        let mut document = Vec::new();
        while let Some(bytes) = body.chunk().await? {
            document.extend_from_slice(&bytes);
            if document.len() > MAX_DOCUMENT_BYTES {
                return Err(Fault::Final("the hub's answer does not end".to_owned()));
            }
        }
        serde_json::from_slice(&document)
            .map(|Model { sha }| sha)
            .map_err(|_| Fault::Final("the hub names no commit: not a hub, perhaps".to_owned()))
    }

    /// One file of a revision, without its first `from` bytes where the hub
    /// can leave them out.
    pub(super) async fn file(
        &self,
        repository: &str,
        revision: &str,
        file: &str,
        from: u64,
    ) -> Result<Body, Fault> {
        self.get(&format!("{repository}/resolve/{revision}/{file}"), from)
            .await
    }

    async fn get(&self, path: &str, from: u64) -> Result<Body, Fault> {
        let unusable = |_| Fault::Final("the address cannot be used".to_owned());
        let mut url = self.endpoint.join(path).map_err(unusable)?;
        let (mut sha256, mut size) = (None, None);
        for _ in 0..=MAX_REDIRECTS {
            let of_hub = url.origin() == self.endpoint.origin();
            let response = self.send(url.clone(), from, of_hub).await?;
            let headers = response.headers();
            if of_hub {
                sha256 = sha256.or_else(|| announced_sha256(headers));
                size = size.or_else(|| number(headers, "x-linked-size"));
            }
            let status = response.status();
            if !status.is_redirection() {
                judge(status, headers, from, self.authorization.is_some())?;
                let size = size.or_else(|| total(&response, from));
                return Ok(Body {
                    response,
                    stall: self.stall,
                    window_end: Instant::now() + self.stall,
                    window_bytes: 0,
                    status,
                    sha256,
                    size,
                });
            }
            let target = headers.get(LOCATION).and_then(|value| value.to_str().ok());
            let target =
                target.ok_or_else(|| Fault::Final(format!("the hub answered {status}")))?;
            let next = url.join(target).map_err(unusable)?;
            if url.scheme() == "https" && next.scheme() != "https" {
                return Err(Fault::Final("the hub redirects out of TLS".to_owned()));
            }
            url = next;
        }
        Err(Fault::Final(format!(
            "the hub redirects more than {MAX_REDIRECTS} times"
        )))
    }

    async fn send(&self, url: Url, from: u64, of_hub: bool) -> Result<Response, Fault> {
        // A packed body would have another length, and no ranges.
        let mut request = self.http.get(url).header(ACCEPT_ENCODING, "identity");
        if from > 0 {
            request = request.header(RANGE, format!("bytes={from}-"));
        }
        if let Some(authorization) = self.authorization.as_ref().filter(|_| of_hub) {
            request = request.header(AUTHORIZATION, authorization);
        }
        match tokio::time::timeout(self.stall, request.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(fault)) => Err(Fault::passing(format!(
                "the hub cannot be reached: {}",
                chain(fault)
            ))),
            Err(_) => Err(Fault::passing(format!(
                "the hub did not answer within {} ms",
                self.stall.as_millis()
            ))),
        }
    }
}

impl Body {
    /// The next piece; none at the end.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, Fault> {
        loop {
            match tokio::time::timeout_at(self.window_end, self.response.chunk()).await {
                Ok(Ok(piece)) => {
                    self.window_bytes += piece.as_ref().map_or(0, |piece| piece.len() as u64);
                    return Ok(piece);
                }
                Ok(Err(_)) => return Err(Fault::passing("the transfer broke off")),
                Err(_) if self.window_bytes < MIN_WINDOW_BYTES => {
                    return Err(Fault::passing(format!(
                        "the transfer stalled: {} bytes in {} ms",
                        self.window_bytes,
                        self.stall.as_millis()
                    )));
                }
                Err(_) => {
                    self.window_end = Instant::now() + self.stall;
                    self.window_bytes = 0;
                }
            }
        }
    }

    /// The byte of the file that a 206 begins with (RFC 9110, 14.4).
    pub(super) fn starts_at(&self) -> Option<u64> {
        let range = self
            .response
            .headers()
            .get("content-range")?
            .to_str()
            .ok()?;
        range
            .strip_prefix("bytes ")?
            .split_once('-')?
            .0
            .parse()
            .ok()
    }
}

/// Whether an answer is one to read on.
fn judge(status: StatusCode, headers: &HeaderMap, from: u64, token: bool) -> Result<(), Fault> {
    let hint = match (status.as_u16(), token) {
        (200, _) => return Ok(()),
        (206 | 416, _) if from > 0 => return Ok(()),
        (401 | 403, false) => "; the repository may need a token (HF_TOKEN)",
        (401, true) => "; the token (HF_TOKEN) is not accepted",
        (403, true) => "; this token (HF_TOKEN) may not read the repository",
        (404, _) => "; it is not there at this revision",
        _ => "",
    };
    let reason = format!("the hub answered {status}{hint}");
    Err(if status.is_server_error() || status.as_u16() == 429 {
        Fault::Passing {
            reason,
            wait: number(headers, "retry-after").map(Duration::from_secs),
        }
    } else {
        Fault::Final(reason)
    })
}

/// Files that the hub keeps by their checksum have it as their tag; where the
/// answer is a redirect, it describes that file under a name of its own.
fn announced_sha256(headers: &HeaderMap) -> Option<String> {
    ["x-linked-etag", "etag"].iter().find_map(|name| {
        let tag = headers.get(*name)?.to_str().ok()?;
        let tag = tag.trim_start_matches("W/").trim_matches('"');
        sum::is_one(tag).then(|| tag.to_owned())
    })
}

/// Size of the whole file out of one answer's own headers.
fn total(response: &Response, from: u64) -> Option<u64> {
    let headers = response.headers();
    match response.status() {
        StatusCode::OK => number(headers, "content-length"),
        StatusCode::PARTIAL_CONTENT => Some(from + number(headers, "content-length")?),
        _ => {
            let range = headers.get("content-range")?.to_str().ok()?;
            range.rsplit_once('/')?.1.parse().ok()
        }
    }
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}

/// All causes in one line, without the address: a redirect's may be signed.
fn chain(fault: reqwest::Error) -> String {
    let fault = fault.without_url();
    let mut text = fault.to_string();
    let mut cause = fault.source();
    while let Some(fault) = cause {
        text = format!("{text}: {fault}");
        cause = fault.source();
    }
    text
}
