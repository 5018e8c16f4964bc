//! Where settings come from, weakest first.

use std::path::Path;

use toml::{Table, Value};

use super::{Config, Error, Nats, keys};

/// Sections whose keys can be set by variables and flags.
pub const SECTIONS: &[&str] = &[
    "nats", "service", "runtime", "hub", "queue", "objects", "http", "drain", "log",
];

/// Prefix of this project's own variables: `FASTEMBED_<SECTION>_<KEY>`.
const PREFIX: &str = "FASTEMBED_";

/// Libraries' own variables, which are read where a setting is left empty.
const FOREIGN: &[(&str, &str, &str)] = &[
    ("ORT_DYLIB_PATH", "runtime", "library"),
    ("HF_HOME", "runtime", "cache"),
    ("HF_HUB_OFFLINE", "runtime", "offline"),
    ("HF_ENDPOINT", "hub", "endpoint"),
    ("HF_TOKEN", "hub", "token"),
];

/// Settings laid over each other; later ones win.
#[derive(Clone, Debug, Default)]
pub struct Layers(Table);

impl Layers {
    /// Lays a TOML file over what is there.
    ///
    /// # Errors
    /// Names the file, and the line where it is not TOML.
    pub fn file(self, path: &Path) -> Result<Self, Error> {
        let key = path.display().to_string();
        let text =
            std::fs::read_to_string(path).map_err(|fault| Error::new(&key, fault.to_string()))?;
        self.text(&text)
            .map_err(|error| Error::new(key, error.reason))
    }

    /// As [`Layers::file`], for TOML at hand.
    ///
    /// # Errors
    /// Says where it is not TOML.
    pub fn text(mut self, text: &str) -> Result<Self, Error> {
        let table: Table = text.parse().map_err(|fault: toml::de::Error| {
            // The fault's own display quotes the line, which may hold a password.
            let before = fault.span().and_then(|span| text.get(..span.start));
            let line = before.map_or(0, |before| before.matches('\n').count()) + 1;
            let reason = format!("line {line}: {}", one_line(fault.message()));
            Error::new("configuration", reason)
        })?;
        for (section, value) in table {
            match (self.0.get_mut(&section), value) {
                (Some(Value::Table(below)), Value::Table(above)) => below.extend(above),
                (_, value) => drop(self.0.insert(section, value)),
            }
        }
        Ok(self)
    }

    /// Lays a context of the nats CLI over what is there.
    ///
    /// # Errors
    /// Names the file that is missing or no context.
    pub fn context(mut self, file: &Path) -> Result<Self, Error> {
        for (key, value) in super::context::read(file)? {
            self.set("nats", key, &value)?;
        }
        Ok(self)
    }

    /// Lays the environment over what is there. An empty variable is unset.
    ///
    /// # Errors
    /// Names a variable of ours that sets nothing known: a typing error that
    /// would otherwise be silent.
    pub fn environment(
        mut self,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Error> {
        let mut variables: Vec<_> = variables
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .collect();
        variables.sort();
        for (name, value) in &variables {
            if let Some((_, key)) = Nats::VARIABLES.iter().find(|(known, _)| known == name) {
                self.set("nats", key, value)?;
            }
            if let Some((_, section, key)) = FOREIGN.iter().find(|(known, ..)| known == name) {
                self.set(section, key, value)
                    .map_err(|error| error.in_place_of(name))?;
            }
        }
        for (name, value) in &variables {
            let Some(own) = name.strip_prefix(PREFIX) else {
                continue;
            };
            let own = own.to_ascii_lowercase();
            let Some((section, key)) = own
                .split_once('_')
                .filter(|(section, _)| SECTIONS.contains(section))
            else {
                // fastembed's own, and what belongs to the tests.
                if ["cache_dir", "soak"].contains(&own.as_str()) {
                    continue;
                }
                return Err(Error::new(
                    name,
                    format!("sets nothing; sections are {}", SECTIONS.join(", ")),
                ));
            };
            self.set(section, key, value)
                .map_err(|error| error.in_place_of(name))?;
        }
        Ok(self)
    }

    /// Lays one `section.key=value` over what is there.
    ///
    /// # Errors
    /// Where it is not of that form, or names nothing known.
    pub fn assignment(mut self, assignment: &str) -> Result<Self, Error> {
        let parts = assignment
            .split_once('=')
            .and_then(|(name, value)| Some((name.split_once('.')?, value)));
        let Some(((section, key), value)) = parts else {
            // Not the value, which may be a password, nor what may run into one.
            let name = assignment.split_once('=').map_or("--set", |(name, _)| name);
            return Err(Error::new(name, "is not of the form section.key=value"));
        };
        self.set(section, key, value)?;
        Ok(self)
    }

    /// Sets one key from text, in the type that the key has.
    ///
    /// # Errors
    /// Where the key is unknown or the text is not of its type.
    pub fn set(&mut self, section: &str, key: &str, text: &str) -> Result<(), Error> {
        let known = keys::find(section, key)?;
        let list = || {
            let items = text.split(',').map(|item| item.trim().to_owned());
            Value::Array(items.map(Value::String).collect())
        };
        let value = match known {
            Value::Integer(_) => text.parse().ok().map(Value::Integer),
            Value::Boolean(_) => boolean(text).map(Value::Boolean),
            Value::Array(_) => Some(list()),
            _ => None,
        };
        // What does not fit is text, which the check of types refuses.
        let value = value.unwrap_or_else(|| Value::String(text.to_owned()));
        keys::check_value(&format!("{section}.{key}"), &value, &known)?;
        let below = self
            .0
            .entry(section)
            .or_insert_with(|| Value::Table(Table::new()));
        if let Value::Table(table) = below {
            table.insert(key.to_owned(), value);
        }
        Ok(())
    }

    /// The settings, typed and validated with their relations.
    ///
    /// # Errors
    /// The first that cannot be used.
    pub fn build(self) -> Result<Config, Error> {
        keys::check(&self.0)?;
        // What is left are faults that the check above does not know; their own
        // words may quote a value, which may be a password.
        let runtime = self.0.get("runtime").and_then(Value::as_table);
        let bulk_is_set = runtime.is_some_and(|runtime| runtime.contains_key("bulk_tokens"));
        let mut config: Config = Value::Table(self.0)
            .try_into()
            .map_err(|_| Error::new("configuration", "cannot be used"))?;
        if !bulk_is_set {
            // Its default goes with batches that are smaller than it.
            let runtime = &mut config.runtime;
            runtime.bulk_tokens = runtime.bulk_tokens.min(runtime.batch_tokens);
        }
        super::validate::validate(&config)?;
        Ok(config)
    }
}

/// `true` or `false`, also as Hugging Face's libraries write them.
fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// TOML's faults draw the line they are about; an operator's log wants one.
fn one_line(fault: &str) -> String {
    fault.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn flags_win_over_the_environment_and_that_over_the_file() {
        let layers = Layers::default()
            .text("[nats]\nurl = 'nats://file:1'\nuser = 'file'\npassword = 'p'\n[queue]\nmax_requests = 7")
            .unwrap()
            .environment(variables(&[
                ("NATS_URL", "nats://env:1"),
                ("NATS_USER", "env"),
                ("FASTEMBED_QUEUE_MAX_TOKENS", "5000"),
            ]))
            .unwrap()
            .assignment("nats.url=nats://flag:1")
            .unwrap();
        let config = layers.build().unwrap();
        assert_eq!(
            (config.nats.url.as_str(), config.nats.user.as_str()),
            ("nats://flag:1", "env")
        );
        assert_eq!(
            (config.queue.max_requests, config.queue.max_tokens),
            (7, 5000)
        );
    }

    #[test]
    fn our_own_variables_win_over_a_librarys() {
        let both = variables(&[("HF_HOME", "/theirs"), ("FASTEMBED_RUNTIME_CACHE", "/ours")]);
        let config = Layers::default()
            .environment(both)
            .unwrap()
            .build()
            .unwrap();
        assert_eq!(config.runtime.cache, Path::new("/ours"));
    }

    #[test]
    fn a_variable_of_ours_that_sets_nothing_is_refused_by_name() {
        for name in ["FASTEMBED_QUEUE_MAX_REQUEST", "FASTEMBED_QEUE_MAX_REQUESTS"] {
            let refused = Layers::default()
                .environment(variables(&[(name, "1")]))
                .unwrap_err();
            assert_eq!(refused.key, name);
        }
        assert!(
            Layers::default()
                .environment(variables(&[("FASTEMBED_QUEUE_MAX_REQUEST", "")]))
                .is_ok()
        );
    }

    #[test]
    fn a_refusal_of_a_line_does_not_quote_it() {
        let text = "[nats]\nuser = 'a'\npassword = hunter2";
        let refused = Layers::default().text(text).unwrap_err().to_string();
        assert!(
            refused.contains("line 3") && !refused.contains("hunter2"),
            "{refused}"
        );
        let refused = Layers::default().assignment("password=hunter2");
        assert!(!refused.unwrap_err().to_string().contains("hunter2"));
    }

    #[test]
    fn the_hubs_own_variables_are_read() {
        let both = variables(&[("HF_HUB_OFFLINE", "1"), ("HF_ENDPOINT", "http://mirror/hf")]);
        let config = Layers::default().environment(both).unwrap();
        let config = config.build().unwrap();
        assert!(config.runtime.offline);
        assert_eq!(config.hub.endpoint, "http://mirror/hf");
    }
}
