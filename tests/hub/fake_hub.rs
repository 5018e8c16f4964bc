//! A hub on this machine. Its repositories are those of fastembed's own
//! `ModelInfo`, with small files; each file can be told to fail.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response, StatusCode, Uri, header};
use fastembed::TextEmbedding;
use futures_util::{StreamExt as _, stream};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The commit at the tip of every repository.
pub(crate) const REVISION: &str = "0123456789abcdef0123456789abcdef01234567";

/// How the hub answers a request for one file.
#[derive(Clone, Debug)]
pub(crate) enum Conduct {
    /// With this status and no file.
    Status(u16),
    /// The first bytes, then nothing more and no end.
    Stalls,
    /// The first bytes of as many as announced, then the connection ends.
    BreaksOff(usize),
    /// As above, whatever range was asked for: the beginning again.
    BreaksOffWithoutRanges(usize),
    /// An orderly answer with fewer bytes than the hub says the file has.
    EndsEarly(usize),
    /// Other bytes of the same number.
    Corrupts,
    /// Another address.
    Redirects(String),
    /// The file, once this many questions for a revision have come.
    WaitsForRevisions(usize),
}

/// One request that came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) range: Option<String>,
    pub(crate) token: Option<String>,
}

#[derive(Default)]
struct Shared {
    /// By path on the hub.
    files: HashMap<String, Bytes>,
    /// By name of the file: what happens, and how often yet.
    conduct: HashMap<String, (Conduct, usize)>,
    asked: Vec<Asked>,
}

struct Hub {
    shared: Mutex<Shared>,
    revisions: watch::Sender<usize>,
    stalled: watch::Sender<bool>,
}

/// A running hub; it ends with this value.
pub(crate) struct FakeHub {
    hub: Arc<Hub>,
    url: String,
    task: JoinHandle<()>,
}

/// Repository and files of a model, as fastembed fetches them.
pub(crate) fn layout(name: &str) -> (String, Vec<String>) {
    let models = TextEmbedding::list_supported_models();
    let mut models = models.into_iter();
    let info = models.find(|info| format!("{:?}", info.model) == name);
    let info = info.unwrap_or_else(|| panic!("fastembed has no {name}"));
    // fastembed 7.5, common.rs, load_tokenizer_hf_hub.
    let mut files = [
        "tokenizer.json",
        "config.json",
        "special_tokens_map.json",
        "tokenizer_config.json",
    ]
    .map(str::to_owned)
    .to_vec();
    files.push(info.model_file);
    files.extend(info.additional_files);
    (info.model_code, files)
}

/// The bytes of a file on the hub.
pub(crate) fn content(repository: &str, file: &str) -> Vec<u8> {
    format!("{repository}/{file}\n").repeat(100).into_bytes()
}

impl FakeHub {
    /// A hub that has these models.
    pub(crate) async fn with(names: &[&str]) -> Self {
        let hub = Self::empty().await;
        for name in names {
            let (repository, files) = layout(name);
            for file in files {
                hub.put(&repository, &file, content(&repository, &file));
            }
        }
        hub
    }

    pub(crate) async fn empty() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let hub = Arc::new(Hub {
            shared: Mutex::default(),
            revisions: watch::Sender::new(0),
            stalled: watch::Sender::new(false),
        });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&hub));
        let task = tokio::spawn(async move {
            axum::serve(listener, router)
                .await
                .expect("a hub that runs");
        });
        Self {
            hub,
            url: format!("http://{address}"),
            task,
        }
    }

    pub(crate) fn put(&self, repository: &str, file: &str, bytes: Vec<u8>) {
        let path = format!("/{repository}/resolve/{REVISION}/{file}");
        self.lock().files.insert(path, bytes.into());
    }

    /// The next `times` answers about `file` are like this.
    pub(crate) fn conduct(&self, file: &str, conduct: Conduct, times: usize) {
        let mut shared = self.lock();
        shared.conduct.insert(file.to_owned(), (conduct, times));
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Waits until somebody waits for a file that stalls.
    pub(crate) async fn stalls(&self) {
        let mut stalled = self.hub.stalled.subscribe();
        drop(
            stalled
                .wait_for(|&stalled| stalled)
                .await
                .expect("the hub runs"),
        );
    }

    /// Every request so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.lock().asked.clone()
    }

    /// Every request for one file so far.
    pub(crate) fn asked_for(&self, file: &str) -> Vec<Asked> {
        let mut asked = self.asked();
        asked.retain(|asked| asked.path.ends_with(&format!("/{file}")));
        asked
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.hub
            .shared
            .lock()
            .expect("no test panics with the lock")
    }
}

impl Drop for FakeHub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(hub): State<Arc<Hub>>, uri: Uri, headers: HeaderMap) -> Response<Body> {
    let path = uri.path().to_owned();
    let text = |name| Some(headers.get(name)?.to_str().ok()?.to_owned());
    let asked = Asked {
        path: path.clone(),
        range: text(header::RANGE),
        token: text(header::AUTHORIZATION),
    };
    let (file, conduct) = {
        let mut shared = hub.shared.lock().expect("no test panics with the lock");
        shared.asked.push(asked.clone());
        let name = path.rsplit('/').next().unwrap_or_default();
        let conduct = shared.conduct.get_mut(name).and_then(|(conduct, left)| {
            *left = left.checked_sub(1)?;
            Some(conduct.clone())
        });
        (shared.files.get(&path).cloned(), conduct)
    };
    if let Some(Conduct::Status(status)) = conduct {
        return status_only(status);
    }
    if path.starts_with("/api/models/") && path.ends_with("/revision/main") {
        hub.revisions.send_modify(|count| *count += 1);
        return Response::new(Body::from(format!(
            r#"{{"sha":"{REVISION}","private":false}}"#
        )));
    }
    match (file, conduct) {
        (_, Some(Conduct::Redirects(to))) => Response::builder()
            .status(StatusCode::FOUND)
            .header(header::LOCATION, to)
            .body(Body::empty())
            .expect("a redirect"),
        (None, _) => status_only(404),
        (Some(file), Some(Conduct::WaitsForRevisions(count))) => {
            let mut revisions = hub.revisions.subscribe();
            let come = revisions.wait_for(|&come| come >= count).await;
            drop(come.expect("the hub runs"));
            send(&file, asked.range.as_deref(), None)
        }
        (Some(file), conduct) => {
            if matches!(conduct, Some(Conduct::Stalls)) {
                hub.stalled.send_replace(true);
            }
            send(&file, asked.range.as_deref(), conduct)
        }
    }
}

fn status_only(status: u16) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    response
}

fn send(file: &Bytes, range: Option<&str>, conduct: Option<Conduct>) -> Response<Body> {
    let ranges = !matches!(conduct, Some(Conduct::BreaksOffWithoutRanges(_)));
    let from = range.filter(|_| ranges).map_or(0, |range| {
        let from = range
            .strip_prefix("bytes=")
            .and_then(|r| r.strip_suffix('-'));
        from.and_then(|from| from.parse().ok()).expect("a range")
    });
    let rest = file.slice(from..);
    let mut head = Response::builder().header("x-linked-size", file.len());
    head = if from > 0 {
        let range = format!("bytes {from}-{}/{}", file.len() - 1, file.len());
        head.status(206).header(header::CONTENT_RANGE, range)
    } else {
        head
    };
    let sum = Sha256::digest(file);
    let sum: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
    head = head.header("x-linked-etag", format!("\"{sum}\""));
    let whole = |head: axum::http::response::Builder, bytes: Bytes| {
        head.header(header::CONTENT_LENGTH, bytes.len())
            .body(Body::from(bytes))
    };
    let announced = rest.len();
    let response = match conduct {
        Some(Conduct::Stalls) => {
            let piece = stream::iter([Ok::<_, Infallible>(rest.slice(..10))]);
            let body = Body::from_stream(piece.chain(stream::pending()));
            head.header(header::CONTENT_LENGTH, announced).body(body)
        }
        Some(Conduct::BreaksOff(bytes) | Conduct::BreaksOffWithoutRanges(bytes)) => {
            let piece = stream::iter([Ok(rest.slice(..bytes))]);
            let end = stream::once(async {
                // The server sends what it has where the body lets it wait.
                tokio::task::yield_now().await;
                Err(std::io::Error::other("the connection ends"))
            });
            let body = Body::from_stream(piece.chain(end));
            head.header(header::CONTENT_LENGTH, announced).body(body)
        }
        Some(Conduct::EndsEarly(bytes)) => whole(head, rest.slice(..bytes)),
        Some(Conduct::Corrupts) => {
            let flipped: Vec<u8> = rest.iter().map(|byte| byte ^ 1).collect();
            whole(head, flipped.into())
        }
        _ => whole(head, rest),
    };
    response.expect("a response")
}
