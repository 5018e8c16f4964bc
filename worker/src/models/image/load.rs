//! From the files of an image model to its sessions.

use std::path::Path;
use std::sync::Arc;

use ort::session::Session;

use super::decode::{Limits, decode};
use super::pixel_feed::PixelFeed;
use super::preprocess::Preprocessor;
use crate::models::catalog::Entry;
use crate::models::files::Files;
use crate::models::graph::Graph;
use crate::models::heads::Head;
use crate::models::runner::Runner;
use crate::models::session::{Environment, Parallelism};
use crate::models::{Error, Facts, Loaded, Row, Shape, Tokenize, Tokens};
use crate::random::SplitMix;
use crate::wire;

/// Images of which is found out whether company moves their vectors.
const COMPANY: u64 = 4;

/// An image model, read and ready to be run by any number of sessions.
pub struct Prepared {
    graph: Graph,
    preprocessor: Arc<Preprocessor>,
}

impl Prepared {
    /// Reads it out of a hub cache, or its own folder.
    ///
    /// # Errors
    /// Any but [`Error::Run`].
    pub fn read(cache: &Path, entry: Entry) -> Result<Self, Error> {
        let files = Files::find(cache, &entry)?;
        let read = |file: &Path| Files::read(&entry, file);
        let (graph, settings) = (read(&files.graph)?, read(&files.preprocessor)?);
        let preprocessor = Preprocessor::from_json(&settings)
            .map_err(|reason| Error::unreadable(&entry, &files.preprocessor, reason))?;
        // A model that the configuration describes shows them in its first run.
        let untold = entry.own.as_ref().map(|_| 0);
        let dimensions = entry.dimensions.or(untold).ok_or_else(|| {
            Error::unreadable(&entry, &files.graph, "its dimensions are not known")
        })?;
        let shape = Shape {
            dense: dimensions,
            ..Shape::default()
        };
        let external = files.external(read)?;
        let mut contents: Vec<&[u8]> = vec![&graph, &settings];
        contents.extend(external.iter().map(|(_, data)| &**data));
        let facts = Facts::of(&entry, files.source(&entry), shape, &contents, "op=image");
        let output = entry.output.clone();
        let head = Head::Image { output };
        Ok(Self {
            graph: Graph::of(entry, files.graph, graph, &external, head, facts)?,
            preprocessor: Arc::new(preprocessor),
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
    /// [`Error::Unreadable`] where that is not what its settings say.
    pub fn measured(mut self, environment: &Environment) -> Result<Self, Error> {
        if !self.graph.is_untold() {
            return Ok(self);
        }
        let images = images(&self.preprocessor);
        let rows: Vec<Row<'_>> = images.iter().map(|image| Row::image(image)).collect();
        let mut runner = self.runner(environment, 1)?;
        self.graph.measure(&mut runner, &rows)?;
        Ok(self)
    }

    /// Compiles it for `parallelism`. Where company moves a vector, images run alone.
    ///
    /// # Errors
    /// [`Error::Unreadable`] where the runtime refuses the graph, or [`Error::Run`].
    pub fn load(
        &self,
        environment: &Environment,
        parallelism: Parallelism,
    ) -> Result<Loaded, Error> {
        let runners = (0..parallelism.instances)
            .map(|_| self.runner(environment, parallelism.threads))
            .collect::<Result<_, Error>>()?;
        let images = images(&self.preprocessor);
        let rows: Vec<Row<'_>> = images.iter().map(|image| Row::image(image)).collect();
        let tokenizer = Arc::clone(&self.preprocessor) as _;
        let graph = &self.graph;
        graph.load(runners, parallelism, tokenizer, &rows)
    }

    fn runner(&self, environment: &Environment, threads: usize) -> Result<Runner, Error> {
        let feed = |session: &Session| PixelFeed::of(session, Arc::clone(&self.preprocessor));
        self.graph.runner(environment, threads, feed)
    }
}

/// Images of noise, of the model's size.
fn images(preprocessor: &Preprocessor) -> Vec<Vec<u8>> {
    let image = |seed: u64| -> Vec<u8> {
        let mut noise = SplitMix::new(seed);
        (0..preprocessor.bytes())
            .map(|_| noise.bits() as u8)
            .collect()
    };
    (0..COMPANY).map(image).collect()
}

impl Tokenize for Preprocessor {
    fn tokenize(&self, _text: &str) -> Result<Tokens, wire::Error> {
        Err(wire::Error::new(
            wire::ErrorCode::Internal,
            "this model reads no text",
        ))
    }

    fn image_bytes(&self) -> usize {
        self.bytes()
    }

    fn prepare(&self, file: &[u8]) -> Result<Arc<[u8]>, wire::Error> {
        let picture = decode(file, &Limits::default())?;
        Ok(self.resize(&picture).into())
    }
}
