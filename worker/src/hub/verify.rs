//! What is in the cache, held against the pins, before anything is loaded.

use std::path::Path;

use super::{Error, Pin, Pins, sum};
use crate::models::catalog::Entry;
use crate::models::files::{Files, Repository};

/// How far the files of a model are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every file has the sum that `models.lock` pins.
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
    let Some(pin) = pins.find(entry) else {
        let verdict = unpinned("nothing pins it".to_owned())?;
        Files::find(cache, entry)?;
        return Ok(verdict);
    };
    let revision = Files::find(cache, entry)?.revision;
    if pin.revision != revision {
        return unpinned(format!(
            "revision {revision} is in the cache, {} is pinned",
            pin.revision
        ));
    }
    let snapshot = Repository::of(cache, &entry.repository).snapshot(&revision);
    let mut loose = Vec::new();
    for file in entry.files() {
        if pin.files.contains_key(&file) {
            check(&snapshot, &file, pin)?;
        } else {
            loose.push(file);
        }
    }
    if loose.is_empty() {
        Ok(Verdict::Pinned)
    } else {
        unpinned(format!("no sha256 pins {}", loose.join(", ")))
    }
}

fn check(snapshot: &Path, file: &str, pin: &Pin) -> Result<(), Error> {
    let path = snapshot.join(file);
    let found = sum::of_file(&path).map_err(|fault| Error::read(&path, fault))?;
    match pin.files.get(file) {
        Some(wanted) if *wanted != found => Err(Error::Checksum {
            file: path.display().to_string(),
            found,
            wanted: wanted.clone(),
            source_of_truth: "models.lock",
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::place;
    use crate::models::catalog::{self, Op};

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
