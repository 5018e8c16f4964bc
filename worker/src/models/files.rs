//! A model's files in a hub cache: `models--<owner>--<name>/refs/main` names a
//! revision, `snapshots/<revision>/` holds its files
//! (huggingface.co/docs/huggingface_hub/guides/manage-cache).

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::Error;
use super::catalog::Entry;

/// Bytes of a fingerprint that are shown: 64 bits, in hexadecimal.
const FINGERPRINT_BYTES: usize = 8;

/// A model's files, found but not yet read.
#[derive(Clone, Debug)]
pub struct Files {
    /// The ONNX graph with its weights.
    pub graph: PathBuf,
    /// `tokenizer.json`.
    pub tokenizer: PathBuf,
    /// `config.json`, which may be missing.
    config: PathBuf,
    /// The revision that `refs/main` names.
    pub revision: String,
}

impl Files {
    /// Finds the files of a catalogue entry under `cache`.
    ///
    /// # Errors
    /// [`Error::Missing`] with the first file that is not there.
    pub fn find(cache: &Path, entry: &Entry) -> Result<Self, Error> {
        let missing = |file: &str| Error::Missing {
            model: entry.name.clone(),
            file: file.to_owned(),
            cache: cache.display().to_string(),
        };
        let folder = format!("models--{}", entry.repository.replace('/', "--"));
        let repository = cache.join(&folder);
        let reference = repository.join("refs").join("main");
        let revision = fs::read_to_string(reference)
            .map_err(|_| missing(&format!("{folder}/refs/main")))?
            .trim()
            .to_owned();
        let snapshot = repository.join("snapshots").join(&revision);
        let file = |name: &str| {
            let path = snapshot.join(name);
            if path.is_file() {
                Ok(path)
            } else {
                Err(missing(&format!("{folder}/snapshots/{revision}/{name}")))
            }
        };
        Ok(Self {
            graph: file(&entry.graph)?,
            tokenizer: file("tokenizer.json")?,
            config: snapshot.join("config.json"),
            revision,
        })
    }
}

impl Files {
    /// Positions that the model has embeddings for, where its configuration says
    /// so: a longer text would fail the whole run.
    #[must_use]
    pub fn max_positions(&self) -> Option<usize> {
        let config = fs::read(&self.config).ok()?;
        let config: serde_json::Value = serde_json::from_slice(&config).ok()?;
        config
            .get("max_position_embeddings")?
            .as_u64()?
            .try_into()
            .ok()
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
    use crate::models::catalog;

    #[test]
    fn a_missing_file_is_named() {
        let cache = tempfile::tempdir().unwrap();
        let entry = catalog::find("AllMiniLML6V2").unwrap();
        let refused = Files::find(cache.path(), &entry).unwrap_err().to_string();
        assert!(refused.contains("refs/main"), "{refused}");

        let repository = cache.path().join("models--Qdrant--all-MiniLM-L6-v2-onnx");
        fs::create_dir_all(repository.join("refs")).unwrap();
        fs::write(repository.join("refs/main"), "abc\n").unwrap();
        let refused = Files::find(cache.path(), &entry).unwrap_err().to_string();
        assert!(refused.contains("snapshots/abc/model.onnx"), "{refused}");
    }

    #[test]
    fn a_fingerprint_changes_with_bytes_and_with_terms() {
        let one = fingerprint(&[b"a", b"b"], "mean 256");
        assert_eq!(one.len(), 16);
        assert_ne!(one, fingerprint(&[b"ab", b""], "mean 256"));
        assert_ne!(one, fingerprint(&[b"a", b"b"], "mean 128"));
    }
}
