//! `models`: what there is.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::Args;
use serde::Serialize;

use crate::models::catalog::{self, Entry, Op, Quantization};

/// The table's first line.
const HEAD: [&str; 7] = [
    "OP",
    "NAME",
    "REPOSITORY",
    "DIMENSIONS",
    "MAX LENGTH",
    "POOLING",
    "LICENCE",
];

/// Which models are listed, and how.
#[derive(Clone, Copy, Debug, Args)]
pub struct Models {
    /// Only those that do this.
    #[arg(long, value_name = "OP")]
    op: Option<Op>,
    /// Everything that is known of each, as a JSON array.
    #[arg(long)]
    json: bool,
}

/// One model as JSON. What is not known has no key.
#[derive(Serialize)]
struct Described<'e> {
    op: Op,
    name: &'e str,
    repository: &'e str,
    aliases: Vec<String>,
    files: Vec<String>,
    graph: &'e str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    additional: &'e [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<usize>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    matryoshka: &'e [usize],
    #[serde(skip_serializing_if = "Option::is_none")]
    max_length: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pooling: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quantization: Option<Quantization>,
    #[serde(skip_serializing_if = "Option::is_none")]
    runs_alone: Option<bool>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    prompts: BTreeMap<&'static str, &'static str>,
    license: &'e str,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
}

impl<'e> Described<'e> {
    fn of(entry: &'e Entry) -> Self {
        let card = entry.card;
        Self {
            op: entry.op,
            name: &entry.name,
            repository: &entry.repository,
            aliases: entry.aliases(),
            files: entry.files(),
            graph: &entry.graph,
            additional: &entry.additional,
            output: entry.output.as_deref(),
            dimensions: entry.dimensions,
            matryoshka: entry.matryoshka(),
            max_length: entry.max_length,
            context: card.and_then(|card| card.context),
            pooling: entry.pooling.map(|pooling| pooling.to_string()),
            quantization: entry.quantization,
            runs_alone: entry.quantization.map(|_| entry.runs_alone()),
            prompts: card
                .map(|card| card.prompts.iter().copied().collect())
                .unwrap_or_default(),
            license: entry.license(),
            source: card.map(catalog::cards::Card::source),
        }
    }
}

impl Models {
    /// What is printed.
    ///
    /// # Errors
    /// None that a catalogue can bring about.
    pub fn print(self) -> anyhow::Result<String> {
        let ops = self.op.map_or_else(|| Op::ALL.to_vec(), |op| vec![op]);
        let entries: Vec<Entry> = ops.into_iter().flat_map(catalog::of).collect();
        if self.json {
            let described: Vec<_> = entries.iter().map(Described::of).collect();
            return Ok(serde_json::to_string_pretty(&described)? + "\n");
        }
        let mut rows = vec![HEAD.map(str::to_owned)];
        rows.extend(entries.iter().map(row));
        let mut text = table(&rows)?;
        if self.op.unwrap_or_default() == Op::Text && !cfg!(feature = "candle") {
            let names = catalog::names_of_candle().join(", ");
            writeln!(text, "\nOf a worker built with the feature candle: {names}")?;
        }
        Ok(text)
    }
}

fn row(entry: &Entry) -> [String; HEAD.len()] {
    let shown = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    [
        entry.op.to_string(),
        entry.name.clone(),
        entry.repository.clone(),
        shown(entry.dimensions.map(|values| values.to_string())),
        shown(entry.max_length.map(|tokens| tokens.to_string())),
        shown(entry.pooling.map(|pooling| pooling.to_string())),
        entry.license().to_owned(),
    ]
}

/// Columns as wide as their widest cell, two spaces apart.
fn table<const N: usize>(rows: &[[String; N]]) -> anyhow::Result<String> {
    let widths: [usize; N] =
        std::array::from_fn(|column| rows.iter().map(|row| row[column].len()).max().unwrap_or(0));
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            write!(line, "{cell:width$}  ")?;
        }
        writeln!(text, "{}", line.trim_end())?;
    }
    Ok(text)
}
