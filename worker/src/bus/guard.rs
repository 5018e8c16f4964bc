//! Which reply subjects are answered. The server lets a responder publish to
//! whatever a requester names, so this is the only thing between a request and
//! a message on somebody's stream.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// Refused subjects remembered so that each is logged once.
const MAX_LOGGED: usize = 64;

/// Characters of a refused subject that are logged: requesters choose them.
const MAX_LOGGED_CHARS: usize = 64;

/// Longest subject that is answered, in bytes. Inboxes take below 100, and a
/// server takes 4,096 for the whole line that a subject stands in.
const MAX_BYTES: usize = 1024;

/// Roots that are never answered, whatever the configuration says.
const FORBIDDEN: &[&str] = &["$", "fastembed."];

/// The allowed prefixes.
pub(super) struct Guard {
    allowed: Vec<String>,
    forbidden: Vec<String>,
    logged: Mutex<HashSet<String>>,
}

impl Guard {
    /// Allows subjects under `prefixes`; never under `$`, nor under our own
    /// trees, with a tenant's prefix or without.
    pub(super) fn new(prefixes: &[String], subject_prefix: &str) -> Self {
        let mut forbidden: Vec<String> = FORBIDDEN.iter().map(|&root| root.to_owned()).collect();
        if !subject_prefix.is_empty() {
            forbidden.push(format!("{subject_prefix}.fastembed."));
        }
        Self {
            allowed: prefixes.to_vec(),
            forbidden,
            logged: Mutex::default(),
        }
    }

    /// Whether to answer on this subject.
    pub(super) fn allows(&self, subject: &str) -> bool {
        if subject.len() > MAX_BYTES || !is_literal(subject) {
            return false;
        }
        let under = |prefixes: &[String]| {
            prefixes
                .iter()
                .any(|prefix| subject.starts_with(prefix.as_str()))
        };
        under(&self.allowed) && !under(&self.forbidden)
    }

    /// The root of a refused subject when it is to be logged: the first time.
    pub(super) fn first_refusal(&self, subject: &str) -> Option<String> {
        let root = root(subject);
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        (logged.len() < MAX_LOGGED && logged.insert(root.clone())).then_some(root)
    }
}

/// What may be logged of a subject that a requester chose: its first two tokens.
pub(super) fn root(subject: &str) -> String {
    let root = subject.split('.').take(2).collect::<Vec<_>>().join(".");
    root.chars().take(MAX_LOGGED_CHARS).collect()
}

/// Whether it is one subject: no wildcard, which a server would deliver to
/// whoever listens there, no empty token, and nothing that ends a token in the
/// protocol of some client.
fn is_literal(subject: &str) -> bool {
    let breaks = |c: char| c.is_whitespace() || c.is_control();
    let mut tokens = subject.split('.');
    tokens.all(|token| !matches!(token, "" | "*" | ">") && !token.contains(breaks))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(prefixes: &[&str]) -> Guard {
        let prefixes: Vec<String> = prefixes.iter().map(|&p| p.to_owned()).collect();
        Guard::new(&prefixes, "tenant")
    }

    #[test]
    fn inboxes_are_answered_and_nothing_else() {
        let guard = guard(&["_INBOX.", "_R_."]);
        for allowed in ["_INBOX.abc.1", "_INBOX.client.abc.1", "_R_.x.y"] {
            assert!(guard.allows(allowed), "{allowed}");
        }
        for refused in [
            "$JS.API.STREAM.DELETE.X",
            "orders.new",
            "_INBOX",
            "_INBOXY.a",
            "fastembed.v1.text.M",
            "",
        ] {
            assert!(!guard.allows(refused), "{refused}");
        }
    }

    #[test]
    fn our_own_trees_and_the_systems_are_refused_even_if_listed() {
        let guard = guard(&["$JS.", "fastembed.", "tenant."]);
        for refused in [
            "$JS.API.INFO",
            "fastembed.ctl.v1.cancel",
            "tenant.fastembed.v1.text.M",
        ] {
            assert!(!guard.allows(refused), "{refused}");
        }
        assert!(guard.allows("tenant.inbox.1"));
    }

    #[test]
    fn what_is_no_subject_of_one_inbox_is_refused() {
        let guard = guard(&["_INBOX."]);
        let long = format!("_INBOX.{}", "a".repeat(MAX_BYTES));
        for refused in [
            "_INBOX.",
            "_INBOX.>",
            "_INBOX.*",
            "_INBOX.a.*.b",
            "_INBOX..a",
            "_INBOX.a.",
            "_INBOX.a b",
            "_INBOX.a\tb",
            "_INBOX.a\u{c}b",
            "_INBOX.a\u{a0}b",
            "_INBOX.a\0",
            &long,
        ] {
            assert!(!guard.allows(refused), "{refused:?}");
        }
        assert!(guard.allows(&long[..MAX_BYTES]));
        assert!(guard.allows("_INBOX.a*b.c>"));
    }

    #[test]
    fn a_refused_subject_is_logged_in_short() {
        let guard = guard(&["_INBOX."]);
        let root = guard.first_refusal(&"ä".repeat(10_000)).unwrap();
        assert_eq!(root.chars().count(), MAX_LOGGED_CHARS);
    }

    #[test]
    fn each_refused_prefix_is_named_once() {
        let guard = guard(&["_INBOX."]);
        assert_eq!(
            guard.first_refusal("$JS.API.STREAM.DELETE.X").as_deref(),
            Some("$JS.API")
        );
        assert_eq!(guard.first_refusal("$JS.API.STREAM.PURGE.Y"), None);
        for at in 0..1000 {
            guard.first_refusal(&format!("a.{at}"));
        }
        assert_eq!(guard.first_refusal("b.b"), None);
    }
}
