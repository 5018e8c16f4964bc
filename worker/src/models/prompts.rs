//! What goes before a text, by the name of what the text is.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::wire::Error;

/// A model's prompts. Models of retrieval are trained with one for what asks and
/// one for what is searched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prompts(BTreeMap<String, String>);

impl<N: Into<String>, T: Into<String>> FromIterator<(N, T)> for Prompts {
    fn from_iter<I: IntoIterator<Item = (N, T)>>(prompts: I) -> Self {
        let owned = |(name, text): (N, T)| (name.into(), text.into());
        Self(prompts.into_iter().map(owned).collect())
    }
}

impl Prompts {
    /// Every name, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The text of a prompt; an empty one where none is asked for.
    ///
    /// # Errors
    /// `invalid_request` that lists the names there are.
    pub fn text(&self, name: Option<&str>) -> Result<&str, Error> {
        let Some(name) = name else {
            return Ok("");
        };
        if let Some(text) = self.0.get(name) {
            return Ok(text);
        }
        // The names first: the message is cut where the caller's own is long.
        Err(if self.0.is_empty() {
            Error::invalid(format_args!(
                "prompt: this model has no prompts, so not {name:?} either"
            ))
        } else {
            let known = self.names().collect::<Vec<_>>().join(", ");
            Error::invalid(format_args!("prompt: known are {known}, and not {name:?}"))
        })
    }

    /// The text of a prompt that not every model has; an empty one where it is not
    /// known.
    #[must_use]
    pub fn text_of(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// What they add to the terms of a fingerprint; nothing where there are none.
    #[must_use]
    pub fn terms(&self) -> String {
        let mut terms = String::new();
        for (name, text) in &self.0 {
            // With its length, so that no text reads as another prompt.
            let _ = write!(terms, " prompt {name}={} {text}", text.len());
        }
        terms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_is_found_by_name_and_no_name_is_no_text() {
        let prompts: Prompts = [("query", "q: ")].into_iter().collect();
        assert_eq!(prompts.text(Some("query")).unwrap(), "q: ");
        assert_eq!(prompts.text(None).unwrap(), "");
        assert!(prompts.text(Some("")).is_err());
        assert_eq!(
            (prompts.text_of("query"), prompts.text_of("passage")),
            ("q: ", "")
        );
    }

    #[test]
    fn a_refusal_lists_the_names_whatever_was_asked_for() {
        let prompts: Prompts = [("query", ""), ("passage", "")].into_iter().collect();
        let refused = prompts.text(Some(&"x".repeat(1000))).unwrap_err();
        assert!(refused.message.contains("passage, query"), "{refused}");
        let refused = Prompts::default().text(Some("query")).unwrap_err();
        assert!(refused.message.contains("no prompts"), "{refused}");
    }

    #[test]
    fn terms_differ_where_a_name_or_a_text_does() {
        let terms = |prompts: &[(&str, &str)]| prompts.iter().copied().collect::<Prompts>().terms();
        assert_eq!(terms(&[]), "");
        let one = terms(&[("a", "x"), ("b", "y")]);
        assert_eq!(one, terms(&[("b", "y"), ("a", "x")]));
        for other in [
            &[("a", "x"), ("b", "z")][..],
            &[("a", "x"), ("c", "y")],
            &[("a", "x prompt b=1 y")],
            &[("a", "x")],
        ] {
            assert_ne!(one, terms(other));
        }
    }
}
