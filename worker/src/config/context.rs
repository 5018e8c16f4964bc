//! Contexts of the nats CLI: `nats/context/<name>.json` in the user's
//! configuration folder (github.com/nats-io/natscli, "Configuration contexts").

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::Error;

/// Keys of a context that are settings of `[nats]`, under the same names.
const KEYS: &[&str] = &[
    "url",
    "user",
    "password",
    "token",
    "creds",
    "nkey",
    "cert",
    "key",
    "ca",
    "inbox_prefix",
];

/// Where a context stands.
///
/// # Errors
/// Where the name is a path, or there is no configuration folder.
pub fn file(name: &str, variable: impl Fn(&str) -> Option<String>) -> Result<PathBuf, Error> {
    if name.contains(['/', '\\']) || name.starts_with('.') {
        return Err(Error::new(
            "NATS_CONTEXT",
            format!("{name:?} is not the name of a context"),
        ));
    }
    let folder = variable("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| variable("HOME").map(|home| Path::new(&home).join(".config")))
        .ok_or_else(|| Error::new("NATS_CONTEXT", "neither XDG_CONFIG_HOME nor HOME is set"))?;
    Ok(folder
        .join("nats")
        .join("context")
        .join(format!("{name}.json")))
}

/// The settings that a context makes; empty ones are left out.
pub(super) fn read(file: &Path) -> Result<Vec<(&'static str, String)>, Error> {
    let name = file.display().to_string();
    let text =
        std::fs::read_to_string(file).map_err(|fault| Error::new(&name, fault.to_string()))?;
    let context: Map<String, Value> = serde_json::from_str(&text)
        .map_err(|_| Error::new(&name, "is not a context: no JSON object"))?;
    let setting = |key: &&'static str| {
        let value = context
            .get(*key)?
            .as_str()
            .filter(|value| !value.is_empty())?;
        Some((*key, value.to_owned()))
    };
    Ok(KEYS.iter().filter_map(setting).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Layers;

    #[test]
    fn a_context_sets_the_connection_and_the_environment_wins_over_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("c.json");
        std::fs::write(
            &file,
            r#"{"url":"nats://context:1","user":"a","password":"b","nsc":"","cert":""}"#,
        )
        .unwrap();
        let variables = [("NATS_URL".to_owned(), "nats://env:1".to_owned())];
        let layers = Layers::default()
            .context(&file)
            .unwrap()
            .environment(variables)
            .unwrap();
        let config = layers.build().unwrap();
        assert_eq!(
            (config.nats.url.as_str(), config.nats.user.as_str()),
            ("nats://env:1", "a")
        );
    }

    #[test]
    fn a_context_is_looked_for_where_the_nats_cli_keeps_it() {
        let xdg = |name: &str| (name == "XDG_CONFIG_HOME").then(|| "/x".to_owned());
        assert_eq!(file("c", xdg).unwrap(), Path::new("/x/nats/context/c.json"));
        let home = |name: &str| (name == "HOME").then(|| "/h".to_owned());
        assert_eq!(
            file("c", home).unwrap(),
            Path::new("/h/.config/nats/context/c.json")
        );
        assert!(file("../c", home).is_err());
        assert!(file("c", |_| None).is_err());
    }

    #[test]
    fn a_missing_context_is_named() {
        let refused = read(Path::new("/nowhere/c.json")).unwrap_err();
        assert_eq!(refused.key, "/nowhere/c.json");
    }
}
