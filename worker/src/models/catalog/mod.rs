//! What models there are: fastembed's five lists of ONNX models under its own
//! names, and what the models' authors say of them.
//!
//! What fastembed holds is read out of it, never copied; what it leaves out
//! stands in [`cards`], with the page that says it.

mod candle;
pub mod cards;
mod entry;
mod image;
mod joint;
mod op;
mod own;
mod rerank;
mod sparse;
#[cfg(test)]
mod tests;
mod text;

pub use entry::{Entry, Quantization};
pub use op::Op;
pub use own::Own;

use super::Error;

/// Every model of one operation, by name.
#[must_use]
pub fn of(op: Op) -> Vec<Entry> {
    let mut entries = match op {
        Op::Text => [text::entries(), candle::entries()].concat(),
        Op::Sparse => sparse::entries(),
        Op::Image => image::entries(),
        Op::Rerank => rerank::entries(),
        Op::Joint => joint::entries(),
    };
    // fastembed's list is in no order.
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    entries
}

/// Every name of one operation, as it stands on subjects.
#[must_use]
pub fn names(op: Op) -> Vec<String> {
    of(op).into_iter().map(|entry| entry.name).collect()
}

/// Names of text models that only a worker with the feature `candle` has.
#[must_use]
pub fn names_of_candle() -> Vec<&'static str> {
    candle::names()
}

/// The entry of a name as it stands on subjects, or of a hub repository, in any
/// case.
///
/// # Errors
/// [`Error::Unknown`]; [`Error::Feature`]; [`Error::Ambiguous`] where a repository holds several.
pub fn find(op: Op, name: &str) -> Result<Entry, Error> {
    one(name, meant(of(op), name))
}

/// As [`find`] where the operation is part of the name, such as
/// `image/ClipVitB32`, or is left out. Left out, it is `text` if there is such a
/// model, as it is in a configuration, else whichever has one.
///
/// # Errors
/// As [`find`].
pub fn find_anywhere(name: &str) -> Result<Entry, Error> {
    if let Some((op, rest)) = name.split_once('/')
        && let Some(op) = Op::of(op)
    {
        return find(op, rest);
    }
    match find(Op::Text, name) {
        Err(Error::Unknown(_)) => {
            let others = Op::ALL.into_iter().filter(|op| !op.is_default());
            one(name, meant(others.flat_map(of).collect(), name))
        }
        found => found,
    }
}

/// Those that a name means: the bearers of it, else those that have it on the hub.
fn meant(entries: Vec<Entry>, name: &str) -> Vec<Entry> {
    let (bearers, mut others): (Vec<_>, Vec<_>) =
        entries.into_iter().partition(|entry| entry.name == name);
    if !bearers.is_empty() {
        return bearers;
    }
    let is_alias = |alias: &String| alias.eq_ignore_ascii_case(name);
    others.retain(|entry| entry.aliases().iter().any(is_alias));
    others
}

fn one(name: &str, mut found: Vec<Entry>) -> Result<Entry, Error> {
    let name = name.to_owned();
    match (found.pop(), found.is_empty()) {
        (None, _) if candle::has(&name) => Err(Error::Feature(name)),
        (None, _) => Err(Error::Unknown(name)),
        (Some(entry), true) => Ok(entry),
        (Some(last), false) => {
            found.push(last);
            let candidates = found.iter().map(Entry::label).collect();
            Err(Error::Ambiguous { name, candidates })
        }
    }
}
