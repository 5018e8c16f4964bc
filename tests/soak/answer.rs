//! What an answer to a hostile request must be.

use fastembed_worker::wire::alive::AliveFrame;
use fastembed_worker::wire::info::InfoReply;
use fastembed_worker::wire::text::TextReply;
use fastembed_worker::wire::{ErrorCode, ErrorReply, Format, protocol};
use serde_json::Value;

use crate::harness::{Ask, Reply};

/// The codes of what is no refusal.
pub(crate) const VECTORS: &str = "vectors";
pub(crate) const FACTS: &str = "facts";

/// Longest message of a refusal, in bytes.
const MAX_MESSAGE_BYTES: usize = 300;

/// The answer that is yet to come.
pub(crate) struct Expected {
    in_parts: bool,
    alive: bool,
    /// Data parts so far.
    parts: usize,
    /// What the answer was, once its end alone is missing.
    code: Option<&'static str>,
}

impl Expected {
    pub(crate) fn of(ask: &Ask) -> Self {
        Self {
            in_parts: accepts(ask, protocol::ACCEPT_PARTS),
            alive: accepts(ask, protocol::ACCEPT_ALIVE),
            parts: 0,
            code: None,
        }
    }

    /// Takes one message: what the answer was, if this was its last.
    pub(crate) fn take(&mut self, reply: &Reply) -> Result<Option<&'static str>, String> {
        if reply.is_no_responders() {
            return Err("nobody listens".to_owned());
        }
        if let Some(code) = self.code {
            let is_end = reply.body.is_empty() && reply.headers.is_empty();
            return if is_end {
                Ok(Some(code))
            } else {
                Err("more than the end".to_owned())
            };
        }
        let format = Format::negotiate(reply.header(protocol::HEADER_CONTENT_TYPE), &reply.body);
        let format = format.map_err(|fault| fault.to_string())?;
        if reply.header(protocol::HEADER_INSTANCE).is_none() {
            return Err("no instance".to_owned());
        }
        if self.alive && format.decode::<AliveFrame>(&reply.body).is_ok() {
            return Ok(None);
        }
        let code = match reply.header(protocol::HEADER_SERVICE_ERROR) {
            Some(name) => refusal(reply, format, name)?,
            None => result(reply, format)?,
        };
        if !self.in_parts {
            return Ok(Some(code));
        }
        self.parts += 1;
        if reply.is_refusal() || code == FACTS || self.is_last(reply)? {
            self.code = Some(code);
        }
        Ok(None)
    }

    /// Whether this data part is the last, by its headers.
    fn is_last(&self, reply: &Reply) -> Result<bool, String> {
        let number = |name| reply.header(name).and_then(|text| text.parse().ok());
        if number(protocol::HEADER_PART) != Some(self.parts - 1) {
            return Err("a part out of turn".to_owned());
        }
        match number(protocol::HEADER_PARTS) {
            None => Ok(false),
            Some(parts) if parts == self.parts => Ok(true),
            Some(_) => Err("another number of parts".to_owned()),
        }
    }
}

fn accepts(ask: &Ask, word: &str) -> bool {
    let mut headers = ask.headers.iter().filter(|(name, _)| {
        let name: &str = name.as_ref();
        name.eq_ignore_ascii_case(protocol::HEADER_ACCEPT)
    });
    // Where it stands in two spellings, the exact one counts.
    let exact = ask.headers.get(protocol::HEADER_ACCEPT);
    let list = exact.or_else(|| headers.next().and_then(|(_, values)| values.first()));
    list.is_some_and(|list| list.as_str().split(',').any(|known| known.trim() == word))
}

/// A refusal's name, when header and body agree on it.
fn refusal(reply: &Reply, format: Format, name: &str) -> Result<&'static str, String> {
    let code = ErrorCode::from_name(name).ok_or("an error of no name")?;
    let body: ErrorReply = format
        .decode(&reply.body)
        .map_err(|fault| fault.to_string())?;
    let number = code.number().to_string();
    let agree = body.name == name
        && body.code == u32::from(code.number())
        && body.retry == code.retry().name()
        && reply.header(protocol::HEADER_SERVICE_ERROR_CODE) == Some(&number);
    if !agree {
        return Err("header and body do not agree".to_owned());
    }
    if body.message.is_empty() || body.message.len() > MAX_MESSAGE_BYTES {
        return Err(format!("a message of {} bytes", body.message.len()));
    }
    Ok(code.name())
}

/// Which of the two documents it is that the reply holds, whole and in order.
fn result(reply: &Reply, format: Format) -> Result<&'static str, String> {
    if format.decode::<InfoReply>(&reply.body).is_ok() {
        return Ok(FACTS);
    }
    match format {
        Format::MsgPack => format
            .decode::<TextReply<'_>>(&reply.body)
            .map(|_| VECTORS)
            .map_err(|fault| fault.to_string()),
        // The worker's own reader takes replies in MessagePack alone.
        Format::Json => rows_agree(&reply.body).map(|()| VECTORS),
    }
}

fn rows_agree(body: &[u8]) -> Result<(), String> {
    let document: Value = serde_json::from_slice(body).map_err(|fault| fault.to_string())?;
    let block = &document["embeddings"];
    let count = block["count"].as_u64().ok_or("no count")? as usize;
    let rows = [&document["tokens"], &document["truncated"]];
    if rows
        .iter()
        .any(|list| list.as_array().map(Vec::len) != Some(count))
    {
        return Err("rows, tokens and marks differ in number".to_owned());
    }
    let is_whole = match block["rows"].as_array() {
        None => block["data"].is_string(),
        Some(rows) => {
            let finite = |row: &Value| {
                row.as_array()
                    .is_some_and(|row| row.iter().all(Value::is_f64))
            };
            rows.len() == count && rows.iter().all(finite)
        }
    };
    if is_whole {
        Ok(())
    } else {
        Err("not every row holds numbers".to_owned())
    }
}
