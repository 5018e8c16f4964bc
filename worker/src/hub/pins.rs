//! `models.lock`: which revision of a model is meant, and the SHA-256 of each
//! of its files.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{place, sum};
use crate::config::{self, Runtime};
use crate::models::catalog::{Entry, Op};
use crate::models::files::Files;
use crate::models::repository::{Repository, is_revision};

/// Where the pins stand unless a setting says otherwise.
const DEFAULT_PATH: &str = "config/models.lock";

const HEAD: &str = "\
# Revisions and SHA-256 sums of models, as they were trusted. Written by
# `fastembed-worker pull --lock NAME` and `import --lock NAME DIR`; a worker
# refuses to load a pinned revision whose files differ.

";

/// All pins of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pins {
    /// One for each model.
    #[serde(default)]
    models: Vec<Pin>,
}

/// What one model is pinned to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// What the model is asked for.
    #[serde(default, skip_serializing_if = "Op::is_default")]
    pub op: Op,
    /// fastembed's name.
    pub name: String,
    /// Hub repository.
    pub repository: String,
    /// Commit, or the name that an import gave.
    pub revision: String,
    /// SHA-256 by path in the repository, in lower-case hexadecimal.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
}

impl Pins {
    /// Where the settings say that the pins are.
    #[must_use]
    pub fn path(runtime: &Runtime) -> PathBuf {
        if runtime.lock.as_os_str().is_empty() {
            PathBuf::from(DEFAULT_PATH)
        } else {
            runtime.lock.clone()
        }
    }

    /// Reads the pins that the settings name; none where they name no file and
    /// the default one is not there.
    ///
    /// # Errors
    /// Names the file that is missing or no `models.lock`.
    pub fn load(runtime: &Runtime) -> Result<Self, config::Error> {
        let path = Self::path(runtime);
        if runtime.lock.as_os_str().is_empty() && !path.exists() {
            return Ok(Self::default());
        }
        Self::read(&path)
    }

    /// As [`Pins::load`], where a file that is not there may yet be written.
    ///
    /// # Errors
    /// Names the file that is no `models.lock`.
    pub fn load_or_begin(runtime: &Runtime) -> Result<Self, config::Error> {
        if Self::path(runtime).exists() {
            Self::load(runtime)
        } else {
            Ok(Self::default())
        }
    }

    fn read(path: &Path) -> Result<Self, config::Error> {
        let refused = |reason: String| {
            let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
            config::Error::new(path.display().to_string(), reason)
        };
        let text = std::fs::read_to_string(path).map_err(|fault| refused(fault.to_string()))?;
        let pins: Self = toml::from_str(&text).map_err(|fault| refused(fault.to_string()))?;
        for pin in &pins.models {
            pin.check()
                .map_err(|reason| refused(format!("{}: {reason}", pin.name)))?;
        }
        Ok(pins)
    }

    /// What pins a model. A pin of another repository pins another model.
    #[must_use]
    pub fn find(&self, entry: &Entry) -> Option<&Pin> {
        self.models.iter().find(|pin| {
            pin.model() == (entry.op, &entry.name) && pin.repository == entry.repository
        })
    }

    /// Puts a pin in the place of the model's earlier one.
    pub fn set(&mut self, pin: Pin) {
        self.models.retain(|other| other.model() != pin.model());
        self.models.push(pin);
        self.models
            .sort_by(|one, other| (&one.name, one.op).cmp(&(&other.name, other.op)));
    }

    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let text = toml::to_string(self).map_err(io::Error::other)?;
        place::write_whole(path, &format!("{HEAD}{text}"))
    }
}

impl Pin {
    /// The pin of an entry's files as they lie in a cache.
    ///
    /// # Errors
    /// Where one cannot be read.
    pub fn in_cache(cache: &Path, entry: &Entry, revision: &str) -> Result<Self, super::Error> {
        let snapshot = Repository::of(cache, &entry.repository).snapshot(revision);
        let mut pin = Self::of(entry, revision, &snapshot)?;
        if entry.names_more() {
            // Its graph names files of its own.
            let files = Files::find(cache, entry)?;
            let beside = files.names.into_iter();
            let beside = beside.filter(|file| !pin.files.contains_key(file));
            pin.files.extend(summed(beside.collect(), &snapshot)?);
        }
        Ok(pin)
    }

    pub(super) fn of(entry: &Entry, revision: &str, snapshot: &Path) -> Result<Self, super::Error> {
        Ok(Self {
            op: entry.op,
            name: entry.name.clone(),
            repository: entry.repository.clone(),
            revision: revision.to_owned(),
            files: summed(entry.files(), snapshot)?,
        })
    }

    fn model(&self) -> (Op, &String) {
        (self.op, &self.name)
    }

    fn check(&self) -> Result<(), String> {
        if !is_revision(&self.revision) {
            return Err(format!("{:?} is not a revision", self.revision));
        }
        match self.files.iter().find(|(_, sum)| !sum::is_one(sum)) {
            Some((file, sum)) => Err(format!("{file}: {sum:?} is not a sha256")),
            None => Ok(()),
        }
    }
}

/// The SHA-256 of each of these files.
fn summed(files: Vec<String>, folder: &Path) -> Result<BTreeMap<String, String>, super::Error> {
    let summed = |file: String| {
        let path = folder.join(&file);
        let sum = sum::of_file(&path).map_err(|fault| super::Error::read(&path, fault))?;
        Ok((file, sum))
    };
    files.into_iter().map(summed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::catalog;

    #[test]
    fn what_is_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/models.lock");
        let entry = catalog::find(Op::Text, "AllMiniLML6V2").unwrap();
        let pin = Pin {
            op: entry.op,
            name: entry.name.clone(),
            repository: entry.repository.clone(),
            revision: "abc".to_owned(),
            files: [("model.onnx".to_owned(), "0".repeat(64))].into(),
        };
        let mut pins = Pins::default();
        pins.set(pin.clone());
        pins.set(pin.clone());
        pins.write(&path).unwrap();
        let read = Pins::read(&path).unwrap();
        assert_eq!(read, pins);
        assert_eq!(read.find(&entry), Some(&pin));
    }

    #[test]
    fn models_of_one_name_are_pinned_each_for_its_operation() {
        let pin = |op| {
            let entry = catalog::find(op, "ClipVitB32").unwrap();
            let pin = Pin {
                op,
                name: entry.name.clone(),
                repository: entry.repository.clone(),
                revision: op.to_string(),
                files: BTreeMap::new(),
            };
            (entry, pin)
        };
        let both = [Op::Image, Op::Text].map(pin);
        let mut pins = Pins::default();
        for (_, pin) in &both {
            pins.set(pin.clone());
        }
        let text = toml::to_string(&pins).unwrap();
        assert!(text.starts_with("[[models]]\nname"), "{text}");
        let read: Pins = toml::from_str(&text).unwrap();
        for (entry, pin) in &both {
            assert_eq!(read.find(entry), Some(pin));
        }
    }

    #[test]
    fn a_pin_that_leads_elsewhere_or_is_no_sum_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("models.lock");
        for (revision, sum) in [("../x", "0".repeat(64)), ("abc", "xyz".to_owned())] {
            let text = format!(
                "[[models]]\nname='M'\nrepository='a/b'\nrevision='{revision}'\nfiles={{f='{sum}'}}"
            );
            std::fs::write(&path, text).unwrap();
            let refused = Pins::read(&path).unwrap_err();
            assert!(refused.reason.starts_with("M: "), "{refused}");
        }
    }

    #[test]
    fn the_committed_lock_and_the_pins_of_the_setup_agree() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/models.lock");
        let entry = catalog::find(Op::Text, config::Model::DEFAULT).unwrap();
        let pins = Pins::read(&path).unwrap();
        let pin = pins.find(&entry).unwrap();
        let setup = include_str!("../../../tools/pins.json");
        let setup: serde_json::Value = serde_json::from_str(setup).unwrap();
        let model = &setup["model"];
        assert_eq!(model["repo"], *pin.repository);
        assert_eq!(model["revision"], *pin.revision);
        assert_eq!(model["files"], serde_json::json!(pin.files));
    }

    #[test]
    fn the_committed_lock_pins_every_file_of_the_default_model() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/models.lock");
        let entry = catalog::find(Op::Text, config::Model::DEFAULT).unwrap();
        let pins = Pins::read(&path).unwrap();
        let pinned: Vec<&String> = pins.find(&entry).unwrap().files.keys().collect();
        let mut files = entry.files();
        files.sort();
        assert_eq!(pinned, files.iter().collect::<Vec<_>>());
    }
}
