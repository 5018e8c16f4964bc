//! One process at a time fills one repository of a cache.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Error, Progress};
use crate::instance;

/// Pause between two looks at a lock that another process holds.
const PAUSE: Duration = Duration::from_millis(100);

/// The way to a repository, which is open where the cache can be written.
pub(super) struct Door {
    cache: PathBuf,
    name: String,
    file: File,
}

/// A lock on a file, which ends with this value or with the process.
pub(super) struct Exclusive(#[expect(dead_code, reason = "held, not read")] File);

impl Door {
    /// Finds out whether `repository`, a folder of `cache`, can be filled.
    ///
    /// # Errors
    /// [`Error::Cache`] where nothing can be written.
    pub(super) fn to(cache: &Path, repository: &Path) -> Result<Self, Error> {
        let failed = |fault: std::io::Error| Error::cache(cache, fault);
        let name = repository.file_name().unwrap_or_default();
        let name = name.display().to_string();
        let locks = cache.join(".locks");
        fs::create_dir_all(&locks).map_err(failed)?;
        let path = locks.join(format!("{name}.lock"));
        let file = File::options().create(true).append(true).open(path);
        let file = file.map_err(failed)?;
        // The repository may be another's while the locks are ours.
        fs::create_dir_all(repository).map_err(failed)?;
        let trial = repository.join(format!(".writable-{}", instance::random()));
        File::create(&trial)
            .and_then(|_| fs::remove_file(&trial))
            .map_err(failed)?;
        let cache = cache.to_owned();
        Ok(Self { cache, name, file })
    }

    /// Waits until no other process fills the repository. The other one gives up
    /// when nothing comes; while something does, and while it is suspended, this
    /// waits without a bound.
    ///
    /// # Errors
    /// [`Error::Cache`] where no lock can be placed.
    pub(super) async fn enter(self, progress: &mut Progress) -> Result<Exclusive, Error> {
        let mut waited = false;
        loop {
            match self.file.try_lock() {
                Ok(()) => return Ok(Exclusive(self.file)),
                Err(TryLockError::Error(fault)) => return Err(Error::cache(&self.cache, fault)),
                Err(TryLockError::WouldBlock) => {}
            }
            if !waited {
                let name = &self.name;
                progress.note(&format!("{name}: another process is filling it; waiting"));
                waited = true;
            }
            // Looking again, so that a signal can end the wait.
            tokio::time::sleep(PAUSE).await;
        }
    }
}
