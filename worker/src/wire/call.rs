//! What the headers of a request say.

use std::time::Duration;

use super::{Error, Format, protocol};

/// Who goes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lane {
    /// Somebody waits for this call.
    #[default]
    Interactive,
    /// Work that may wait.
    Bulk,
}

/// The terms of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// How request and reply are written.
    pub format: Format,
    /// Time from receipt after which nobody wants the answer.
    pub timeout: Duration,
    /// Who goes first.
    pub lane: Lane,
    /// The caller reads replies in parts and expects the terminator.
    pub parts: bool,
    /// The caller wants signs of life while it waits.
    pub alive: bool,
}

impl Call {
    /// Reads the headers, with `header` as their look-up.
    ///
    /// # Errors
    /// The refusal, and beside it the terms under which to answer it: format
    /// and `parts` are known even where another header is wrong.
    pub fn read<'h>(
        header: impl Fn(&str) -> Option<&'h str>,
        body: &[u8],
    ) -> Result<Self, (Error, Self)> {
        let accepts = |word| {
            header(protocol::HEADER_ACCEPT)
                .is_some_and(|list| list.split(',').any(|accepted| accepted.trim() == word))
        };
        let mut call = Self {
            format: Format::MsgPack,
            timeout: Duration::from_millis(protocol::DEFAULT_TIMEOUT_MS),
            lane: Lane::default(),
            parts: accepts(protocol::ACCEPT_PARTS),
            alive: accepts(protocol::ACCEPT_ALIVE),
        };
        match Format::negotiate(header(protocol::HEADER_CONTENT_TYPE), body) {
            Ok(format) => call.format = format,
            Err(error) => return Err((error, call)),
        }
        match timeout(header(protocol::HEADER_TIMEOUT_MS)) {
            Ok(timeout) => call.timeout = timeout,
            Err(error) => return Err((error, call)),
        }
        match lane(header(protocol::HEADER_LANE)) {
            Ok(lane) => call.lane = lane,
            Err(error) => return Err((error, call)),
        }
        Ok(call)
    }
}

fn timeout(header: Option<&str>) -> Result<Duration, Error> {
    let Some(text) = header else {
        return Ok(Duration::from_millis(protocol::DEFAULT_TIMEOUT_MS));
    };
    // Digits only: Rust would read a leading plus sign, which Go's client never writes.
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits {
        return Err(Error::invalid(format!(
            "{} is not a number of milliseconds",
            protocol::HEADER_TIMEOUT_MS
        )));
    }
    // More digits than a u64 holds is a long time too.
    let wish = text.parse().unwrap_or(u64::MAX);
    Ok(Duration::from_millis(wish.min(protocol::MAX_TIMEOUT_MS)))
}

fn lane(header: Option<&str>) -> Result<Lane, Error> {
    match header {
        None | Some(protocol::LANE_INTERACTIVE) => Ok(Lane::Interactive),
        Some(protocol::LANE_BULK) => Ok(Lane::Bulk),
        Some(_) => Err(Error::invalid(format!(
            "{} is neither {} nor {}",
            protocol::HEADER_LANE,
            protocol::LANE_INTERACTIVE,
            protocol::LANE_BULK
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ErrorCode;

    fn read(headers: &[(&str, &str)]) -> Result<Call, (Error, Call)> {
        let find = |name: &str| {
            headers
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, v)| *v)
        };
        Call::read(find, b"{}")
    }

    #[test]
    fn without_headers_a_call_has_the_default_terms() {
        let call = read(&[]).unwrap();
        assert_eq!(call.timeout, Duration::from_secs(30));
        assert_eq!((call.lane, call.parts), (Lane::Interactive, false));
    }

    #[test]
    fn a_timeout_is_clamped_above_and_kept_at_zero() {
        let timeout = |text| {
            read(&[(protocol::HEADER_TIMEOUT_MS, text)])
                .unwrap()
                .timeout
        };
        assert_eq!(timeout("0"), Duration::ZERO);
        assert_eq!(timeout("99999999999999999999999"), Duration::from_secs(600));
    }

    #[test]
    fn a_timeout_that_is_no_number_is_refused_under_the_callers_terms() {
        for text in ["", "soon", "-1", "+1", "1.5", " 1"] {
            let accept = (protocol::HEADER_ACCEPT, "alive, parts");
            let (error, terms) = read(&[(protocol::HEADER_TIMEOUT_MS, text), accept]).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidRequest);
            assert!(terms.parts && terms.format == Format::Json);
        }
    }

    #[test]
    fn an_unknown_lane_is_refused_and_an_unknown_feature_ignored() {
        assert!(read(&[(protocol::HEADER_LANE, "express")]).is_err());
        assert!(
            !read(&[(protocol::HEADER_ACCEPT, "partsy, gzip")])
                .unwrap()
                .parts
        );
    }
}
