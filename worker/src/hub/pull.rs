//! A model's files, from the hub into the cache.

use std::path::{Path, PathBuf};

use super::client::Client;
use super::exclusive::Door;
use super::fetch::{Wanted, fetch};
use super::place::{self, Gathering};
use super::retry::Retry;
use super::{CONFIGURATION, Error, LOCK, Pin, Progress, import, sum};
use crate::config::{self, Config};
use crate::models::beside;
use crate::models::catalog::Entry;
use crate::models::repository::{Repository, is_revision};

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
    /// that has not the pinned sum is lacking too. A revision that is configured is
    /// found without being the current one, which may be another model's.
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
        // A lock says nothing of another revision than it pins.
        let pin = pin.filter(|pin| entry.revision().is_none_or(|own| own == pin.revision));
        let repository = Repository::of(&self.cache, &entry.repository);
        let failed = |fault| Error::cache(&self.cache, fault);
        // Before the hub is asked: what it has is of no use where nothing can be written.
        let door = Door::to(&self.cache, repository.folder())?;
        let revision = match pin {
            _ if entry.revision().is_some() => entry.revision().unwrap_or_default().to_owned(),
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
        let snapshot = repository.snapshot(&revision);
        let gathering = Gathering::of(&repository, &revision);
        let pins = Sums { entry, pin };
        let mut lacking = lacking(entry.files(), &pins, &snapshot)?;
        self.gather(&lacking, &pins, &revision, &gathering, progress)
            .await?;
        if entry.names_more() {
            // What its graph keeps beside it is known once that is there.
            let root = if lacking.contains(&entry.graph) {
                gathering.path("")
            } else {
                snapshot.clone()
            };
            let beside = beside::named_by(&root, entry).map_err(|reason| Error::Read {
                file: root.join(&entry.graph).display().to_string(),
                reason,
            })?;
            let beside = self::lacking(beside, &pins, &snapshot)?;
            self.gather(&beside, &pins, &revision, &gathering, progress)
                .await?;
            lacking.extend(beside);
        }
        if !lacking.is_empty() {
            gathering.move_to(&revision, &lacking).map_err(failed)?;
        }
        if entry.revision().is_none() {
            place::make_current(&repository, &revision).map_err(failed)?;
        }
        place::sweep(&repository).map_err(failed)?;
        Ok(Pulled {
            revision,
            fetched: lacking.len(),
        })
    }

    /// Fetches what is not gathered yet.
    async fn gather(
        &self,
        files: &[String],
        pins: &Sums<'_>,
        revision: &str,
        gathering: &Gathering,
        progress: &mut Progress,
    ) -> Result<(), Error> {
        for file in files {
            let target = gathering.path(file);
            if is_usable(&target, pins.of(file))? {
                // An earlier run has fetched and checked it, and failed later.
                continue;
            }
            let wanted = Wanted {
                repository: &pins.entry.repository,
                revision,
                file,
                pinned: pins.of(file),
                target: &target,
            };
            fetch(&self.client, &self.settings, &wanted, progress).await?;
        }
        Ok(())
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

/// What is known of a model's files before they come.
struct Sums<'a> {
    entry: &'a Entry,
    pin: Option<&'a Pin>,
}

impl<'a> Sums<'a> {
    /// The pinned sum of a file, and what pins it.
    fn of(&self, file: &str) -> Option<(&'a str, &'static str)> {
        let own = self.entry.pinned(file).map(|sum| (sum, CONFIGURATION));
        let locked = self.pin.and_then(|pin| pin.files.get(file));
        own.or(locked.map(|sum| (sum.as_str(), LOCK)))
    }
}

/// Those of the files that the snapshot lacks, or has with another sum than the
/// pinned.
fn lacking(files: Vec<String>, pins: &Sums<'_>, snapshot: &Path) -> Result<Vec<String>, Error> {
    let mut lacking = Vec::new();
    for file in files {
        if !is_usable(&snapshot.join(&file), pins.of(&file))? {
            lacking.push(file);
        }
    }
    Ok(lacking)
}

/// Whether a file is there, with the pinned sum where there is one.
fn is_usable(path: &Path, wanted: Option<(&str, &str)>) -> Result<bool, Error> {
    match wanted {
        _ if !path.is_file() => Ok(false),
        None => Ok(true),
        Some((wanted, _)) => sum::of_file(path)
            .map(|found| found == wanted)
            .map_err(|fault| Error::read(path, fault)),
    }
}
