//! A repository's folder in a hub cache: `models--<owner>--<name>/refs/main` names a
//! revision, `snapshots/<revision>/` holds its files
//! (huggingface.co/docs/huggingface_hub/guides/manage-cache).

use std::fs;
use std::path::{Path, PathBuf};

/// Longest revision: a commit has 40 characters.
const MAX_REVISION_LENGTH: usize = 100;

/// Whether this can name a folder and stand in an address: a commit does, and
/// nothing that leads elsewhere.
#[must_use]
pub fn is_revision(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=MAX_REVISION_LENGTH).contains(&text.len())
        && !text.starts_with('.')
        && text.bytes().all(allowed)
}

/// Whether this can be the path of a file within a repository or a folder: it
/// leads nowhere else, and can stand in an address as it is.
#[must_use]
pub fn is_path(text: &str) -> bool {
    let is_name = |name: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        !["", ".", ".."].contains(&name) && name.bytes().all(allowed)
    };
    text.split('/').all(is_name)
}

/// One repository's folder in a hub cache.
#[derive(Clone, Debug)]
pub struct Repository(PathBuf);

impl Repository {
    /// The folder of `repository`, such as `Qdrant/all-MiniLM-L6-v2-onnx`,
    /// which need not be there yet.
    #[must_use]
    pub fn of(cache: &Path, repository: &str) -> Self {
        Self(cache.join(format!("models--{}", repository.replace('/', "--"))))
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// The file that names the current revision.
    #[must_use]
    pub fn reference(&self) -> PathBuf {
        self.0.join("refs").join("main")
    }

    /// The current revision; none where nothing names one.
    #[must_use]
    pub fn revision(&self) -> Option<String> {
        let text = fs::read_to_string(self.reference()).ok()?;
        Some(text.trim().to_owned())
    }

    /// The folder of one revision's files.
    #[must_use]
    pub fn snapshot(&self, revision: &str) -> PathBuf {
        self.0.join("snapshots").join(revision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_a_file_below_and_nowhere_else() {
        for path in ["model.onnx", "onnx/model_int8.onnx", "a/b/c.onnx_data"] {
            assert!(is_path(path), "{path}");
        }
        for path in [
            "",
            "/etc/passwd",
            "../x",
            "a/../x",
            "a//b",
            "a/",
            "a b",
            "a?b",
        ] {
            assert!(!is_path(path), "{path}");
        }
    }
}
