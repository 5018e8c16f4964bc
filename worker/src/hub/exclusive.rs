//! One process at a time fills one repository of a cache.

use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::time::Duration;

use super::{Error, Progress};

/// Pause between two looks at a lock that another process holds.
const PAUSE: Duration = Duration::from_millis(100);

/// A lock on a file, which ends with this value or with the process.
pub(super) struct Exclusive(#[expect(dead_code, reason = "held, not read")] File);

impl Exclusive {
    /// Waits until no other process fills `repository`, a folder of `cache`.
    /// The other one gives up when nothing comes; while something does, and while
    /// it is suspended, this waits without a bound.
    ///
    /// # Errors
    /// [`Error::Cache`] where no lock can be placed.
    pub(super) async fn on(
        cache: &Path,
        repository: &Path,
        progress: &mut Progress,
    ) -> Result<Self, Error> {
        let failed = |fault: std::io::Error| Error::cache(cache, fault);
        let name = repository.file_name().unwrap_or_default().display();
        let folder = cache.join(".locks");
        fs::create_dir_all(&folder).map_err(failed)?;
        let path = folder.join(format!("{name}.lock"));
        let file = File::options().create(true).append(true).open(path);
        let file = file.map_err(failed)?;
        let mut waited = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self(file)),
                Err(TryLockError::Error(fault)) => return Err(failed(fault)),
                Err(TryLockError::WouldBlock) => {}
            }
            if !waited {
                progress.note(&format!("{name}: another process is filling it; waiting"));
                waited = true;
            }
            // Looking again, so that a signal can end the wait.
            tokio::time::sleep(PAUSE).await;
        }
    }
}
