//! A model's files, from a folder into the cache: for sites without internet.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::exclusive::Door;
use super::place::{self, Gathering};
use super::{Error, Progress, sum};
use crate::models::catalog::Entry;
use crate::models::files::TOKENIZER;
use crate::models::repository::Repository;
use crate::models::tokenizer::Tokenizer;
use crate::models::{beside, onnx};

/// What the names of imported revisions begin with.
pub(super) const REVISION_PREFIX: &str = "import-";

/// Digits of the sum that stand in a revision's name.
const REVISION_DIGITS: usize = 12;

/// Copies the files of `entry` out of `folder`, where they lie as in the hub's
/// repository, and makes them the current revision, whose name is returned:
/// `import-` and the begin of a sum over all of them.
///
/// # Errors
/// [`Error::Import`] where files are missing or are not what their names say;
/// [`Error::Cache`].
pub async fn import(
    cache: &Path,
    entry: &Entry,
    folder: &Path,
    progress: &mut Progress,
) -> Result<String, Error> {
    let files = check(entry, folder)?;
    let failed = |fault: std::io::Error| Error::cache(cache, fault);
    let repository = Repository::of(cache, &entry.repository);
    let _alone = Door::to(cache, repository.folder())?
        .enter(progress)
        .await?;
    let gathering = Gathering::of(&repository, "import");
    gathering.clear().map_err(failed)?;
    let mut whole = Sha256::new();
    for file in &files {
        let (bytes, found) = copy(&folder.join(file), &gathering.path(file), cache)?;
        whole.update(format!("{file} {found}\n"));
        progress.end(file, bytes, &found);
    }
    let revision = format!("{REVISION_PREFIX}{}", &sum::hex(whole)[..REVISION_DIGITS]);
    gathering
        .move_to(&revision, &files)
        .and_then(|()| place::make_current(&repository, &revision))
        .and_then(|()| place::sweep(&repository))
        .map_err(failed)?;
    Ok(revision)
}

/// All files are there, the graph is one, and the tokenizer, or what prepares
/// images, can be read. Gives the files.
fn check(entry: &Entry, folder: &Path) -> Result<Vec<String>, Error> {
    let refused = |reason: String| Error::Import {
        folder: folder.display().to_string(),
        reason,
    };
    if let Some(revision) = entry.revision() {
        return Err(refused(format!(
            "models.revision of {} is {revision}, and an import is a revision of its own",
            entry.label()
        )));
    }
    let are_there = |files: &[String]| {
        let files = files.iter().map(String::as_str);
        let missing: Vec<&str> = files.filter(|file| !folder.join(file).is_file()).collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(refused(format!(
            "{} needs {}, which it does not hold",
            entry.label(),
            missing.join(", ")
        )))
    };
    let mut files = entry.files();
    are_there(&files)?;
    let read = |file: &str| {
        let path = folder.join(file);
        fs::read(&path).map_err(|fault| Error::read(&path, fault))
    };
    if !entry.is_candle && !onnx::is_graph(read(&entry.graph)?) {
        return Err(refused(format!("{} is not an ONNX file", entry.graph)));
    }
    if entry.names_more() {
        let beside = beside::named_by(folder, entry);
        let beside = beside.map_err(|reason| refused(format!("{} {reason}", entry.graph)))?;
        are_there(&beside)?;
        files.extend(beside);
    }
    // What texts or images need is named first.
    let first = files.first().map_or(TOKENIZER, String::as_str);
    let (file, outcome) = match entry.max_length {
        Some(max_length) => {
            let tokenizer = Tokenizer::from_bytes(&read(first)?, max_length);
            (first, tokenizer.map(drop))
        }
        None => {
            let settings = serde_json::from_slice::<serde_json::Map<_, _>>(&read(first)?);
            let outcome = settings.map(drop).map_err(|fault| fault.to_string());
            (first, outcome)
        }
    };
    outcome.map_err(|reason| refused(format!("{file} cannot be read: {reason}")))?;
    Ok(files)
}

/// Copies one file; gives its size and its sum.
fn copy(from: &Path, to: &Path, cache: &Path) -> Result<(u64, String), Error> {
    let failed = |fault: std::io::Error| Error::cache(cache, fault);
    let mut source = File::open(from).map_err(|fault| Error::read(from, fault))?;
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut target = File::create(to).map_err(failed)?;
    let mut digest = Sha256::new();
    let bytes = sum::copy(&mut source, |block| {
        digest.update(block);
        target.write_all(block)
    })
    .and_then(|bytes| target.sync_all().map(|()| bytes))
    .map_err(failed)?;
    Ok((bytes, sum::hex(digest)))
}
