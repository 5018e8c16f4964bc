//! Files that settings name: there, readable, and of the kind that is meant.

use std::path::Path;

use super::{Config, Error};

/// What a PEM file has (RFC 7468), and a credentials file in its image.
const PEM: &str = "-----BEGIN";

/// What the seed of a user's nkey begins with.
const USER_SEED: &str = "SU";

/// Looks into every file of `[nats]` that is set, and for the folder of every model,
/// so that a wrong one is found before a connection is tried.
///
/// # Errors
/// The first that cannot be read or is of another kind. What is in it is not told.
pub fn readable(config: &Config) -> Result<(), Error> {
    let nats = &config.nats;
    holds("nats.creds", &nats.creds, "a credentials file", |text| {
        text.contains(PEM)
    })?;
    holds(
        "nats.nkey",
        &nats.nkey,
        "a file with a user's seed",
        |text| {
            // Some tools write it between lines of their own.
            text.lines().any(|line| line.trim().starts_with(USER_SEED))
        },
    )?;
    for (key, path) in [
        ("nats.cert", &nats.cert),
        ("nats.key", &nats.key),
        ("nats.ca", &nats.ca),
    ] {
        holds(key, path, "a PEM file", |text| text.contains(PEM))?;
    }
    let folders = config.models.iter();
    for folder in folders.filter_map(|model| model.own.directory.as_deref()) {
        let reason = match folder.metadata() {
            Ok(about) if about.is_dir() => continue,
            Ok(_) => "it is none".to_owned(),
            Err(fault) => fault.to_string(),
        };
        let value = format!("{:?}", folder.display().to_string());
        let reason = format!("must be a folder: {reason}");
        return Err(Error::of("models.directory", value, reason));
    }
    Ok(())
}

fn holds(key: &str, path: &Path, kind: &str, is_one: impl Fn(&str) -> bool) -> Result<(), Error> {
    if path.as_os_str().is_empty() {
        return Ok(());
    }
    let reason = match std::fs::read_to_string(path) {
        Ok(text) if is_one(&text) => return Ok(()),
        Ok(_) => "it is none".to_owned(),
        Err(fault) => fault.to_string(),
    };
    let value = format!("{:?}", path.display().to_string());
    Err(Error::of(key, value, format!("must be {kind}: {reason}")))
}
