//! Before a worker loads its models: what is missing is fetched, and all of it
//! is checked.

use std::path::Path;

use super::{Error, Hub, Pins, Progress, Verdict, verify};
use crate::config::{Config, ModelKind};
use crate::models::catalog::Entry;

/// Sees to it that every file of every configured model is in the cache and is
/// the one that `models.lock` pins. Offline, the network is never touched.
///
/// # Errors
/// A `models.lock` that cannot be read, as [`crate::config::Error`]; else
/// [`Error`], for the first model with a fault.
pub async fn provide(config: &Config) -> anyhow::Result<()> {
    let runtime = &config.runtime;
    let pins = Pins::load(runtime)?;
    let entries = config
        .served()
        .iter()
        .filter(|model| model.kind == ModelKind::Onnx)
        .map(|model| model.entry().map_err(Error::from))
        .collect::<Result<Vec<Entry>, Error>>()?;
    if !runtime.offline {
        fetch(config, &entries, &pins).await?;
    }
    tokio::task::block_in_place(|| check(&runtime.cache, &entries, &pins, runtime.locked))?;
    Ok(())
}

/// Fetches the models that are missing. A file that is there and wrong is not:
/// that is for an operator to look at.
async fn fetch(config: &Config, entries: &[Entry], pins: &Pins) -> Result<(), Error> {
    let runtime = &config.runtime;
    let mut hub = None;
    for entry in entries {
        if entry.directory().is_some() {
            continue;
        }
        let found = crate::models::files::Files::find(&runtime.cache, entry);
        let pin = pins.find(entry);
        let missing = match (&found, pin) {
            // Refused below, so not worth fetching.
            (_, None) if runtime.locked && !entry.is_pinned() => false,
            (Err(_), _) => true,
            (Ok(files), Some(pin)) if entry.revision().is_none() => {
                runtime.locked && files.revision != pin.revision
            }
            (Ok(_), _) => false,
        };
        if !missing {
            continue;
        }
        let hub = match &hub {
            Some(hub) => hub,
            None => hub.insert(Hub::new(config)?),
        };
        tracing::info!(
            model = %entry.name,
            repository = %entry.repository,
            endpoint = %config.hub.endpoint,
            "not in the cache; fetching"
        );
        hub.pull(entry, pin, &mut Progress::Log).await?;
    }
    Ok(())
}

fn check(cache: &Path, entries: &[Entry], pins: &Pins, locked: bool) -> Result<(), Error> {
    for entry in entries {
        match verify(cache, entry, pins, locked)? {
            Verdict::Pinned => tracing::info!(model = %entry.name, "files are the pinned ones"),
            Verdict::Unpinned(reason) => {
                tracing::info!(model = %entry.name, reason, "files are not verified");
            }
        }
    }
    Ok(())
}
