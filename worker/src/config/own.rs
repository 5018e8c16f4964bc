//! `[[models]]` of one's own: which keys go with which model, what they may be, and
//! which model a name means.

use toml::{Table, Value};

use super::validate::{is_token, quoted};
use super::{Error, Model};
use crate::models::catalog::{self, Entry, Op, Own};
use crate::models::repository::is_path;
use crate::models::{self, Pooling, fake::Behaviour};

const TEXTS: &[Op] = &[Op::Text, Op::Sparse, Op::Rerank, Op::Joint];

/// Keys that mean something for some operations alone.
const OPS: &[(&str, &[Op])] = &[
    ("max_length", TEXTS),
    ("tokenizer", TEXTS),
    ("preprocessor", &[Op::Image]),
    ("query_weights", &[Op::Sparse]),
    ("output", &[Op::Text, Op::Sparse, Op::Rerank, Op::Image]),
    ("pooling", &[Op::Text]),
    ("prompts", &[Op::Text]),
    ("normalize", &[Op::Text, Op::Image]),
    ("dimensions", &[Op::Text, Op::Image, Op::Joint]),
    ("matryoshka", &[Op::Text, Op::Image]),
];

/// Longest text of a prompt, in bytes.
const MAX_PROMPT_BYTES: usize = 4096;

/// Longest name of a licence; SPDX has none near it.
const MAX_LICENSE_LENGTH: usize = 100;

/// Digits of a SHA-256.
const SHA256_DIGITS: usize = 64;

/// Digits of a commit. A branch would be another commit tomorrow, and is never
/// fetched again.
const COMMIT_DIGITS: usize = 40;

/// Every key, with a value of its type.
pub(super) fn sample() -> Own {
    let text = || Some("a".to_owned());
    let table = || [("a".to_owned(), "a".to_owned())].into();
    Own {
        op: Op::Image,
        directory: Some("a".into()),
        repository: text(),
        revision: text(),
        file: text(),
        files: vec!["a".to_owned()],
        tokenizer: text(),
        preprocessor: text(),
        query_weights: text(),
        output: text(),
        pooling: Some(Pooling::Cls),
        normalize: Some(true),
        prompts: table(),
        matryoshka: vec![1],
        license: text(),
        pins: table(),
        runs_alone: true,
    }
}

/// Refuses keys that mean nothing for the kind of model that a table is of.
///
/// # Errors
/// The first of them.
pub(super) fn check_keys(model: &Table) -> Result<(), Error> {
    let of = |table: Result<Table, _>| table.map_err(super::keys::unwritten);
    let of_own = of(Table::try_from(sample()))?;
    let of_fake = of(Table::try_from(Behaviour::sample()))?;
    let is_fake = model.get("kind").and_then(Value::as_str) == Some("fake");
    let is_own = model.contains_key("directory") || model.contains_key("repository");
    for key in model.keys() {
        let refused = |reason: &str| Err(Error::new(format!("models.{key}"), reason));
        if of_fake.contains_key(key) && !is_fake {
            return refused("must be set for models of kind \"fake\" alone");
        }
        if of_own.contains_key(key) && is_fake {
            return refused("must not be set for models of kind \"fake\"");
        }
        if of_own.contains_key(key) && !is_own {
            return refused(
                "must be set for models of one's own alone, which have models.directory or models.repository",
            );
        }
        if key == "dimensions" && !is_own && !is_fake {
            return refused("must be set for models of one's own and of kind \"fake\" alone");
        }
    }
    if !is_own {
        return Ok(());
    }
    let op = model.get("op").and_then(Value::as_str);
    let op = op.and_then(Op::of).unwrap_or_default();
    for (key, ops) in OPS {
        if model.contains_key(*key) && !ops.contains(&op) {
            let ops: Vec<&str> = ops.iter().map(|op| op.as_str()).collect();
            let reason = format!("must be set where models.op is {} alone", ops.join(", "));
            return Err(Error::new(format!("models.{key}"), reason));
        }
    }
    Ok(())
}

/// Checks what a table of one's own says.
///
/// # Errors
/// The first value that cannot be used, or that does not go with another.
pub(super) fn check(model: &Model) -> Result<(), Error> {
    let own = &model.own;
    let op = own.op;
    if !is_token(&model.name) {
        let reason = "must be of A-Z a-z 0-9 _ -";
        return Err(Error::of("models.name", quoted(&model.name), reason));
    }
    if catalog::names(op).contains(&model.name) {
        let reason = format!("must not be a name among fastembed's {op} models");
        return Err(Error::of("models.name", quoted(&model.name), reason));
    }
    place(own)?;
    let paths = [
        ("models.file", &own.file),
        ("models.tokenizer", &own.tokenizer),
        ("models.preprocessor", &own.preprocessor),
        ("models.query_weights", &own.query_weights),
    ];
    let paths = paths
        .into_iter()
        .filter_map(|(key, path)| Some((key, path.as_ref()?)));
    let pinned = own.pins.keys().map(|path| ("models.pins", path));
    let more = own.files.iter().map(|path| ("models.files", path));
    for (key, path) in paths.chain(more).chain(pinned) {
        if !is_path(path) {
            let reason = "must be a path below the model's folder, of A-Z a-z 0-9 _ - . and /";
            return Err(Error::of(key, quoted(path), reason));
        }
    }
    let mut sums = own.pins.iter();
    if let Some((path, sum)) = sums.find(|(_, sum)| !is_digits(sum, SHA256_DIGITS)) {
        let reason = format!("must be a sha256, {SHA256_DIGITS} digits of 0-9 a-f, for {path}");
        return Err(Error::of("models.pins", quoted(sum), reason));
    }
    vectors(model)?;
    if let Some(license) = &own.license {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-.+() ".contains(&byte);
        let length = 1..=MAX_LICENSE_LENGTH;
        if !length.contains(&license.len()) || !license.bytes().all(allowed) {
            let reason = "must be an SPDX identifier, such as Apache-2.0";
            return Err(Error::of("models.license", quoted(license), reason));
        }
    }
    Ok(())
}

/// Whether this is a number of so many hexadecimal digits.
fn is_digits(text: &str, count: usize) -> bool {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.len() == count && text.bytes().all(is_digit)
}

/// Where its files are.
fn place(own: &Own) -> Result<(), Error> {
    if own.directory.is_some() && own.repository.is_some() {
        let reason = "must not be set beside models.directory: a model lies in one place";
        return Err(Error::new("models.repository", reason));
    }
    if let Some(repository) = &own.repository {
        let parts: Vec<&str> = repository.split('/').collect();
        if parts.len() != 2 || !is_path(repository) {
            let reason = "must be a hub repository, owner/name";
            return Err(Error::of("models.repository", quoted(repository), reason));
        }
    }
    let Some(revision) = &own.revision else {
        return Ok(());
    };
    if own.repository.is_none() {
        let reason = "must be set beside models.repository alone";
        return Err(Error::new("models.revision", reason));
    }
    if !is_digits(revision, COMMIT_DIGITS) {
        let reason =
            format!("must be a commit of the repository, {COMMIT_DIGITS} digits of 0-9 a-f");
        return Err(Error::of("models.revision", quoted(revision), reason));
    }
    Ok(())
}

/// What its vectors are, and what goes before a text.
fn vectors(model: &Model) -> Result<(), Error> {
    let own = &model.own;
    if model.dimensions == Some(0) {
        let reason = "must be left out or at least 1: the model's own";
        return Err(Error::of("models.dimensions", 0, reason));
    }
    if let (Some(most), Some(size)) = (
        model.dimensions,
        own.matryoshka
            .iter()
            .find(|size| Some(**size) > model.dimensions),
    ) {
        let reason = format!("must be at most models.dimensions, {most}");
        return Err(Error::of("models.matryoshka", size, reason));
    }
    for (name, text) in &own.prompts {
        if !is_token(name) {
            let reason = "must have names of A-Z a-z 0-9 _ -";
            return Err(Error::of("models.prompts", quoted(name), reason));
        }
        if text.len() > MAX_PROMPT_BYTES {
            let reason = format!("must be at most {MAX_PROMPT_BYTES} bytes, for {name}");
            return Err(Error::of("models.prompts", text.len(), reason));
        }
    }
    Ok(())
}

/// Finds the entry of what is called so, as `Config::entry` says.
///
/// # Errors
/// As [`catalog::find_anywhere`].
pub(super) fn find(models: &[Model], name: &str) -> Result<Entry, models::Error> {
    let own = models.iter().filter(|model| model.own.is_one());
    let mut own: Vec<Entry> = own.filter_map(|model| model.entry().ok()).collect();
    if let Some(at) = own.iter().position(|entry| entry.label() == name) {
        return Ok(own.swap_remove(at));
    }
    let known = catalog::find_anywhere(name);
    if known.as_ref().is_ok_and(|entry| entry.label() == name) {
        return known;
    }
    own.retain(|entry| entry.name == name);
    match (own.pop(), own.is_empty()) {
        (None, _) => known,
        (Some(entry), true) => Ok(entry),
        (Some(last), false) => {
            own.push(last);
            let candidates = own.iter().map(Entry::label).collect();
            let name = name.to_owned();
            Err(models::Error::Ambiguous { name, candidates })
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Layers;

    #[test]
    fn ones_own_model_is_found_by_its_label_and_by_its_name_where_no_other_has_it() {
        let own = |op: &str, name: &str| {
            format!("[[models]]\nname = '{name}'\nop = '{op}'\nrepository = 'a/{op}'\n")
        };
        let tables = [
            own("rerank", "ours"),
            own("sparse", "both"),
            own("image", "both"),
            own("rerank", "AllMpnetBaseV2"),
            own("joint", "BGERerankerBase"),
        ];
        let config = Layers::default().text(&tables.concat()).unwrap();
        let config = config.build().unwrap();
        let found = |name: &str| config.entry(name).map(|entry| entry.label());
        for (name, label) in [
            ("ours", "rerank/ours"),
            ("rerank/ours", "rerank/ours"),
            ("image/both", "image/both"),
            // A label before a name, whoever has it.
            ("AllMpnetBaseV2", "AllMpnetBaseV2"),
            ("rerank/AllMpnetBaseV2", "rerank/AllMpnetBaseV2"),
            ("BGERerankerBase", "joint/BGERerankerBase"),
            ("rerank/BGERerankerBase", "rerank/BGERerankerBase"),
        ] {
            assert_eq!(found(name).unwrap(), label, "{name}");
        }
        let refused = found("both").unwrap_err().to_string();
        assert!(refused.contains("sparse/both, image/both"), "{refused}");
        assert!(found("theirs").is_err());
    }
}
