//! Models that read text, on ONNX Runtime sessions of our own.

use std::path::Path;
use std::sync::Arc;

use ort::session::Session;

use super::catalog::Entry;
use super::company;
use super::files::Files;
use super::graph::Graph;
use super::kind::Kind;
use super::runner::Runner;
use super::session::{Environment, Parallelism};
use super::token_feed::TokenFeed;
use super::tokenizer::Tokenizer;
use super::weights;
use super::{Error, Facts, Loaded, Row, Tokenize as _, first_run};

/// Whether these bytes are an ONNX file that has a graph. Whether it runs, only
/// loading it tells.
#[must_use]
pub fn is_graph(bytes: Vec<u8>) -> bool {
    weights::is_graph(bytes.into())
}

/// Texts of the first run of a model that the configuration describes: of two
/// lengths, so that one of them is filled up. The shorter one comes first: alone it
/// is less wide than both, so that no number of tokens passes for one of values.
const FIRST_TEXTS: [&str; 2] = ["bridges", "rivers carry stones"];

/// A model that reads text, read and ready to be run by any number of sessions.
pub struct Prepared {
    graph: Graph,
    /// The id that fills short rows up.
    padding: u32,
    tokenizer: Arc<Tokenizer>,
}

impl Prepared {
    /// Reads it out of a hub cache, or its own folder.
    ///
    /// `max_length` is in tokens, special ones included; the model's own by default.
    ///
    /// # Errors
    /// Any but [`Error::Run`].
    pub fn read(cache: &Path, entry: Entry, max_length: Option<usize>) -> Result<Self, Error> {
        let reads_text = || Error::Unknown(entry.label());
        let mut max_tokens = max_length.or(entry.max_length).ok_or_else(reads_text)?;
        let files = Files::find(cache, &entry)?;
        let unreadable = |file: &Path, reason: String| Error::unreadable(&entry, file, reason);
        let read = |file: &Path| Files::read(&entry, file);
        let (graph, tokenizer) = (read(&files.graph)?, read(&files.tokenizer)?);
        if max_length.is_none()
            && entry.own.is_some()
            && let Some(positions) = files.max_positions()
        {
            max_tokens = max_tokens.min(positions);
        }
        if let Some(reason) = files.too_long(max_tokens) {
            return Err(unreadable(&files.graph, reason));
        }
        let external = files.external(read)?;
        let query_weights = files.query_weights.as_deref().map(read).transpose()?;
        // The graph alone would be the same for other weights.
        let mut contents: Vec<&[u8]> = vec![&graph, &tokenizer];
        contents.extend(external.iter().map(|(_, data)| &**data));
        contents.extend(query_weights.as_deref());
        let cannot_tokenize = |reason| unreadable(&files.tokenizer, reason);
        let mut reader = Tokenizer::from_bytes(&tokenizer, max_tokens).map_err(cannot_tokenize)?;
        if let (Some(weights), Some(file)) = (&query_weights, &files.query_weights) {
            let fault = |reason| unreadable(file, reason);
            reader = reader.with_query_weights(weights).map_err(fault)?;
        }
        let Kind {
            shape,
            pooling,
            head,
        } = Kind::of(&entry, &reader).map_err(|reason| unreadable(&files.graph, reason))?;
        let terms = match pooling {
            Some(pooling) => format!("pooling={pooling} max_tokens={max_tokens}"),
            None => format!("op={} max_tokens={max_tokens}", entry.op),
        };
        let facts = Facts {
            max_tokens,
            pooling,
            ..Facts::of(&entry, files.source(&entry), shape, &contents, &terms)
        };
        let padding = files.padding().unwrap_or(0);
        Ok(Self {
            graph: Graph::of(entry, files.graph, graph, &external, head, facts)?,
            padding,
            tokenizer: Arc::new(reader),
        })
    }

    /// Its fingerprint and other facts, as far as they are known before it runs.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        self.graph.facts()
    }

    /// Finds out by a first run what a model gives that the configuration describes.
    /// Of others it is known.
    ///
    /// # Errors
    /// [`Error::Unreadable`] where that is not what its kind or its settings say.
    pub fn measured(mut self, environment: &Environment) -> Result<Self, Error> {
        if !self.graph.is_untold() {
            return Ok(self);
        }
        let tokens = FIRST_TEXTS.map(|text| self.tokenizer.tokenize(text));
        let tokens: Vec<_> = tokens
            .into_iter()
            .collect::<Result<_, _>>()
            .map_err(Error::run)?;
        let rows: Vec<Row<'_>> = tokens.iter().map(|tokens| Row::text(&tokens.ids)).collect();
        let mut runner = self.runner(environment, 1)?;
        self.graph.measure(&mut runner, &rows)?;
        let ids = tokens.iter().flat_map(|tokens| &tokens.ids).copied();
        let ids: Vec<u32> = ids.cycle().take(self.facts().max_tokens).collect();
        first_run::longest(&mut runner, &ids).map_err(|reason| self.graph.unreadable(reason))?;
        Ok(self)
    }

    /// Compiles it for `parallelism`, and checks whether company moves a vector;
    /// where it does, texts run alone.
    ///
    /// # Errors
    /// [`Error::Unreadable`] where the runtime refuses the graph, or [`Error::Run`].
    pub fn load(
        &self,
        environment: &Environment,
        parallelism: Parallelism,
    ) -> Result<Loaded, Error> {
        let runners = self.instances(environment, parallelism)?;
        let texts = company::texts(&*self.tokenizer)?;
        let rows: Vec<Row<'_>> = texts.iter().map(|tokens| Row::text(&tokens.ids)).collect();
        let tokenizer = Arc::clone(&self.tokenizer) as _;
        let graph = &self.graph;
        graph.load(runners, parallelism, tokenizer, &rows)
    }

    /// Its tokenizer.
    pub(super) fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Compiles it for `parallelism`, and no more.
    pub(super) fn instances(
        &self,
        environment: &Environment,
        parallelism: Parallelism,
    ) -> Result<Vec<Runner>, Error> {
        (0..parallelism.instances)
            .map(|_| self.runner(environment, parallelism.threads))
            .collect()
    }

    fn runner(&self, environment: &Environment, threads: usize) -> Result<Runner, Error> {
        let feed = |session: &Session| TokenFeed::of(session, self.padding);
        self.graph.runner(environment, threads, feed)
    }
}
