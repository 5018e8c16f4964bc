//! The images of `tests/models/pixels.py`, made once for this program.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use fastembed_worker::models::image::decode::{Limits, decode};
use fastembed_worker::wire::Error;
use image::RgbImage;
use serde_json::Value;

use crate::harness::generated::python;

/// What the script left, to one test at a time.
pub(crate) struct Made {
    pub(crate) folder: PathBuf,
    pub(crate) about: Value,
    _turn: MutexGuard<'static, ()>,
}

impl Made {
    pub(crate) fn take() -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        static FOLDER: OnceLock<PathBuf> = OnceLock::new();
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = FOLDER.get_or_init(make).clone();
        let about = serde_json::from_slice(&read(&folder.join("pixels.json"))).unwrap();
        Self {
            folder,
            about,
            _turn: turn,
        }
    }

    /// The names under a key of `pixels.json`.
    pub(crate) fn names(&self, key: &str) -> Vec<String> {
        match &self.about[key] {
            Value::Array(list) => list
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            other => other.as_object().unwrap().keys().cloned().collect(),
        }
    }

    /// Width and height under a key and a name.
    pub(crate) fn sides(&self, key: &str, name: &str) -> (usize, usize) {
        let side = |side: &str| self.about[key][name][side].as_u64().unwrap() as usize;
        (side("width"), side("height"))
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        read(&self.folder.join("images").join(name))
    }

    pub(crate) fn decoded(&self, name: &str) -> Result<RgbImage, Error> {
        decode(&self.bytes(name), &Limits::default())
    }
}

pub(crate) fn read(file: &Path) -> Vec<u8> {
    std::fs::read(file).unwrap_or_else(|fault| panic!("{}: {fault}", file.display()))
}

fn make() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pixels");
    // What an earlier script left would be tested for ever.
    let _ = std::fs::remove_dir_all(&folder);
    python(&[Path::new("tests/models/pixels.py"), &folder]);
    folder
}
