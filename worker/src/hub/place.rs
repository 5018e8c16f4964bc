//! Files on their way into a cache: gathered beside the snapshots, then moved.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::models::files::Repository;

/// What the names of folders with unfinished files begin with.
const PREFIX: &str = "partial-";

/// A folder for the files of one revision that are not in its snapshot yet.
pub(super) struct Gathering {
    repository: Repository,
    folder: PathBuf,
}

impl Gathering {
    /// The one called `name`, with what an earlier run left in it.
    pub(super) fn of(repository: &Repository, name: &str) -> Self {
        Self {
            repository: repository.clone(),
            folder: repository.folder().join(format!("{PREFIX}{name}")),
        }
    }

    /// Where a file is gathered.
    pub(super) fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    /// Empties it.
    pub(super) fn clear(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.folder) {
            Err(fault) if fault.kind() != io::ErrorKind::NotFound => Err(fault),
            _ => Ok(()),
        }
    }

    /// Moves the gathered `files` into the snapshot of `revision`: by one
    /// rename where there is none yet, else file by file.
    pub(super) fn move_to(&self, revision: &str, files: &[String]) -> io::Result<()> {
        let snapshot = self.repository.snapshot(revision);
        if !snapshot.exists() {
            make_parent(&snapshot)?;
            return fs::rename(&self.folder, &snapshot);
        }
        for file in files {
            let target = snapshot.join(file);
            make_parent(&target)?;
            fs::rename(self.path(file), target)?;
        }
        self.clear()
    }
}

/// Makes `revision` the current one, as the last step.
pub(super) fn make_current(repository: &Repository, revision: &str) -> io::Result<()> {
    if repository.revision().as_deref() == Some(revision) {
        return Ok(());
    }
    // Hub clients take the whole content as the revision: no newline.
    write_whole(&repository.reference(), revision)
}

/// Removes what failed runs have left of any revision.
pub(super) fn sweep(repository: &Repository) -> io::Result<()> {
    for item in fs::read_dir(repository.folder())? {
        let item = item?;
        if item
            .file_name()
            .as_encoded_bytes()
            .starts_with(PREFIX.as_bytes())
        {
            fs::remove_dir_all(item.path())?;
        }
    }
    Ok(())
}

/// Writes a file that is seen with all of its text or not at all.
pub(super) fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    make_parent(path)?;
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}.tmp", std::process::id()));
    let draft = PathBuf::from(draft);
    let mut file = fs::File::create(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(draft, path)
}

fn make_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_join_a_snapshot_that_another_model_of_the_repository_made() {
        let cache = tempfile::tempdir().unwrap();
        let repository = Repository::of(cache.path(), "a/b");
        let snapshot = repository.snapshot("1");
        fs::create_dir_all(&snapshot).unwrap();
        fs::write(snapshot.join("config.json"), "kept").unwrap();
        let gathering = Gathering::of(&repository, "1");
        fs::create_dir_all(gathering.path("onnx")).unwrap();
        fs::write(gathering.path("onnx/model.onnx"), "new").unwrap();

        gathering
            .move_to("1", &["onnx/model.onnx".to_owned()])
            .unwrap();
        let read = |file: &str| fs::read_to_string(snapshot.join(file)).unwrap();
        assert_eq!(
            (read("config.json"), read("onnx/model.onnx")),
            ("kept".to_owned(), "new".to_owned())
        );
        assert!(!gathering.path("").exists());
    }

    #[test]
    fn the_current_revision_is_written_without_a_newline() {
        let cache = tempfile::tempdir().unwrap();
        let repository = Repository::of(cache.path(), "a/b");
        make_current(&repository, "1").unwrap();
        make_current(&repository, "2").unwrap();
        let text = fs::read_to_string(repository.reference()).unwrap();
        assert_eq!(text, "2");
    }
}
