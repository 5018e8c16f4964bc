//! Requests that name objects in place of files: these are read before the rows
//! are made, by the task that waits for the answer, so that the request's end is
//! theirs too.

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::oneshot;

use super::admission::Ticket;
use super::pipeline::Job;
use super::tokenizers::Handle;
use crate::telemetry::metrics::ModelMetrics;
use crate::wire::image::Object;
use crate::wire::{Error, ErrorCode, protocol};

/// Objects of a request that are looked up at once.
const LOOKED_UP_AT_ONCE: usize = 8;

/// Where objects lie. What it refuses is an item's error.
pub trait Store: Send + Sync {
    /// Looks an object up.
    fn find<'a>(&'a self, object: &'a Object) -> BoxFuture<'a, Result<Found, Error>>;

    /// All bytes of an object, as many as were claimed and of that digest.
    fn read<'a>(&'a self, found: &'a Found) -> BoxFuture<'a, Result<Bytes, Error>>;
}

/// An object that was looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its bucket.
    pub bucket: String,
    /// What the store calls its bytes.
    pub id: String,
    /// How many there are, in bytes.
    pub size: usize,
    /// Their SHA-256.
    pub digest: [u8; 32],
}

/// Where a request's files are.
pub(super) enum Files {
    /// In it, or in objects, which this one reads: without it none are served.
    Unread(Option<Reader>),
    /// Read, in the order of its objects.
    Read(Vec<Result<Bytes, Error>>),
}

/// The way to the task that reads.
pub(super) type Reader = oneshot::Sender<Errand>;

/// What a job needs before it goes on.
pub(super) struct Errand {
    objects: Vec<Object>,
    job: Job,
    unless_read: Expired,
}

/// Counts a request as expired where it is dropped: whoever waits for an answer
/// drops what is read for it when its deadline passes or its caller gives up.
struct Expired(Option<ModelMetrics>);

impl Drop for Expired {
    fn drop(&mut self) {
        if let Some(metrics) = &self.0 {
            metrics.expired_request();
        }
    }
}

impl Files {
    /// The way for a request, and the task's end of it, where there is a store.
    pub(super) fn through(
        store: Option<Arc<dyn Store>>,
        pool: Handle,
    ) -> (Self, Option<BoxFuture<'static, ()>>) {
        let Some(store) = store else {
            return (Self::Unread(None), None);
        };
        let (reader, asked) = oneshot::channel::<Errand>();
        let reading = async move {
            // Most requests hold their files, and drop the other end.
            if let Ok(errand) = asked.await {
                read(store.as_ref(), errand, &pool).await;
            }
        };
        (Self::Unread(Some(reader)), Some(reading.boxed()))
    }

    /// What was read, in the order of the objects.
    pub(super) fn take_read(&mut self) -> Option<Vec<Result<Bytes, Error>>> {
        match std::mem::replace(self, Self::Unread(None)) {
            Self::Read(files) => Some(files),
            unread @ Self::Unread(_) => {
                *self = unread;
                None
            }
        }
    }
}

/// Hands a job to the task that reads its objects, unless too many wait for theirs.
pub(super) fn hand_over(mut job: Job, objects: Vec<Object>, metrics: &ModelMetrics) {
    let refusal = match std::mem::replace(&mut job.files, Files::Unread(None)) {
        Files::Unread(Some(reader)) => match job.ticket.begin_reading() {
            Ok(()) => {
                let errand = Errand {
                    objects,
                    job,
                    unless_read: Expired(Some(metrics.clone())),
                };
                // The task may have gone, and with it whoever waits for the answer.
                let _ = reader.send(errand);
                return;
            }
            Err(overloaded) => overloaded,
        },
        Files::Unread(None) | Files::Read(_) => {
            Error::invalid("objects: this worker reads none (objects.buckets)")
        }
    };
    let _ = job.reply.send(Err(refusal));
}

/// Waits for `answer`, while what it needs is read.
pub(super) async fn beside<T>(
    reading: Option<BoxFuture<'static, ()>>,
    answer: impl Future<Output = T>,
) -> T {
    let mut answer = pin!(answer);
    if let Some(reading) = reading {
        tokio::select! {
            biased;
            answered = &mut answer => return answered,
            () = reading => {}
        }
    }
    answer.await
}

/// Reads what a job needs and gives it back to the pool; a refusal is its answer.
async fn read(store: &dyn Store, errand: Errand, pool: &Handle) {
    let Errand {
        objects,
        mut job,
        mut unless_read,
    } = errand;
    let files = files(store, &objects, &mut job.ticket).await;
    unless_read.0 = None;
    job.ticket.end_reading();
    match files {
        Ok(files) => {
            job.files = Files::Read(files);
            if let Err(job) = pool.submit(job) {
                let error = Error::new(ErrorCode::Draining, "this worker is stopping");
                let _ = job.reply.send(Err(error));
            }
        }
        Err(error) => {
            let _ = job.reply.send(Err(error));
        }
    }
}

/// The files of objects, each charged before its bytes are asked for.
///
/// # Errors
/// `overloaded`, where there is no room for them now.
async fn files(
    store: &dyn Store,
    objects: &[Object],
    ticket: &mut Ticket,
) -> Result<Vec<Result<Bytes, Error>>, Error> {
    // Not started before it is its turn.
    let lookups: Vec<_> = objects.iter().map(|object| store.find(object)).collect();
    let looked_up = stream::iter(lookups).buffered(LOOKED_UP_AT_ONCE);
    let looked_up: Vec<_> = looked_up.collect().await;
    let mut together = 0;
    let found: Vec<Result<Found, Error>> = looked_up
        .into_iter()
        .map(|found| {
            let found = found.and_then(small_enough)?;
            let more = together + found.size;
            if more > ticket.most_bytes() {
                return Err(too_many(ticket.most_bytes()));
            }
            together = more;
            Ok(found)
        })
        .collect();
    ticket.grow(0, together)?;
    let mut files = Vec::with_capacity(found.len());
    for found in found {
        files.push(match found {
            Ok(found) => store.read(&found).await,
            Err(error) => Err(error),
        });
    }
    Ok(files)
}

fn small_enough(found: Found) -> Result<Found, Error> {
    let most = protocol::MAX_IMAGE_BYTES;
    if found.size > most {
        let message = format!("the object has {} bytes, more than {most}", found.size);
        return Err(Error::new(ErrorCode::PayloadTooLarge, message).with_limit(most));
    }
    Ok(found)
}

fn too_many(most: usize) -> Error {
    let message = format!("the request's objects up to this one have more than {most} bytes");
    Error::new(ErrorCode::PayloadTooLarge, message).with_limit(most)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::batch::admission::{Admission, Bounds};

    /// Objects named by their sizes, and what was read of them.
    #[derive(Default)]
    struct Sizes(Mutex<Vec<usize>>);

    impl Store for Sizes {
        fn find<'a>(&'a self, object: &'a Object) -> BoxFuture<'a, Result<Found, Error>> {
            let size = object.name.parse();
            let found = size.map_err(Error::invalid).map(|size| Found {
                bucket: object.bucket.clone(),
                id: object.name.clone(),
                size,
                digest: [0; 32],
            });
            Box::pin(async { found })
        }

        fn read<'a>(&'a self, found: &'a Found) -> BoxFuture<'a, Result<Bytes, Error>> {
            self.0.lock().unwrap().push(found.size);
            let bytes = Bytes::from(vec![0; found.size]);
            Box::pin(async { Ok(bytes) })
        }
    }

    fn named(names: &[&str]) -> Vec<Object> {
        let object = |name: &&str| Object {
            bucket: "b".to_owned(),
            name: (*name).to_owned(),
        };
        names.iter().map(object).collect()
    }

    fn gate(bytes: usize) -> Arc<Admission> {
        let bounds = Bounds {
            bytes,
            ..Bounds::default()
        };
        Admission::new(bounds, 1)
    }

    #[tokio::test]
    async fn an_object_that_is_too_large_or_missing_or_one_too_many_fails_alone_and_unread() {
        let (store, gate) = (Sizes::default(), gate(1000));
        let mut ticket = gate.admit_as(0, 0).unwrap();
        let huge = (protocol::MAX_IMAGE_BYTES + 1).to_string();
        let objects = named(&["300", &huge, "none", "600", "101", "100"]);
        let files = files(&store, &objects, &mut ticket).await.unwrap();
        let outcome = files.into_iter().map(|file| match file {
            Ok(file) => Ok(file.len()),
            Err(error) => Err((error.code, error.limit)),
        });
        let too_large = |most: usize| Err((ErrorCode::PayloadTooLarge, Some(most as u64)));
        assert_eq!(
            outcome.collect::<Vec<_>>(),
            [
                Ok(300),
                too_large(protocol::MAX_IMAGE_BYTES),
                Err((ErrorCode::InvalidRequest, None)),
                Ok(600),
                too_large(1000),
                Ok(100)
            ]
        );
        assert_eq!(*store.0.lock().unwrap(), [300, 600, 100]);
        assert_eq!(gate.load().bytes, 1000);
    }

    #[tokio::test]
    async fn objects_without_room_are_overloaded_before_a_byte_is_asked_for() {
        let (store, gate) = (Sizes::default(), gate(1000));
        let _other = gate.admit_as(0, 500).unwrap();
        let mut ticket = gate.admit_as(0, 0).unwrap();
        let refused = files(&store, &named(&["300", "300"]), &mut ticket).await;
        assert_eq!(refused.unwrap_err().code, ErrorCode::Overloaded);
        assert!(store.0.lock().unwrap().is_empty());
        assert_eq!(gate.load().bytes, 500);
    }
}
