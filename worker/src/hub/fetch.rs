//! One file, from the hub to the disk: resumed where it breaks off, and summed
//! as it comes.

use std::fs::{self, File};
use std::io::{self, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use reqwest::StatusCode;
use sha2::{Digest as _, Sha256};

use super::client::{Body, Client};
use super::retry::{Fault, Retry};
use super::{Error, Progress, sum};
use crate::config;

/// An attempt that brought this much counts as progress.
const PROGRESS_BYTES: u64 = 64 * 1024;

/// A file to fetch.
pub(super) struct Wanted<'a> {
    pub(super) repository: &'a str,
    pub(super) revision: &'a str,
    /// Its path in the repository.
    pub(super) file: &'a str,
    /// The sum that it is pinned to, and what pins it.
    pub(super) pinned: Option<(&'a str, &'static str)>,
    /// Where it goes once it is whole.
    pub(super) target: &'a Path,
}

/// Fetches one file. What broke off stays beside `target`, for the next run.
///
/// # Errors
/// [`Error::Fetch`], and [`Error::Checksum`] after removing the file.
pub(super) async fn fetch(
    client: &Client,
    settings: &config::Hub,
    wanted: &Wanted<'_>,
    progress: &mut Progress,
) -> Result<(), Error> {
    let file = format!("{}/{}", wanted.repository, wanted.file);
    let failed = |reason: String| Error::Fetch {
        file: file.clone(),
        reason,
    };
    let mut part = Part::open(wanted.target).map_err(|fault| failed(unwritten(&fault)))?;
    let mut retry = Retry::new(settings);
    let announced = loop {
        let before = part.bytes;
        match attempt(client, wanted, &file, &mut part, progress).await {
            Ok(announced) => break announced,
            Err(fault) => {
                if part.bytes >= before + PROGRESS_BYTES {
                    retry.progressed();
                }
                retry.after(fault).await.map_err(failed)?;
            }
        }
    };
    let announced = announced.as_deref().map(|sum| (sum, "the hub"));
    let bytes = part.bytes;
    let found = part.sum();
    for (promised, source_of_truth) in wanted.pinned.into_iter().chain(announced) {
        if promised != found {
            part.remove();
            return Err(Error::Checksum {
                file,
                found,
                wanted: promised.to_owned(),
                source_of_truth,
            });
        }
    }
    part.finish(wanted.target)
        .map_err(|fault| failed(unwritten(&fault)))?;
    progress.end(&file, bytes, &found);
    Ok(())
}

/// Asks for what is missing and appends it; gives the sum that the hub tells.
async fn attempt(
    client: &Client,
    wanted: &Wanted<'_>,
    name: &str,
    part: &mut Part,
    progress: &mut Progress,
) -> Result<Option<String>, Fault> {
    let written = |fault: io::Error| Fault::Final(unwritten(&fault));
    let Wanted {
        repository,
        revision,
        file,
        ..
    } = wanted;
    let mut body = client.file(repository, revision, file, part.bytes).await?;
    let whole = body.status == StatusCode::RANGE_NOT_SATISFIABLE && body.size == Some(part.bytes);
    if !whole {
        begin(&body, part)?;
        progress.begin(name, body.size, part.bytes);
        while let Some(piece) = body.chunk().await? {
            part.append(&piece).map_err(written)?;
            progress.advance(piece.len() as u64);
        }
    }
    match body.size {
        Some(size) if size != part.bytes => {
            let reason = format!("ended after {} of {size} bytes", part.bytes);
            if part.bytes > size {
                part.restart().map_err(written)?;
            }
            Err(Fault::passing(reason))
        }
        _ => Ok(body.sha256),
    }
}

/// Brings the part in line with what the answer is going to send.
fn begin(body: &Body, part: &mut Part) -> Result<(), Fault> {
    let continues = body.status == StatusCode::PARTIAL_CONTENT;
    if continues && body.starts_at() == Some(part.bytes) {
        return Ok(());
    }
    part.restart()
        .map_err(|fault| Fault::Final(unwritten(&fault)))?;
    if body.status == StatusCode::OK {
        return Ok(());
    }
    Err(Fault::passing("the hub continues at another place"))
}

fn unwritten(fault: &io::Error) -> String {
    format!("cannot be written: {fault}")
}

/// A file that is not whole yet.
struct Part {
    path: PathBuf,
    file: File,
    digest: Sha256,
    bytes: u64,
}

impl Part {
    /// Goes on with what an earlier run left, if there is something.
    fn open(target: &Path) -> io::Result<Self> {
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut path = target.as_os_str().to_owned();
        path.push(".part");
        let path = PathBuf::from(path);
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)?;
        let mut digest = Sha256::new();
        let bytes = sum::copy(&mut file, |block| {
            digest.update(block);
            Ok(())
        })?;
        Ok(Self {
            path,
            file,
            digest,
            bytes,
        })
    }

    fn append(&mut self, piece: &[u8]) -> io::Result<()> {
        self.file.write_all(piece)?;
        self.digest.update(piece);
        self.bytes += piece.len() as u64;
        Ok(())
    }

    fn restart(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.digest = Sha256::new();
        self.bytes = 0;
        Ok(())
    }

    fn sum(&self) -> String {
        sum::hex(self.digest.clone())
    }

    fn remove(self) {
        // Where it cannot be removed, the next run sums it again and refuses it again.
        let _ = fs::remove_file(self.path);
    }

    /// On the disk before it bears its name.
    fn finish(self, target: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(self.path, target)
    }
}
