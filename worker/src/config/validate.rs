//! Rules that a type and a range do not hold: forms, and how settings relate.

use std::net::SocketAddr;

use tracing_subscriber::EnvFilter;

use super::keys::nearest;
use super::{Config, Error, Model, ModelKind, Nats, own};
use crate::models::catalog::{self, Op};
use crate::models::{self, fake};
use crate::wire::protocol;

/// What a subject, or a part of one, may be made of
/// (docs.nats.io/nats-concepts/subjects).
const NAMES: &str = "names of A-Z a-z 0-9 _ - with dots between";

/// Checks every rule.
///
/// # Errors
/// The first that does not hold, with what is allowed.
pub(super) fn validate(config: &Config) -> Result<(), Error> {
    connection(&config.nats)?;
    subjects(config)?;
    endpoint("hub.endpoint", &config.hub.endpoint)?;
    if !config.hub.token.bytes().all(|byte| byte.is_ascii_graphic()) {
        let reason = "must be printable ASCII without blanks, as headers are";
        return Err(Error::of("hub.token", "***", reason));
    }
    work(config)?;
    if config.http.listen.parse::<SocketAddr>().is_err() {
        let reason = "must be an IP address and a port, such as 127.0.0.1:9464";
        return Err(Error::of(
            "http.listen",
            quoted(&config.http.listen),
            reason,
        ));
    }
    EnvFilter::try_new(&config.log.filter).map_err(|_| {
        let reason = "must be a filter such as info,async_nats=warn";
        Error::of("log.filter", quoted(&config.log.filter), reason)
    })?;
    models(&config.models)?;
    longest_texts(config)
}

/// Where the bus is, and who this worker is there.
fn connection(nats: &Nats) -> Result<(), Error> {
    if !nats.url.split(',').all(|url| is_server(url.trim())) {
        let reason =
            "must be addresses such as nats://host:4222 or tls://host:4222, comma separated";
        return Err(if nats.url.contains(['@', '?']) {
            Error::new("nats.url", reason)
        } else {
            Error::of("nats.url", quoted(&nats.url), reason)
        });
    }
    together(
        ("nats.user", is_set(&nats.user)),
        ("nats.password", is_set(&nats.password)),
    )?;
    let is_file = |path: &std::path::Path| !path.as_os_str().is_empty();
    together(
        ("nats.cert", is_file(&nats.cert)),
        ("nats.key", is_file(&nats.key)),
    )?;
    let identities = [
        ("nats.user", is_set(&nats.user)),
        ("nats.token", is_set(&nats.token)),
        ("nats.creds", is_file(&nats.creds)),
        ("nats.nkey", is_file(&nats.nkey)),
    ];
    let mut set = identities.iter().filter(|(_, is_set)| *is_set);
    match (set.next(), set.next()) {
        (Some((one, _)), Some((other, _))) => Err(Error::new(
            *other,
            format!("must not be set beside {one}: a worker is one user"),
        )),
        _ => Ok(()),
    }
}

/// What is subscribed to, and who is answered.
fn subjects(config: &Config) -> Result<(), Error> {
    let service = &config.service;
    if !is_token(&service.queue_group) {
        let reason = "must be of A-Z a-z 0-9 _ -";
        return Err(Error::of(
            "service.queue_group",
            quoted(&service.queue_group),
            reason,
        ));
    }
    if is_set(&service.subject_prefix) {
        subject("service.subject_prefix", &service.subject_prefix)?;
    }
    if service.reply_prefixes.is_empty() {
        let reason = "must have at least one, or nobody is answered";
        return Err(Error::of("service.reply_prefixes", "[]", reason));
    }
    for prefix in &service.reply_prefixes {
        if !prefix.strip_suffix('.').is_some_and(is_subject) {
            let reason = format!("must be {NAMES} and a dot behind");
            return Err(Error::of("service.reply_prefixes", quoted(prefix), reason));
        }
        not_ours(config, "service.reply_prefixes", prefix)?;
    }
    for bucket in &config.objects.buckets {
        if !is_token(bucket) {
            let reason = "must be of A-Z a-z 0-9 _ -, without wildcards";
            return Err(Error::of("objects.buckets", quoted(bucket), reason));
        }
    }
    subject("nats.inbox_prefix", &config.nats.inbox_prefix)?;
    not_ours(config, "nats.inbox_prefix", &config.nats.inbox_prefix)
}

/// Calls live under our own trees, so no inbox may.
fn not_ours(config: &Config, key: &str, prefix: &str) -> Result<(), Error> {
    let root = protocol::SUBJECT_ROOT.split('.').next().unwrap_or_default();
    let under =
        |root: &str| format!("{}.", prefix.trim_end_matches('.')).starts_with(&format!("{root}."));
    for root in [root.to_owned(), config.subject(root)] {
        if under(&root) {
            let reason = format!("must not lie under {root}, where calls are");
            return Err(Error::of(key, quoted(prefix), reason));
        }
    }
    Ok(())
}

/// What runs, what waits for it, and what is left for it at the end.
fn work(config: &Config) -> Result<(), Error> {
    let (runtime, queue, drain) = (&config.runtime, &config.queue, &config.drain);
    if queue.max_tokens < runtime.batch_tokens {
        let least = runtime.batch_tokens;
        let reason = format!("must be at least runtime.batch_tokens, {least}, or no batch fills");
        return Err(Error::of("queue.max_tokens", queue.max_tokens, reason));
    }
    if runtime.bulk_tokens > runtime.batch_tokens {
        let most = runtime.batch_tokens;
        let reason = format!(
            "must be at most runtime.batch_tokens, {most}: runs of bulk get shorter while queries come"
        );
        return Err(Error::of(
            "runtime.bulk_tokens",
            runtime.bulk_tokens,
            reason,
        ));
    }
    if queue.max_bytes < protocol::MAX_INPUT_BYTES {
        let least = protocol::MAX_INPUT_BYTES;
        let reason =
            format!("must be at least {least}, or the longest text never waits beside another");
        return Err(Error::of("queue.max_bytes", queue.max_bytes, reason));
    }
    if drain.deadline_ms < runtime.run_limit_ms {
        let least = runtime.run_limit_ms;
        let reason = format!(
            "must be at least runtime.run_limit_ms, {least}, or a run that takes its time is not answered"
        );
        return Err(Error::of("drain.deadline_ms", drain.deadline_ms, reason));
    }
    Ok(())
}

fn models(models: &[Model]) -> Result<(), Error> {
    let mut served = std::collections::BTreeSet::new();
    let mut subjects = std::collections::BTreeMap::new();
    for model in models {
        let refused = |reason: String| Err(Error::of("models.name", quoted(&model.name), reason));
        let name = match model.kind {
            ModelKind::Fake if is_token(&model.name) => model.name.clone(),
            ModelKind::Fake => return refused("must be of A-Z a-z 0-9 _ -".to_owned()),
            ModelKind::Onnx if model.own.is_one() => {
                own::check(model)?;
                model.own.entry(&model.name, None, None).label()
            }
            ModelKind::Onnx => match catalog::find_anywhere(&model.name) {
                Ok(entry) => entry.label(),
                Err(models::Error::Ambiguous { candidates, .. }) => {
                    return refused(format!("must be one of {}", candidates.join(", ")));
                }
                Err(models::Error::Feature(_)) => {
                    return refused("needs a worker that is built with the feature candle".into());
                }
                Err(_) => {
                    let names = catalog::names(Op::Text);
                    let near = nearest(&model.name, names.iter().map(String::as_str));
                    let near = near.map(|near| format!("; did you mean {near}?"));
                    return refused(format!(
                        "must be one of fastembed's names of text models, such as {}{}",
                        Model::DEFAULT,
                        near.unwrap_or_default()
                    ));
                }
            },
        };
        if !served.insert(name.clone()) {
            return refused(format!("must be served once, and {name} stands twice"));
        }
        let op = match model.kind {
            // Whatever the catalogue has of its name.
            ModelKind::Fake => Op::Text,
            ModelKind::Onnx => model.entry().map_or(Op::Text, |entry| entry.op),
        };
        let bare = name.rsplit('/').next().unwrap_or(&name).to_owned();
        for op in op.also() {
            // A model of texts also ranks, on the subject of a reranker of its name.
            if let Some(other) = subjects.insert((*op, bare.clone()), name.clone()) {
                return refused(format!(
                    "must be another name: {other} is called on {op}.{bare} too"
                ));
            }
        }
    }
    Ok(())
}

/// A text that fills its model must be one that may wait: admitted to an empty
/// queue alone, it would be refused for as long as others come.
fn longest_texts(config: &Config) -> Result<(), Error> {
    let max_tokens = config.queue.max_tokens;
    for model in config.served() {
        let longest = model.max_length.or_else(|| match model.kind {
            ModelKind::Fake => Some(fake::MAX_TOKENS),
            ModelKind::Onnx => Some(model.entry().ok()?.max_length?),
        });
        if let Some(longest) = longest.filter(|longest| max_tokens < *longest) {
            let name = &model.name;
            let reason = format!(
                "must be at least {longest}, the longest text of {name}, or it never waits beside another"
            );
            return Err(Error::of("queue.max_tokens", max_tokens, reason));
        }
    }
    Ok(())
}

/// Two settings of which neither means anything alone.
fn together(one: (&str, bool), other: (&str, bool)) -> Result<(), Error> {
    let (missing, present) = match (one, other) {
        ((one, true), (other, false)) => (other, one),
        ((one, false), (other, true)) => (one, other),
        _ => return Ok(()),
    };
    Err(Error::new(
        missing,
        format!("must be set where {present} is"),
    ))
}

/// An address that paths can be put behind. One with a user in it is refused,
/// and not quoted: it may hold a password.
fn endpoint(key: &str, value: &str) -> Result<(), Error> {
    let rest = value
        .strip_prefix("https://")
        .or_else(|| value.strip_prefix("http://"));
    let allowed = |byte: u8| byte.is_ascii_graphic() && !b"@?#".contains(&byte);
    if rest.is_some_and(|rest| is_set(rest) && rest.bytes().all(allowed)) {
        return Ok(());
    }
    let reason =
        "must be an address such as https://huggingface.co, without user, query and fragment";
    Err(if value.contains(['@', '?']) {
        Error::new(key, reason)
    } else {
        Error::of(key, quoted(value), reason)
    })
}

/// `[nats://|tls://][user[:password]@]host[:port]`
fn is_server(url: &str) -> bool {
    let rest = match url.split_once("://") {
        Some(("nats" | "tls", rest)) => rest,
        Some(_) => return false,
        None => url,
    };
    let address = rest.rsplit_once('@').map_or(rest, |(_, address)| address);
    let (host, port) = match address.rsplit_once(':') {
        // Colons within brackets are of an IPv6 address.
        Some((host, port)) if !port.ends_with(']') => (host, port.parse::<u16>().is_ok()),
        _ => (address, true),
    };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.[]:%".contains(&byte);
    port && is_set(host) && host.bytes().all(allowed)
}

fn subject(key: &str, value: &str) -> Result<(), Error> {
    if is_subject(value) {
        return Ok(());
    }
    Err(Error::of(key, quoted(value), format!("must be {NAMES}")))
}

fn is_subject(value: &str) -> bool {
    value.split('.').all(is_token)
}

/// One token of a subject, in the alphabet that endpoint names allow.
pub(super) fn is_token(value: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    is_set(value) && value.bytes().all(allowed)
}

fn is_set(value: &str) -> bool {
    !value.is_empty()
}

pub(super) fn quoted(value: &str) -> String {
    format!("{value:?}")
}

#[cfg(test)]
mod tests {
    use super::is_server;
    use crate::config::Layers;

    // Every rule has a row in tests/operations/configuration.rs.
    #[test]
    fn the_defaults_are_valid() {
        assert!(Layers::default().build().is_ok());
    }

    #[test]
    fn servers_are_hosts_with_or_without_scheme_user_and_port() {
        for url in [
            "nats://h:4222",
            "tls://h",
            "h",
            "u:p@h:1",
            "nats://[::1]:4222",
            "nats://[::1]",
        ] {
            assert!(is_server(url), "{url}");
        }
        for url in ["", "nats://", "http://h", "h:", "h:99999", "u:p@", "h/x"] {
            assert!(!is_server(url), "{url}");
        }
    }

    #[test]
    fn a_text_longer_than_a_batch_is_allowed_since_it_runs_alone() {
        let text = "runtime.batch_tokens=4\nmodels=[{name='AllMiniLML6V2',max_length=256}]";
        let config = Layers::default().text(text).unwrap().build().unwrap();
        // Runs of bulk are not longer than others by default.
        assert_eq!(config.runtime.bulk_tokens, 4);
    }
}
