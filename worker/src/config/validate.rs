//! Rules that types do not hold: ranges, and how settings relate.

use std::net::SocketAddr;
use std::ops::RangeInclusive;

use super::{Config, Error, ModelKind};

/// Checks every rule.
///
/// # Errors
/// The first that does not hold, with the allowed range.
pub(super) fn validate(config: &Config) -> Result<(), Error> {
    let Config {
        nats,
        service,
        runtime,
        hub,
        queue,
        http,
        drain,
        ..
    } = config;
    not_empty("nats.url", &nats.url)?;
    subject("nats.inbox_prefix", &nats.inbox_prefix)?;
    within(
        "nats.connect_timeout_ms",
        nats.connect_timeout_ms,
        1..=60_000,
    )?;
    if nats.user.is_empty() != nats.password.is_empty() {
        return Err(Error::new(
            "nats.password",
            "user and password are set together",
        ));
    }
    if nats.cert.as_os_str().is_empty() != nats.key.as_os_str().is_empty() {
        return Err(Error::new("nats.key", "cert and key are set together"));
    }

    token("service.queue_group", &service.queue_group)?;
    if !service.subject_prefix.is_empty() {
        subject("service.subject_prefix", &service.subject_prefix)?;
    }
    if service.reply_prefixes.is_empty() {
        return Err(Error::new(
            "service.reply_prefixes",
            "at least one, or nobody is answered",
        ));
    }
    for prefix in &service.reply_prefixes {
        let stem = prefix.strip_suffix('.').unwrap_or_default();
        subject("service.reply_prefixes", stem).map_err(|_| {
            Error::new(
                "service.reply_prefixes",
                format!("{prefix:?} is not a subject that ends in a dot"),
            )
        })?;
    }

    within("runtime.executors", runtime.executors as u64, 0..=1024)?;
    within("runtime.threads", runtime.threads as u64, 1..=256)?;
    within("runtime.tokenizers", runtime.tokenizers as u64, 1..=256)?;
    within(
        "runtime.batch_tokens",
        runtime.batch_tokens as u64,
        1..=1 << 20,
    )?;
    within("runtime.run_limit_ms", runtime.run_limit_ms, 10..=3_600_000)?;
    endpoint("hub.endpoint", &hub.endpoint)?;
    if !hub.token.bytes().all(|byte| byte.is_ascii_graphic()) {
        // Without the value, which is a secret.
        return Err(Error::new(
            "hub.token",
            "has characters that no header may carry",
        ));
    }
    within("hub.connect_timeout_ms", hub.connect_timeout_ms, 1..=60_000)?;
    within("hub.stall_timeout_ms", hub.stall_timeout_ms, 1..=600_000)?;
    within("hub.retries", hub.retries.into(), 0..=100)?;
    within("hub.retry_delay_ms", hub.retry_delay_ms, 0..=60_000)?;
    within("queue.max_requests", queue.max_requests as u64, 1..=1 << 20)?;
    within("queue.max_tokens", queue.max_tokens as u64, 1..=1 << 30)?;
    within("queue.max_bytes", queue.max_bytes as u64, 1..=1 << 40)?;
    if queue.max_tokens < runtime.batch_tokens {
        return Err(Error::new(
            "queue.max_tokens",
            format!(
                "{} is less than runtime.batch_tokens {}, so no batch would fill",
                queue.max_tokens, runtime.batch_tokens
            ),
        ));
    }
    within("drain.deadline_ms", drain.deadline_ms, 1..=3_600_000)?;
    if http.listen.parse::<SocketAddr>().is_err() {
        return Err(Error::new(
            "http.listen",
            format!("{:?} is not an address such as 127.0.0.1:9464", http.listen),
        ));
    }
    models(config)
}

fn models(config: &Config) -> Result<(), Error> {
    let mut names = std::collections::BTreeSet::new();
    for model in &config.models {
        token("models.name", &model.name)?;
        if !names.insert(&model.name) {
            return Err(Error::new(
                "models.name",
                format!("{:?} stands twice", model.name),
            ));
        }
        if let Some(max_length) = model.max_length {
            // Two special tokens and one of text.
            within("models.max_length", max_length as u64, 3..=1 << 17)?;
        }
        if model.kind != ModelKind::Fake && model.fake != Default::default() {
            return Err(Error::new(
                "models",
                format!("{:?} has keys of kind \"fake\"", model.name),
            ));
        }
    }
    Ok(())
}

fn within(key: &str, value: u64, allowed: RangeInclusive<u64>) -> Result<(), Error> {
    if allowed.contains(&value) {
        return Ok(());
    }
    Err(Error::new(
        key,
        format!(
            "{value} is not within {} to {}",
            allowed.start(),
            allowed.end()
        ),
    ))
}

fn not_empty(key: &str, value: &str) -> Result<(), Error> {
    if value.is_empty() {
        return Err(Error::new(key, "is empty"));
    }
    Ok(())
}

/// An address that paths can be put behind. Its value is not quoted: it may
/// hold a password, which is why one is refused.
fn endpoint(key: &str, value: &str) -> Result<(), Error> {
    let rest = value
        .strip_prefix("https://")
        .or_else(|| value.strip_prefix("http://"));
    let allowed = |byte: u8| byte.is_ascii_graphic() && !b"@?#".contains(&byte);
    match rest {
        Some(rest) if !rest.is_empty() && rest.bytes().all(allowed) => Ok(()),
        _ => Err(Error::new(
            key,
            "is not an address such as https://huggingface.co, without user, query and fragment",
        )),
    }
}

/// One token of a subject (docs.nats.io/nats-concepts/subjects), in the
/// alphabet that endpoint names allow.
fn token(key: &str, value: &str) -> Result<(), Error> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !value.is_empty() && value.bytes().all(allowed) {
        return Ok(());
    }
    Err(Error::new(
        key,
        format!("{value:?} is not of A-Z a-z 0-9 _ -"),
    ))
}

/// Tokens with dots between them, no wildcards.
fn subject(key: &str, value: &str) -> Result<(), Error> {
    value
        .split('.')
        .try_for_each(|part| token(key, part))
        .map_err(|_| {
            Error::new(
                key,
                format!("{value:?} is not a subject of A-Z a-z 0-9 _ - and dots"),
            )
        })
}

#[cfg(test)]
mod tests {
    use crate::config::Layers;

    #[test]
    fn the_defaults_are_valid() {
        assert!(Layers::default().build().is_ok());
    }

    #[test]
    fn every_rule_names_its_key() {
        for (text, key) in [
            ("nats.url=''", "nats.url"),
            ("nats.inbox_prefix='_INBOX.>'", "nats.inbox_prefix"),
            ("nats.connect_timeout_ms=0", "nats.connect_timeout_ms"),
            ("nats.user='a'", "nats.password"),
            ("nats.cert='a'", "nats.key"),
            ("service.queue_group='a b'", "service.queue_group"),
            ("service.subject_prefix='a.'", "service.subject_prefix"),
            ("service.reply_prefixes=[]", "service.reply_prefixes"),
            (
                "service.reply_prefixes=['_INBOX']",
                "service.reply_prefixes",
            ),
            ("service.reply_prefixes=['$JS.']", "service.reply_prefixes"),
            ("runtime.executors=1025", "runtime.executors"),
            ("runtime.threads=0", "runtime.threads"),
            ("runtime.tokenizers=0", "runtime.tokenizers"),
            ("runtime.batch_tokens=0", "runtime.batch_tokens"),
            ("runtime.run_limit_ms=9", "runtime.run_limit_ms"),
            ("hub.endpoint='huggingface.co'", "hub.endpoint"),
            ("hub.endpoint='https://u:p@h'", "hub.endpoint"),
            ("hub.token='a b'", "hub.token"),
            ("hub.connect_timeout_ms=0", "hub.connect_timeout_ms"),
            ("hub.stall_timeout_ms=0", "hub.stall_timeout_ms"),
            ("hub.retries=101", "hub.retries"),
            ("hub.retry_delay_ms=60001", "hub.retry_delay_ms"),
            ("queue.max_requests=0", "queue.max_requests"),
            ("queue.max_tokens=0", "queue.max_tokens"),
            ("queue.max_bytes=0", "queue.max_bytes"),
            ("queue.max_tokens=10", "queue.max_tokens"),
            ("drain.deadline_ms=0", "drain.deadline_ms"),
            ("http.listen='localhost'", "http.listen"),
            ("models=[{name='a.b'}]", "models.name"),
            ("models=[{name='a'},{name='a'}]", "models.name"),
            ("models=[{name='a',max_length=2}]", "models.max_length"),
            ("models=[{name='a',dimensions=2}]", "models"),
        ] {
            let refused = Layers::default().text(text).unwrap().build().unwrap_err();
            assert_eq!(refused.key, key, "{text}: {refused}");
        }
    }
}
