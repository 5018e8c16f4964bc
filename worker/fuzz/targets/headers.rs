//! Lines of `Name: value`, and a body behind an empty one.

#![no_main]

use std::time::Duration;

use fastembed_fuzz::wire::call::Call;
use fastembed_fuzz::wire::protocol::MAX_TIMEOUT_MS;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
    let headers: Vec<(&str, &str)> = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .collect();
    let find = |name: &str| {
        let mut named = headers.iter().filter(|(key, _)| *key == name);
        named.next().map(|(_, value)| *value)
    };
    match Call::read(find, body.as_bytes()) {
        Ok(call) => assert!(call.timeout <= Duration::from_millis(MAX_TIMEOUT_MS)),
        Err((error, _)) => assert!(!error.message.is_empty() && error.message.len() <= 300),
    }
});
