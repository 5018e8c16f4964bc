//! From the files of an image model to its sessions.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::decode::{Limits, decode};
use super::preprocess::Preprocessor;
use super::tower::Tower;
use crate::models::catalog::Entry;
use crate::models::files::Files;
use crate::models::heads::Head;
use crate::models::onnx::{Environment, Parallelism, session};
use crate::models::weights::{self, Weights};
use crate::models::{
    Error, Facts, Loaded, Model, Prompts, Row, Shape, Tokenize, Tokens, company, first_run,
};
use crate::random::SplitMix;
use crate::wire;

/// Images of which is found out whether company moves their vectors.
const COMPANY: u64 = 4;

/// An image model, read and ready to be run by any number of sessions, which share
/// its weights.
pub struct Prepared {
    entry: Entry,
    file: PathBuf,
    facts: Facts,
    preprocessor: Arc<Preprocessor>,
    graph: Bytes,
    weights: Weights,
}

impl Prepared {
    /// Reads it out of a hub cache.
    ///
    /// # Errors
    /// Any but [`Error::Run`].
    pub fn read(cache: &Path, entry: &Entry) -> Result<Self, Error> {
        let files = Files::find(cache, entry)?;
        let unreadable = |file: &Path, reason: String| unreadable(entry.label(), file, reason);
        let read =
            |file: &Path| fs::read(file).map_err(|fault| unreadable(file, fault.to_string()));
        let (graph, settings) = (read(&files.graph)?, read(&files.preprocessor)?);
        let preprocessor = Preprocessor::from_json(&settings)
            .map_err(|reason| unreadable(&files.preprocessor, reason))?;
        // A model that the configuration describes shows them in its first run.
        let untold = entry.own.as_ref().map(|_| 0);
        let dimensions = entry.dimensions.or(untold).ok_or_else(|| {
            let reason = "its dimensions are not known".to_owned();
            unreadable(&files.graph, reason)
        })?;
        let external = weights::external(&files, read)?;
        let mut contents: Vec<&[u8]> = vec![&graph, &settings];
        contents.extend(external.iter().map(|(_, data)| &**data));
        let space = entry.space(&contents, &format!("op=image{}", entry.own_terms()));
        let graph = Bytes::from(graph);
        let weights = Weights::read(&graph, &entry.graph, &external)
            .map_err(|fault| unreadable(&files.graph, fault.to_string()))?;
        let facts = Facts {
            op: entry.op,
            name: entry.name.clone(),
            shape: Shape {
                dense: dimensions,
                ..Shape::default()
            },
            max_tokens: 0,
            pooling: None,
            prompts: Prompts::default(),
            matryoshka: entry.matryoshka().to_vec(),
            normalizes: entry.normalizes(),
            space,
            aliases: entry.aliases(),
            license: entry.license().to_owned(),
            source: files.source(entry),
            weighs_queries: false,
            unit_length_only: false,
            runs_alone: entry.runs_alone() || weights.are_dynamic(),
            batch_invariant: false,
            executors: 0,
            threads: 0,
        };
        Ok(Self {
            entry: entry.clone(),
            file: files.graph,
            facts,
            preprocessor: Arc::new(preprocessor),
            graph,
            weights,
        })
    }

    /// Its fingerprint and other facts, as far as they are known before it runs.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Finds out by a first run what a model gives that the configuration describes.
    /// Of others it is known.
    ///
    /// # Errors
    /// [`Error::Unreadable`] where that is not what its settings say.
    pub fn measured(mut self, environment: &Environment) -> Result<Self, Error> {
        if self.entry.own.is_none() {
            return Ok(self);
        }
        let images = images(&self.preprocessor);
        let rows: Vec<Row<'_>> = images.iter().map(|image| Row::image(image)).collect();
        let mut tower = self.tower(environment, 1)?;
        let shape = first_run::shape(&mut tower, &rows, &self.entry);
        self.facts.shape = shape.map_err(|reason| self.unreadable(reason))?;
        Ok(self)
    }

    /// Compiles it for `parallelism`. Where company moves a vector, images run alone.
    ///
    /// # Errors
    /// [`Error::Unreadable`] where the runtime refuses the graph, or [`Error::Run`].
    pub fn load(
        self,
        environment: &Environment,
        parallelism: Parallelism,
    ) -> Result<Loaded, Error> {
        let mut towers = (0..parallelism.instances)
            .map(|_| self.tower(environment, parallelism.threads))
            .collect::<Result<Vec<Tower>, Error>>()?;
        let Self {
            mut facts,
            preprocessor,
            ..
        } = self;
        facts.executors = parallelism.instances;
        facts.threads = parallelism.threads;
        if let Some(first) = towers.first_mut()
            && !facts.runs_alone
        {
            let moved = moved(first, &preprocessor, facts.shape)?;
            company::note(&mut facts, moved, "images");
        }
        facts.batch_invariant |= facts.runs_alone;
        let alone = |mut tower: Tower| {
            tower.runs_alone(facts.runs_alone);
            Box::new(tower) as Box<dyn Model>
        };
        Ok(Loaded {
            instances: towers.into_iter().map(alone).collect(),
            tokenizer: preprocessor,
            facts: Arc::new(facts),
        })
    }

    fn tower(&self, environment: &Environment, threads: usize) -> Result<Tower, Error> {
        let session = session(environment, &self.graph, &self.weights, threads)
            .map_err(|fault| self.unreadable(fault))?;
        let head = Head::Image {
            output: self.entry.output.clone(),
        };
        Tower::new(session, &self.facts, head, Arc::clone(&self.preprocessor))
            .map_err(|fault| self.unreadable(fault))
    }

    fn unreadable(&self, reason: impl ToString) -> Error {
        unreadable(self.entry.label(), &self.file, reason.to_string())
    }
}

fn unreadable(model: String, file: &Path, reason: String) -> Error {
    Error::Unreadable {
        model,
        file: file.display().to_string(),
        reason,
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

/// The largest move of a value by company, of images of noise.
fn moved(tower: &mut Tower, preprocessor: &Preprocessor, shape: Shape) -> Result<f32, Error> {
    let images = images(preprocessor);
    let rows: Vec<Row<'_>> = images.iter().map(|image| Row::image(image)).collect();
    company::among(tower, shape, &rows)
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
