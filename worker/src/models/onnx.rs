//! Dense text models on ONNX Runtime sessions of our own.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use ort::environment::Environment;
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{RunOptions, Session, SessionInputValue};
use ort::value::TensorRef;

use super::catalog::{self, Entry};
use super::files::{self, Files};
use super::tokenizer::Tokenizer;
use super::weights::{self, External, Weights};
use super::{Error, Facts, Loaded, Model, Pooling, Row, Terminate};
use crate::wire::protocol;

/// How many instances of a model run, and on how many threads each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parallelism {
    /// Sessions.
    pub instances: usize,
    /// Threads within one session.
    pub threads: usize,
}

/// Loads ONNX Runtime's shared library, once for the process.
///
/// # Errors
/// [`Error::Runtime`] where the library is missing or too old.
pub fn runtime(library: &Path) -> Result<Environment, Error> {
    ort::init_from(library)
        .map_err(|fault| Error::Runtime(fault.to_string()))?
        .with_name("fastembed-nats")
        .with_telemetry(false)
        .build()
        .map_err(|fault| Error::Runtime(fault.to_string()))
}

/// Whether these bytes are an ONNX file that has a graph. Whether it runs, only
/// loading it tells.
#[must_use]
pub fn is_graph(bytes: Vec<u8>) -> bool {
    weights::is_graph(bytes.into())
}

/// Loads a dense text model of the catalogue out of a hub cache.
///
/// `max_length` is in tokens, special ones included; the model's own by default.
///
/// # Errors
/// Any but [`Error::Run`].
pub fn load(
    environment: &Environment,
    cache: &Path,
    name: &str,
    max_length: Option<usize>,
    parallelism: Parallelism,
) -> Result<Loaded, Error> {
    let entry = catalog::find(name)?;
    let files = Files::find(cache, &entry)?;
    let unreadable = |file: &Path, reason: String| Error::Unreadable {
        model: entry.name.clone(),
        file: file.display().to_string(),
        reason,
    };
    let read = |file: &Path| fs::read(file).map_err(|fault| unreadable(file, fault.to_string()));
    let (graph, tokenizer) = (read(&files.graph)?, read(&files.tokenizer)?);
    let max_tokens = max_length.unwrap_or(entry.max_length);
    if let Some(positions) = files
        .max_positions()
        .filter(|positions| max_tokens > *positions)
    {
        let reason =
            format!("max_length {max_tokens} is more than the model's {positions} positions");
        return Err(unreadable(&files.graph, reason));
    }
    let external = files
        .additional
        .iter()
        .map(|file| Ok((beside(&files.graph, file), read(file)?.into())))
        .collect::<Result<Vec<External>, Error>>()?;
    // The graph alone would be the same for other weights.
    let mut contents: Vec<&[u8]> = vec![&graph, &tokenizer];
    contents.extend(external.iter().map(|(_, data)| &**data));
    let facts = Arc::new(facts(&entry, &files, max_tokens, &contents));
    let tokenizer = Tokenizer::from_bytes(&tokenizer, max_tokens)
        .map_err(|reason| unreadable(&files.tokenizer, reason))?;
    let graph = Bytes::from(graph);
    let weights = Weights::read(&graph, external)
        .map_err(|fault| unreadable(&files.graph, fault.to_string()))?;
    let instances = (0..parallelism.instances)
        .map(|_| {
            let session = session(environment, &graph, &weights, parallelism.threads)
                .map_err(|fault| unreadable(&files.graph, fault.to_string()))?;
            let text = Text::new(session, &facts, entry.runs_alone).map_err(Error::run)?;
            Ok(Box::new(text) as Box<dyn Model>)
        })
        .collect::<Result<_, Error>>()?;
    Ok(Loaded {
        facts,
        tokenizer: Arc::new(tokenizer),
        instances,
    })
}

/// The path of a file as the graph knows it: from the graph's own folder.
fn beside(graph: &Path, file: &Path) -> String {
    let folder = graph.parent().unwrap_or(graph);
    file.strip_prefix(folder)
        .unwrap_or(file)
        .display()
        .to_string()
}

fn facts(entry: &Entry, files: &Files, max_tokens: usize, contents: &[&[u8]]) -> Facts {
    let terms = format!("pooling={} max_tokens={max_tokens}", entry.pooling);
    Facts {
        op: protocol::OP_TEXT,
        name: entry.name.clone(),
        dimensions: entry.dimensions,
        max_tokens,
        pooling: entry.pooling,
        space: files::fingerprint(contents, &terms),
        aliases: vec![entry.repository.clone()],
        license: entry.license,
        source: format!("{}@{}", entry.repository, files.revision),
    }
}

fn session(
    environment: &Environment,
    graph: &[u8],
    weights: &Weights,
    threads: usize,
) -> ort::Result<Session> {
    let builder = Session::builder(environment)?
        .with_optimization_level(GraphOptimizationLevel::Level3)?
        .with_intra_threads(threads)?
        // An idle worker costs no processor time.
        .with_intra_op_spinning(false)?;
    weights.apply(builder)?.commit_from_memory(graph)
}

/// One session of a BERT-style encoder, with the buffers it fills anew for
/// each batch.
struct Text {
    session: Session,
    options: Arc<RunOptions>,
    pooling: Pooling,
    dimensions: usize,
    takes_token_types: bool,
    rows_at_once: usize,
    ids: Vec<i64>,
    mask: Vec<i64>,
    types: Vec<i64>,
}

impl Text {
    fn new(session: Session, facts: &Facts, runs_alone: bool) -> ort::Result<Self> {
        let takes_token_types = session
            .inputs()
            .iter()
            .any(|input| input.name() == TOKEN_TYPES);
        Ok(Self {
            session,
            options: Arc::new(RunOptions::new()?),
            pooling: facts.pooling,
            dimensions: facts.dimensions,
            takes_token_types,
            rows_at_once: if runs_alone { 1 } else { usize::MAX },
            ids: Vec::new(),
            mask: Vec::new(),
            types: Vec::new(),
        })
    }

    /// Lays the rows out as rectangles, padded with id 0, which the mask hides.
    fn fill(&mut self, rows: &[Row<'_>], width: usize) {
        self.ids.clear();
        self.mask.clear();
        for row in rows {
            let end = self.ids.len() + width;
            self.ids.extend(row.ids.iter().map(|id| i64::from(*id)));
            self.mask.resize(self.ids.len(), 1);
            self.ids.resize(end, 0);
            self.mask.resize(end, 0);
        }
        self.types.clear();
        self.types.resize(self.ids.len(), 0);
    }
}

const INPUT_IDS: &str = "input_ids";
const ATTENTION_MASK: &str = "attention_mask";
const TOKEN_TYPES: &str = "token_type_ids";

impl Model for Text {
    fn run(&mut self, rows: &[Row<'_>], vectors: &mut Vec<f32>) -> Result<(), Error> {
        // Before the first: a run that is terminated ends whole.
        self.options.unterminate().map_err(Error::run)?;
        rows.chunks(self.rows_at_once)
            .try_for_each(|rows| self.run_together(rows, vectors))
    }

    fn terminator(&self) -> Arc<dyn Terminate> {
        Arc::new(Options(Arc::clone(&self.options)))
    }
}

impl Text {
    fn run_together(&mut self, rows: &[Row<'_>], vectors: &mut Vec<f32>) -> Result<(), Error> {
        let width = rows.iter().map(|row| row.ids.len()).max().unwrap_or(0);
        if rows.iter().any(|row| row.ids.is_empty()) {
            return Err(Error::run("a row without tokens"));
        }
        self.fill(rows, width);
        let shape = [rows.len(), width];
        let tensor = |values| TensorRef::from_array_view((shape, values)).map_err(Error::run);
        let mut inputs: Vec<(&str, SessionInputValue<'_>)> = vec![
            (INPUT_IDS, tensor(&*self.ids)?.into()),
            (ATTENTION_MASK, tensor(&*self.mask)?.into()),
        ];
        if self.takes_token_types {
            inputs.push((TOKEN_TYPES, tensor(&*self.types)?.into()));
        }
        let outputs = self
            .session
            .run_with_options(inputs, &self.options)
            .map_err(Error::run)?;
        let (shape, states) = outputs[0].try_extract_tensor::<f32>().map_err(Error::run)?;
        let expected = [rows.len(), width, self.dimensions];
        if !shape
            .iter()
            .map(|side| usize::try_from(*side).ok())
            .eq(expected.map(Some))
        {
            return Err(Error::run(format!(
                "states of shape {shape}, not {expected:?}"
            )));
        }
        for (row, states) in rows
            .iter()
            .zip(states.chunks_exact(width * self.dimensions))
        {
            let own = &states[..row.ids.len() * self.dimensions];
            self.pooling
                .pool(own, self.dimensions, row.normalize, vectors);
        }
        Ok(())
    }
}

/// The options under which a session runs, which can end a run.
struct Options(Arc<RunOptions>);

impl Terminate for Options {
    fn terminate(&self) {
        if let Err(fault) = self.0.terminate() {
            tracing::error!(reason = %fault, "a run could not be ended");
        }
    }
}
