//! Which keys there are, of what type, and the range of every number: checked
//! before values are taken, so that a refusal can name key, value and range.

use toml::{Table, Value};

use super::{Config, Error, Model, ModelKind, own};
use crate::models::fake::Behaviour;

/// Numbers and what they may be, both ends included.
const RANGES: &[(&str, i64, i64)] = &[
    ("nats.connect_timeout_ms", 1, 60_000),
    ("runtime.executors", 0, 1024),
    ("runtime.threads", 0, 256),
    ("runtime.tokenizers", 1, 256),
    ("runtime.batch_tokens", 1, 1 << 20),
    ("runtime.bulk_tokens", 1, 1 << 20),
    ("runtime.vector_cache_bytes", 0, 1 << 40),
    ("runtime.memory_budget_bytes", 0, 1 << 50),
    ("runtime.run_limit_ms", 10, 3_600_000),
    ("hub.connect_timeout_ms", 1, 60_000),
    ("hub.stall_timeout_ms", 1, 600_000),
    ("hub.retries", 0, 100),
    ("hub.retry_delay_ms", 0, 60_000),
    ("queue.max_requests", 1, 1 << 20),
    ("queue.max_tokens", 1, 1 << 30),
    ("queue.max_bytes", 1, 1 << 40),
    ("drain.deadline_ms", 1, 3_600_000),
    // Two special tokens and one of text.
    ("models.max_length", 3, 1 << 17),
    ("models.dimensions", 0, 1 << 16),
    ("models.matryoshka", 1, 1 << 16),
    ("models.delay_ms", 0, 3_600_000),
    ("models.load_ms", 0, 3_600_000),
    ("models.memory_bytes", 0, 1 << 40),
];

/// Texts of which only some mean anything.
const CHOICES: &[(&str, &[&str])] = &[
    ("log.format", &["auto", "pretty", "json"]),
    ("models.kind", &["onnx", "fake"]),
    ("models.op", &["text", "sparse", "image", "rerank", "joint"]),
    ("models.pooling", &["cls", "mean", "last"]),
];

/// Settings that may hold a secret: their values are shown by no message.
const UNSHOWN: &[&str] = &[
    "nats.url",
    "nats.password",
    "nats.token",
    "hub.endpoint",
    "hub.token",
];

/// The table of models.
const MODELS: &str = "models";

/// Checks that every key is known, and every value of its type and in its range.
///
/// # Errors
/// The first that is not.
pub(super) fn check(settings: &Table) -> Result<(), Error> {
    let known = defaults()?;
    for (section, value) in settings {
        if section == MODELS {
            check_models(value)?;
            continue;
        }
        let Some(Value::Table(known)) = known.get(section) else {
            let sections = known.keys().map(String::as_str).chain([MODELS]).collect();
            return Err(unknown(section, section, "section", "", sections));
        };
        let Value::Table(entries) = value else {
            return Err(Error::new(
                section,
                format!("must be a section, [{section}]"),
            ));
        };
        for (key, value) in entries {
            check_value(
                &format!("{section}.{key}"),
                value,
                entry(known, section, key)?,
            )?;
        }
    }
    Ok(())
}

fn check_models(models: &Value) -> Result<(), Error> {
    let must_be = || Error::new(MODELS, "must be a list of tables, [[models]]");
    let known = model()?;
    for model in models.as_array().ok_or_else(must_be)? {
        let model = model.as_table().ok_or_else(must_be)?;
        for (key, value) in model {
            check_value(
                &format!("{MODELS}.{key}"),
                value,
                entry(&known, MODELS, key)?,
            )?;
        }
        if !model.contains_key("name") {
            return Err(Error::new("models.name", "must be set for every model"));
        }
        own::check_keys(model)?;
    }
    Ok(())
}

/// The default of a key, which tells its type.
///
/// # Errors
/// Where there is no such key, with the one that it looks like.
pub(super) fn find(section: &str, key: &str) -> Result<Value, Error> {
    let known = defaults()?;
    match known.get(section) {
        Some(Value::Table(known)) => entry(known, section, key).cloned(),
        _ => {
            let name = format!("{section}.{key}");
            let sections = known.keys().map(String::as_str).collect();
            Err(unknown(&name, section, "section", "", sections))
        }
    }
}

/// Checks a value against one of the same type.
///
/// # Errors
/// What the key must be.
pub(super) fn check_value(name: &str, value: &Value, like: &Value) -> Result<(), Error> {
    let range = RANGES.iter().find(|(key, ..)| *key == name);
    let choices = CHOICES.iter().find(|(key, _)| *key == name);
    let fits = match (like, value) {
        (Value::String(_), Value::String(text)) => {
            choices.is_none_or(|(_, choices)| choices.contains(&text.as_str()))
        }
        (Value::Integer(_), Value::Integer(number)) => {
            range.is_none_or(|(_, least, most)| (least..=most).contains(&number))
        }
        (Value::Boolean(_), Value::Boolean(_)) => true,
        (Value::Array(like), Value::Array(items)) if are_numbers(like) => {
            let within = |item: &Value| {
                let number = item.as_integer();
                number.is_some_and(|number| {
                    range.is_none_or(|(_, least, most)| (least..=most).contains(&&number))
                })
            };
            items.iter().all(within)
        }
        (Value::Array(_), Value::Array(items)) => items.iter().all(Value::is_str),
        (Value::Table(_), Value::Table(entries)) => entries.values().all(Value::is_str),
        _ => false,
    };
    if fits {
        return Ok(());
    }
    let must_be = match (like, range, choices) {
        (Value::Integer(_), Some((_, least, most)), _) => {
            format!("a whole number between {least} and {most}")
        }
        (Value::Array(like), Some((_, least, most)), _) if are_numbers(like) => {
            format!("a list of whole numbers between {least} and {most}")
        }
        (Value::Table(_), ..) => "a table of texts".to_owned(),
        (Value::Boolean(_), ..) => "true or false".to_owned(),
        (Value::Array(_), ..) => "a list of texts".to_owned(),
        (_, _, Some((_, choices))) => format!("one of {}", choices.join(", ")),
        _ => "a text".to_owned(),
    };
    let reason = format!("must be {must_be}");
    // A number where a text belongs may be a password all the same.
    Err(if UNSHOWN.contains(&name) {
        Error::new(name, reason)
    } else {
        let value = value.to_string();
        Error::of(
            name,
            value.split_whitespace().collect::<Vec<_>>().join(" "),
            reason,
        )
    })
}

fn are_numbers(items: &[Value]) -> bool {
    items.first().is_some_and(Value::is_integer)
}

/// Every key of a model's table.
#[must_use]
pub fn model_keys() -> Vec<String> {
    model().map_or_else(|_| Vec::new(), |model| model.keys().cloned().collect())
}

fn defaults() -> Result<Table, Error> {
    Table::try_from(Config::default()).map_err(unwritten)
}

/// A model's table with every key that there is.
fn model() -> Result<Table, Error> {
    Table::try_from(Model {
        name: String::new(),
        kind: ModelKind::Fake,
        max_length: Some(0),
        lazy: false,
        dimensions: Some(0),
        own: own::sample(),
        fake: Behaviour::sample(),
    })
    .map_err(unwritten)
}

pub(super) fn unwritten(fault: toml::ser::Error) -> Error {
    Error::new("configuration", fault.to_string())
}

fn entry<'t>(known: &'t Table, section: &str, key: &str) -> Result<&'t Value, Error> {
    known.get(key).ok_or_else(|| {
        let name = format!("{section}.{key}");
        let prefix = format!("{section}.");
        let keys = known.keys().map(String::as_str).collect();
        unknown(&name, key, "setting", &prefix, keys)
    })
}

fn unknown(name: &str, word: &str, what: &str, prefix: &str, known: Vec<&str>) -> Error {
    let hint = match nearest(word, known.iter().copied()) {
        Some(near) => format!("did you mean {prefix}{near}?"),
        None => format!("there are {}", known.join(", ")),
    };
    Error::new(name, format!("there is no such {what}; {hint}"))
}

/// The word that is a typing error or two away.
pub(super) fn nearest<'w>(word: &str, words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    words
        .map(|known| (distance(word, known), known))
        .filter(|(distance, known)| *distance <= 2.min(known.len() / 2))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// Insertions, removals and replacements between two words (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in other.bytes().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_a_range_and_every_range_a_number() {
        let mut numbers: Vec<String> = Vec::new();
        let mut note = |section: &str, entries: &Table| {
            let is_number = |value: &Value| {
                value.is_integer() || value.as_array().is_some_and(|list| are_numbers(list))
            };
            let found = entries.iter().filter(|(_, value)| is_number(value));
            numbers.extend(found.map(|(key, _)| format!("{section}.{key}")));
        };
        for (section, entries) in &defaults().unwrap() {
            note(section, entries.as_table().unwrap());
        }
        note(MODELS, &model().unwrap());
        let mut ranged: Vec<&str> = RANGES.iter().map(|(key, ..)| *key).collect();
        numbers.sort();
        ranged.sort_unstable();
        assert_eq!(numbers, ranged);
    }

    #[test]
    fn a_typing_error_is_near_and_another_word_is_not() {
        let words = ["max_requests", "max_tokens"];
        let near = |word| nearest(word, words.into_iter());
        assert_eq!(near("max_request"), Some("max_requests"));
        assert_eq!(near("mx_tokesn"), None);
        assert_eq!(near("deadline"), None);
    }
}
