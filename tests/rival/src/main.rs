//! fastembed, as a program: one model out of the cache that `HF_HOME` names, and
//! calls of it, a line of JSON each, whose answers are a line each.
//!
//! usage: `fastembed-rival <op> <model> [max_length]`
//!
//! A call is `{texts}`, `{query, documents}` or `{files}`, with `batch` where it is
//! not fastembed's own and `silent` where only the time is wanted. An answer is
//! `{seconds, result}`: the seconds of fastembed's call alone, and what it gave.

mod model;

use std::io::{BufRead as _, Write as _};

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::json;

/// One call of the model.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    #[serde(default)]
    texts: Vec<String>,
    #[serde(default)]
    query: String,
    #[serde(default)]
    documents: Vec<String>,
    /// Paths of images.
    #[serde(default)]
    files: Vec<String>,
    /// Items in each of fastembed's runs.
    batch: Option<usize>,
    #[serde(default)]
    silent: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [op, name, rest @ ..] = arguments.as_slice() else {
        anyhow::bail!("usage: fastembed-rival <op> <model> [max_length]");
    };
    let max_length = rest.first().map(|length| length.parse()).transpose()?;
    let mut model = model::Loaded::load(op, name, max_length)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", json!({ "loaded": name }))?;
    out.flush()?;
    for line in std::io::stdin().lock().lines() {
        let call: Call = serde_json::from_str(&line?).context("no call")?;
        let (elapsed, result) = model.call(&call)?;
        let mut answer = json!({ "seconds": elapsed.as_secs_f64() });
        if !call.silent {
            answer["result"] = result;
        }
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}
