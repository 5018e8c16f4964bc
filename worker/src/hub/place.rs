//! Files on their way into a cache: gathered beside the snapshots, then moved.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::models::repository::Repository;

/// What the names of folders with unfinished files begin with.
const PREFIX: &str = "partial-";

/// The folder in which a snapshot is put together: no revision's name begins so.
const WHOLE: &str = ".whole";

/// What the names of files end with that are not written whole yet.
const DRAFT: &str = ".tmp";

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

    /// Moves the gathered `files`, and nothing that another model's run has left
    /// beside them, into the snapshot of `revision`: by one rename where there
    /// is none yet, else file by file.
    pub(super) fn move_to(&self, revision: &str, files: &[String]) -> io::Result<()> {
        let snapshot = self.repository.snapshot(revision);
        if snapshot.exists() {
            self.move_files(files, &snapshot)?;
        } else {
            let whole = Self::of(&self.repository, WHOLE);
            whole.clear()?;
            self.move_files(files, &whole.folder)?;
            make_parent(&snapshot)?;
            fs::rename(&whole.folder, &snapshot)?;
        }
        self.clear()
    }

    fn move_files(&self, files: &[String], folder: &Path) -> io::Result<()> {
        for file in files {
            let target = folder.join(file);
            make_parent(&target)?;
            fs::rename(self.path(file), target)?;
        }
        Ok(())
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

/// Removes what failed runs have left of any revision, and of `refs/main`.
pub(super) fn sweep(repository: &Repository) -> io::Result<()> {
    let reference = repository.reference();
    let name = reference.file_name().unwrap_or_default().as_encoded_bytes();
    let references = match fs::read_dir(reference.parent().unwrap_or(repository.folder())) {
        // Nothing was ever made the current revision.
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => None,
        references => Some(references?),
    };
    for item in references.into_iter().flatten() {
        let item = item?;
        let file = item.file_name();
        let file = file.as_encoded_bytes();
        if file.starts_with(name) && file.ends_with(DRAFT.as_bytes()) {
            fs::remove_file(item.path())?;
        }
    }
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
    draft.push(format!(".{}{DRAFT}", std::process::id()));
    let draft = PathBuf::from(draft);
    let mut file = fs::File::create(&draft)?;
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&draft, path));
    if written.is_err() {
        // What went wrong is told; that the draft stays too is no news.
        let _ = fs::remove_file(draft);
    }
    written
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
    fn what_another_models_run_left_does_not_join_a_new_snapshot() {
        let cache = tempfile::tempdir().unwrap();
        let repository = Repository::of(cache.path(), "a/b");
        let gathering = Gathering::of(&repository, "1");
        fs::create_dir_all(gathering.path("onnx")).unwrap();
        for file in ["config.json", "onnx/model.onnx", "onnx/other.onnx.part"] {
            fs::write(gathering.path(file), file).unwrap();
        }

        let files = ["config.json", "onnx/model.onnx"].map(str::to_owned);
        gathering.move_to("1", &files).unwrap();
        let snapshot = repository.snapshot("1");
        assert!(files.iter().all(|file| snapshot.join(file).is_file()));
        assert!(!snapshot.join("onnx/other.onnx.part").exists());
        assert!(!gathering.path("").exists());
    }

    #[test]
    fn drafts_and_partial_folders_of_runs_that_were_killed_are_swept() {
        let cache = tempfile::tempdir().unwrap();
        let repository = Repository::of(cache.path(), "a/b");
        make_current(&repository, "1").unwrap();
        let draft = repository.reference().with_file_name("main.4711.tmp");
        fs::write(&draft, "2").unwrap();
        let gathering = Gathering::of(&repository, "2");
        fs::create_dir_all(gathering.path("")).unwrap();

        sweep(&repository).unwrap();
        assert!(!draft.exists() && !gathering.path("").exists());
        assert_eq!(repository.revision().as_deref(), Some("1"));
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
