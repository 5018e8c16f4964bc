//! What is in the cache, held against the pins, before anything is loaded.

use std::path::Path;

use super::{CONFIGURATION, Error, LOCK, Pins, sum};
use crate::models::catalog::Entry;
use crate::models::files::Files;

/// How far the files of a model are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every file has the sum that `models.lock` or the configuration pins.
    Pinned,
    /// Something is not pinned: why.
    Unpinned(String),
}

/// Checks every file of a model: that it is there and, where this revision is
/// pinned, that it has the pinned sum. Reads the files whole.
///
/// With `locked`, what nothing pins is refused.
///
/// # Errors
/// [`Error::Model`] for a missing file, [`Error::Checksum`], [`Error::Locked`],
/// [`Error::Read`].
pub fn verify(cache: &Path, entry: &Entry, pins: &Pins, locked: bool) -> Result<Verdict, Error> {
    let unpinned = |reason: String| {
        if locked {
            Err(Error::Locked {
                model: entry.name.clone(),
                reason,
            })
        } else {
            Ok(Verdict::Unpinned(reason))
        }
    };
    let pin = pins.find(entry);
    if pin.is_none() && !entry.is_pinned() {
        let verdict = unpinned("nothing pins it".to_owned())?;
        Files::find(cache, entry)?;
        return Ok(verdict);
    }
    let files = Files::find(cache, entry)?;
    if let Some(file) = entry
        .pinned_files()
        .find(|file| !files.names.contains(file))
    {
        return Err(Error::Read {
            file: files.root.join(file).display().to_string(),
            reason: format!("is pinned, and no file of {}", entry.label()),
        });
    }
    let mut other = None;
    let pin = pin.filter(|pin| {
        let is_this = pin.revision == files.revision;
        if !is_this {
            let (there, pinned) = (&files.revision, &pin.revision);
            other = Some(format!(
                "revision {there} is in the cache, {pinned} is pinned"
            ));
        }
        is_this
    });
    let mut loose = Vec::new();
    for file in &files.names {
        let locked = pin.and_then(|pin| pin.files.get(file));
        let locked = locked.map(|sum| (sum.as_str(), LOCK));
        let own = entry.pinned(file).map(|sum| (sum, CONFIGURATION));
        match own.or(locked) {
            Some((sum, source)) => check(&files.root.join(file), sum, source)?,
            None => loose.push(file.as_str()),
        }
    }
    if loose.is_empty() {
        Ok(Verdict::Pinned)
    } else {
        unpinned(other.unwrap_or_else(|| format!("no sha256 pins {}", loose.join(", "))))
    }
}

fn check(file: &Path, wanted: &str, source_of_truth: &'static str) -> Result<(), Error> {
    let found = sum::of_file(file).map_err(|fault| Error::read(file, fault))?;
    if wanted == found {
        return Ok(());
    }
    Err(Error::Checksum {
        file: file.display().to_string(),
        found,
        wanted: wanted.to_owned(),
        source_of_truth,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::{Pin, place};
    use crate::models::catalog::{self, Op};
    use crate::models::repository::Repository;

    fn cached(revision: &str) -> (tempfile::TempDir, Entry, Pins) {
        let cache = tempfile::tempdir().unwrap();
        let entry = catalog::find(Op::Text, "AllMiniLML6V2").unwrap();
        let repository = Repository::of(cache.path(), &entry.repository);
        let snapshot = repository.snapshot(revision);
        std::fs::create_dir_all(&snapshot).unwrap();
        for file in entry.files() {
            std::fs::write(snapshot.join(&file), &file).unwrap();
        }
        place::make_current(&repository, revision).unwrap();
        let mut pins = Pins::default();
        pins.set(Pin::of(&entry, "r1", &snapshot).unwrap());
        (cache, entry, pins)
    }

    #[test]
    fn a_pinned_revision_is_refused_once_one_byte_differs() {
        let (cache, entry, pins) = cached("r1");
        assert_eq!(
            verify(cache.path(), &entry, &pins, true).unwrap(),
            Verdict::Pinned
        );
        let snapshot = Repository::of(cache.path(), &entry.repository).snapshot("r1");
        std::fs::write(snapshot.join("config.json"), "Config.json").unwrap();
        let refused = verify(cache.path(), &entry, &pins, false).unwrap_err();
        assert!(matches!(&refused, Error::Checksum { file, .. } if file.ends_with("config.json")));
    }

    #[test]
    fn another_revision_loads_unless_only_pinned_ones_may() {
        let (cache, entry, pins) = cached("export-1");
        let verdict = verify(cache.path(), &entry, &pins, false).unwrap();
        assert!(matches!(verdict, Verdict::Unpinned(reason) if reason.contains("export-1")));
        let refused = verify(cache.path(), &entry, &pins, true).unwrap_err();
        assert!(matches!(refused, Error::Locked { .. }));
    }

    #[test]
    fn a_file_without_a_sum_is_refused_where_only_pinned_ones_may_load() {
        let (cache, entry, mut pins) = cached("r1");
        let mut pin = pins.find(&entry).unwrap().clone();
        pin.files.remove("model.onnx");
        pins.set(pin);
        assert!(matches!(
            verify(cache.path(), &entry, &pins, false),
            Ok(Verdict::Unpinned(_))
        ));
        let refused = verify(cache.path(), &entry, &pins, true).unwrap_err();
        assert!(refused.to_string().contains("model.onnx"), "{refused}");
    }
}
