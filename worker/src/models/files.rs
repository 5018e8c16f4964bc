//! A model's files: in a repository's folder in a hub cache, or in a folder of the
//! operator's, as they would lie in a repository.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::beside::External;
use super::catalog::Entry;
use super::repository::{Repository, is_revision};
use super::{Error, beside};

/// Bytes of a fingerprint that are shown: 64 bits, in hexadecimal.
const FINGERPRINT_BYTES: usize = 8;

/// The tokenizer's file in every repository.
pub const TOKENIZER: &str = "tokenizer.json";

/// What the model is, in every repository.
pub const CONFIG: &str = "config.json";

/// How images become pixels, in the repository of every image model.
pub const PREPROCESSOR: &str = "preprocessor_config.json";

/// A model's files, found but not yet read.
#[derive(Clone, Debug)]
pub struct Files {
    /// The ONNX graph with its weights.
    pub graph: PathBuf,
    /// Weights that lie apart from it.
    pub additional: Vec<PathBuf>,
    /// `tokenizer.json`; an image model has none.
    pub tokenizer: PathBuf,
    /// `preprocessor_config.json`; a model of texts has none.
    pub preprocessor: PathBuf,
    /// Weights of words, of a model whose queries need no run.
    pub query_weights: Option<PathBuf>,
    /// `config.json`.
    pub(super) config: PathBuf,
    /// The revision that is configured, or that `refs/main` names; empty for a
    /// folder that is no revision of anything.
    pub revision: String,
    /// Every one of them, by its path in the repository.
    pub names: Vec<String>,
    /// The folder that the paths are in.
    pub root: PathBuf,
}

impl Files {
    /// Finds the files of an entry, every one of them: under `cache`, or in its
    /// own folder.
    ///
    /// # Errors
    /// [`Error::Missing`] with the first file that is not there; in a folder that is
    /// [`Error::Unreadable`].
    pub fn find(cache: &Path, entry: &Entry) -> Result<Self, Error> {
        let missing = |file: &Path| match entry.directory() {
            Some(_) => Error::unreadable(entry, file, "is not there"),
            None => Error::Missing {
                model: entry.label(),
                file: file
                    .strip_prefix(cache)
                    .unwrap_or(file)
                    .display()
                    .to_string(),
                cache: cache.display().to_string(),
            },
        };
        let (root, revision) = match (entry.directory(), entry.revision()) {
            (Some(directory), _) => (directory.to_owned(), String::new()),
            (None, Some(revision)) => {
                let repository = Repository::of(cache, &entry.repository);
                (repository.snapshot(revision), revision.to_owned())
            }
            (None, None) => {
                let repository = Repository::of(cache, &entry.repository);
                let reference = repository.reference();
                let revision = repository.revision().ok_or_else(|| missing(&reference))?;
                if !is_revision(&revision) {
                    return Err(Error::unreadable(entry, &reference, "names no revision"));
                }
                (repository.snapshot(&revision), revision)
            }
        };
        let is_there = |name: &String| match root.join(name) {
            path if path.is_file() => Ok(()),
            path => Err(missing(&path)),
        };
        let mut names = entry.files();
        names.iter().try_for_each(is_there)?;
        let mut additional = entry.additional.clone();
        if entry.names_more() {
            // What fastembed's lists say of a model, its graph says of any other.
            let beside = beside::named_by(&root, entry).map_err(|reason| {
                let graph = root.join(&entry.graph);
                Error::unreadable(entry, &graph, reason)
            })?;
            beside.iter().try_for_each(is_there)?;
            additional.extend(beside.iter().cloned());
            names.extend(beside);
            let config = CONFIG.to_owned();
            if !names.contains(&config) && is_there(&config).is_ok() {
                names.push(config);
            }
        }
        let file = |name: &str| root.join(name);
        // What texts or images need is named first.
        let first = names.first().map(|name| file(name)).unwrap_or_default();
        Ok(Self {
            graph: file(&entry.graph),
            additional: additional.iter().map(|name| file(name)).collect(),
            tokenizer: first.clone(),
            preprocessor: first,
            query_weights: entry.query_weights.as_deref().map(file),
            config: file(CONFIG),
            revision,
            names,
            root,
        })
    }

    /// The contents of one of them.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    pub(super) fn read(entry: &Entry, file: &Path) -> Result<Vec<u8>, Error> {
        fs::read(file).map_err(|fault| Error::unreadable(entry, file, fault))
    }

    /// What lies beside the graph, as `read` gives it.
    ///
    /// # Errors
    /// The first one of `read`.
    pub(super) fn external(
        &self,
        read: impl Fn(&Path) -> Result<Vec<u8>, Error>,
    ) -> Result<Vec<External>, Error> {
        let known = |file: &PathBuf| {
            let path = file.strip_prefix(&self.root).unwrap_or(file);
            Ok((path.display().to_string(), read(file)?.into()))
        };
        self.additional.iter().map(known).collect()
    }

    /// Where they came from, for callers: repository and revision, or the name of
    /// a folder.
    #[must_use]
    pub fn source(&self, entry: &Entry) -> String {
        match entry.directory() {
            Some(_) => entry.repository.clone(),
            None => format!("{}@{}", entry.repository, self.revision),
        }
    }

    /// Bytes of the graph and of the weights beside it.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let files = [&self.graph].into_iter().chain(&self.additional);
        let sizes = files.filter_map(|file| fs::metadata(file).ok());
        sizes.map(|data| data.len()).sum()
    }

    /// Positions that the model has embeddings for, where its configuration says
    /// so: a longer text would fail the whole run. A model of several parts says
    /// it of the one that reads text, and models of GPT's kind by another name.
    #[must_use]
    pub fn max_positions(&self) -> Option<usize> {
        const KEYS: [&str; 3] = [
            "/max_position_embeddings",
            "/text_config/max_position_embeddings",
            "/n_positions",
        ];
        let told = KEYS.iter().find_map(|key| self.number(key));
        told?.try_into().ok()
    }

    /// Why texts of so many tokens cannot be read, where the model's configuration
    /// says so.
    #[must_use]
    pub fn too_long(&self, max_tokens: usize) -> Option<String> {
        let positions = self.max_positions()?;
        (max_tokens > positions).then(|| {
            format!("max_length {max_tokens} is more than the model's {positions} positions")
        })
    }

    /// The id that fills short rows up, where the model's configuration says so.
    #[must_use]
    pub fn padding(&self) -> Option<u32> {
        self.number("/pad_token_id")?.try_into().ok()
    }

    /// What stands at this JSON pointer.
    fn number(&self, pointer: &str) -> Option<u64> {
        let config = fs::read(&self.config).ok()?;
        let config: serde_json::Value = serde_json::from_slice(&config).ok()?;
        config.pointer(pointer)?.as_u64()
    }
}

/// Fingerprint of everything that decides what a vector means: the bytes of
/// the files, and the settings in `terms`. 16 hexadecimal digits.
#[must_use]
pub fn fingerprint(contents: &[&[u8]], terms: &str) -> String {
    let mut whole = Sha256::new();
    for bytes in contents {
        whole.update(Sha256::digest(bytes));
    }
    whole.update(terms);
    let digest = whole.finalize();
    digest[..FINGERPRINT_BYTES]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::catalog::{self, Op};

    #[test]
    fn a_missing_file_is_named() {
        let cache = tempfile::tempdir().unwrap();
        let entry = catalog::find(Op::Text, "AllMiniLML6V2").unwrap();
        let refused = Files::find(cache.path(), &entry).unwrap_err().to_string();
        assert!(refused.contains("refs/main"), "{refused}");

        let repository = cache.path().join("models--Qdrant--all-MiniLM-L6-v2-onnx");
        fs::create_dir_all(repository.join("refs")).unwrap();
        fs::write(repository.join("refs/main"), "abc\n").unwrap();
        let refused = Files::find(cache.path(), &entry).unwrap_err().to_string();
        assert!(
            refused.contains("snapshots/abc/tokenizer.json"),
            "{refused}"
        );
    }

    #[test]
    fn a_reference_that_leads_elsewhere_is_refused_and_named() {
        let cache = tempfile::tempdir().unwrap();
        let entry = catalog::find(Op::Text, "AllMiniLML6V2").unwrap();
        let repository = Repository::of(cache.path(), &entry.repository);
        // All files are there, at the end of the way that leads elsewhere.
        let elsewhere = cache.path().join("elsewhere");
        fs::create_dir_all(&elsewhere).unwrap();
        for file in entry.files() {
            fs::write(elsewhere.join(file), "").unwrap();
        }
        fs::create_dir_all(repository.folder().join("refs")).unwrap();
        fs::create_dir_all(repository.folder().join("snapshots")).unwrap();
        for revision in ["../../elsewhere", &elsewhere.display().to_string(), ""] {
            fs::write(repository.reference(), revision).unwrap();
            let refused = Files::find(cache.path(), &entry).unwrap_err();
            assert!(
                matches!(&refused, Error::Unreadable { file, .. } if file.ends_with("refs/main"))
            );
        }
    }

    #[test]
    fn a_fingerprint_changes_with_bytes_and_with_terms() {
        let one = fingerprint(&[b"a", b"b"], "mean 256");
        assert_eq!(one.len(), 16);
        assert_ne!(one, fingerprint(&[b"ab", b""], "mean 256"));
        assert_ne!(one, fingerprint(&[b"a", b"b"], "mean 128"));
    }
}
