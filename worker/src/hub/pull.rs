//! A model's files, from the hub into the cache.

use std::path::{Path, PathBuf};

use super::client::Client;
use super::exclusive::Door;
use super::fetch::{Wanted, fetch};
use super::place::{self, Gathering};
use super::retry::Retry;
use super::{Error, Pin, Progress, import, sum};
use crate::config::{self, Config};
use crate::models::catalog::Entry;
use crate::models::files::{Repository, is_revision};

/// A hub, and the cache that is filled from it.
pub struct Hub {
    client: Client,
    settings: config::Hub,
    cache: PathBuf,
}

/// What a pull has left in the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// The current revision now.
    pub revision: String,
    /// Files that had to be fetched.
    pub fetched: usize,
}

impl Hub {
    /// The hub that the settings name.
    ///
    /// # Errors
    /// [`Error::Client`].
    pub fn new(config: &Config) -> Result<Self, Error> {
        Ok(Self {
            client: Client::new(&config.hub)?,
            settings: config.hub.clone(),
            cache: config.runtime.cache.clone(),
        })
    }

    /// Fetches what the cache lacks of a model, at the pinned revision or else
    /// at the tip of `main`, and makes that revision the current one. A file
    /// that has not the pinned sum is lacking too.
    ///
    /// # Errors
    /// [`Error::Fetch`], [`Error::Checksum`], [`Error::Cache`]. The cache then
    /// shows what it showed before.
    pub async fn pull(
        &self,
        entry: &Entry,
        pin: Option<&Pin>,
        progress: &mut Progress,
    ) -> Result<Pulled, Error> {
        let repository = Repository::of(&self.cache, &entry.repository);
        let failed = |fault| Error::cache(&self.cache, fault);
        // Before the hub is asked: what it has is of no use where nothing can be written.
        let door = Door::to(&self.cache, repository.folder())?;
        let revision = match pin {
            Some(pin) if pin.revision.starts_with(import::REVISION_PREFIX) => {
                return Err(Error::Fetch {
                    file: entry.repository.clone(),
                    reason: format!(
                        "models.lock pins {}, which no hub has; \
                         `fastembed-worker import` makes it, --update pins the hub's instead",
                        pin.revision
                    ),
                });
            }
            Some(pin) => pin.revision.clone(),
            None => self.revision(entry).await?,
        };
        let _alone = door.enter(progress).await?;
        let lacking = lacking(entry, pin, &repository, &revision)?;
        if !lacking.is_empty() {
            let gathering = Gathering::of(&repository, &revision);
            for file in &lacking {
                let target = gathering.path(file);
                if is_usable(&target, pinned(pin, file))? {
                    // An earlier run has fetched and checked it, and failed later.
                    continue;
                }
                let wanted = Wanted {
                    repository: &entry.repository,
                    revision: &revision,
                    file,
                    sha256: pinned(pin, file),
                    target: &target,
                };
                fetch(&self.client, &self.settings, &wanted, progress).await?;
            }
            gathering.move_to(&revision, &lacking).map_err(failed)?;
        }
        place::make_current(&repository, &revision).map_err(failed)?;
        place::sweep(&repository).map_err(failed)?;
        Ok(Pulled {
            revision,
            fetched: lacking.len(),
        })
    }

    async fn revision(&self, entry: &Entry) -> Result<String, Error> {
        let failed = |reason: String| Error::Fetch {
            file: format!("{} (its revision)", entry.repository),
            reason,
        };
        let mut retry = Retry::new(&self.settings);
        loop {
            match self.client.revision(&entry.repository).await {
                Ok(revision) if is_revision(&revision) => return Ok(revision),
                Ok(_) => {
                    return Err(failed(
                        "the hub's commit is no name for a folder".to_owned(),
                    ));
                }
                Err(fault) => retry.after(fault).await.map_err(failed)?,
            }
        }
    }
}

/// The files that the snapshot lacks, or has with another sum than the pinned.
fn lacking(
    entry: &Entry,
    pin: Option<&Pin>,
    repository: &Repository,
    revision: &str,
) -> Result<Vec<String>, Error> {
    let snapshot = repository.snapshot(revision);
    let mut lacking = Vec::new();
    for file in entry.files() {
        let path = snapshot.join(&file);
        if !is_usable(&path, pinned(pin, &file))? {
            lacking.push(file);
        }
    }
    Ok(lacking)
}

/// Whether a file is there, with the pinned sum where there is one.
fn is_usable(path: &Path, wanted: Option<&str>) -> Result<bool, Error> {
    match wanted {
        _ if !path.is_file() => Ok(false),
        None => Ok(true),
        Some(wanted) => sum::of_file(path)
            .map(|found| found == wanted)
            .map_err(|fault| Error::read(path, fault)),
    }
}

fn pinned<'a>(pin: Option<&'a Pin>, file: &str) -> Option<&'a str> {
    pin?.files.get(file).map(String::as_str)
}
