//! `pull` and `import`: the models' files, before a worker is started.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use super::Settings;
use crate::config::{self, Config, Model, ModelKind};
use crate::hub::{self, Hub, Pin, Pins, Progress};
use crate::models::catalog::Entry;

/// What fetching needs.
#[derive(Clone, Debug, Args)]
pub struct Pull {
    /// Models by fastembed's names, those that do not embed text with what they
    /// do where a text model has the same, such as image/ClipVitB32; the
    /// configured ones by default.
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Also write the revision and every sha256 to models.lock (--lock=FILE:
    /// to that one). A model that it pins already stays at its revision.
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    lock: Option<Option<PathBuf>>,
    /// Pin the hub's newest revision in place of the one in models.lock.
    #[arg(long, requires = "lock")]
    update: bool,
    /// Where cache and hub are.
    #[command(flatten)]
    settings: Settings,
}

/// What importing needs.
#[derive(Clone, Debug, Args)]
pub struct Import {
    /// The model, by fastembed's name, as `pull` takes it.
    name: String,
    /// Folder that holds its files as the hub's repository does.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Also write the revision and every sha256 to models.lock (--lock=FILE:
    /// to that one).
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    lock: Option<Option<PathBuf>>,
    /// Where the cache is.
    #[command(flatten)]
    settings: Settings,
}

/// Fetches the models, one after the other.
///
/// # Errors
/// [`config::Error`] for settings and `models.lock`, else [`hub::Error`].
pub async fn pull(
    arguments: &Pull,
    variables: impl IntoIterator<Item = (String, String)>,
) -> anyhow::Result<()> {
    let config = load(&arguments.settings, arguments.lock.as_ref(), variables)?;
    if config.runtime.offline {
        return Err(config::Error::new("runtime.offline", "is set, and pull needs the hub").into());
    }
    let mut pins = pins(&config, arguments.lock.is_some())?;
    let hub = Hub::new(&config)?;
    let mut progress = Progress::to_stderr();
    for entry in entries(&arguments.names, &config)? {
        lies_in_a_repository(&entry)?;
        let pin = pins.find(&entry).filter(|_| !arguments.update);
        let pulled = hub.pull(&entry, pin, &mut progress).await?;
        report(&entry, &pulled.revision, &config)?;
        if arguments.lock.is_some() {
            write_pin(&mut pins, &entry, &pulled.revision, &config)?;
        }
    }
    Ok(())
}

/// Copies a model's files out of a folder.
///
/// # Errors
/// As [`pull`].
pub async fn import(
    arguments: &Import,
    variables: impl IntoIterator<Item = (String, String)>,
) -> anyhow::Result<()> {
    let config = load(&arguments.settings, arguments.lock.as_ref(), variables)?;
    let mut pins = pins(&config, arguments.lock.is_some())?;
    let entry = config.entry(&arguments.name)?;
    lies_in_a_repository(&entry)?;
    let cache = &config.runtime.cache;
    let mut progress = Progress::to_stderr();
    let revision = hub::import(cache, &entry, &arguments.folder, &mut progress).await?;
    report(&entry, &revision, &config)?;
    if arguments.lock.is_some() {
        write_pin(&mut pins, &entry, &revision, &config)?;
    }
    Ok(())
}

fn load(
    settings: &Settings,
    lock: Option<&Option<PathBuf>>,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Config, config::Error> {
    let mut settings = settings.clone();
    if let Some(Some(file)) = lock {
        settings.assign(&format!("runtime.lock={}", file.display()));
    }
    settings.load(variables)
}

fn pins(config: &Config, writing: bool) -> Result<Pins, config::Error> {
    if writing {
        Pins::load_or_begin(&config.runtime)
    } else {
        Pins::load(&config.runtime)
    }
}

fn entries(names: &[String], config: &Config) -> Result<Vec<Entry>, crate::models::Error> {
    if !names.is_empty() {
        return names.iter().map(|name| config.entry(name)).collect();
    }
    let served = config.served();
    let served = served.iter().filter(|model| model.kind == ModelKind::Onnx);
    // What lies in a folder is there.
    served
        .filter(|model| model.own.directory.is_none())
        .map(Model::entry)
        .collect()
}

/// Refuses a model in a folder of its own: it needs no cache.
fn lies_in_a_repository(entry: &Entry) -> Result<(), config::Error> {
    let reason = |_| {
        let name = entry.label();
        config::Error::new(
            "models.directory",
            format!("is where {name} lies: there is nothing to fetch or to import"),
        )
    };
    entry.directory().map(reason).map_or(Ok(()), Err)
}

fn report(entry: &Entry, revision: &str, config: &Config) -> anyhow::Result<()> {
    let (name, cache) = (entry.label(), config.runtime.cache.display());
    writeln!(std::io::stdout(), "{name} is at {revision} in {cache}")?;
    Ok(())
}

fn write_pin(
    pins: &mut Pins,
    entry: &Entry,
    revision: &str,
    config: &Config,
) -> anyhow::Result<()> {
    let path = Pins::path(&config.runtime);
    pins.set(Pin::in_cache(&config.runtime.cache, entry, revision)?);
    pins.write(&path).with_context(|| written(&path))?;
    writeln!(
        std::io::stdout(),
        "{} pins {}",
        path.display(),
        entry.label()
    )?;
    Ok(())
}

fn written(path: &Path) -> String {
    format!("{} cannot be written", path.display())
}
