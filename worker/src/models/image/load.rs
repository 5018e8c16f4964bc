//! From the files of an image model to its sessions.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::decode::{Limits, decode};
use super::preprocess::Preprocessor;
use super::tower::Tower;
use crate::models::catalog::Entry;
use crate::models::files::Files;
use crate::models::onnx::{Environment, Parallelism, session};
use crate::models::weights::{self, Weights};
use crate::models::{Error, Facts, Loaded, Model, Prompts, Row, Shape, Tokenize, Tokens, company};
use crate::random::SplitMix;
use crate::wire;

/// Images of which is found out whether company moves their vectors.
const COMPANY: u64 = 4;

/// Reads an image model out of a hub cache and compiles it for `parallelism`.
/// Where company moves a vector, images run alone.
///
/// # Errors
/// Any of [`Error`].
pub fn load(
    environment: &Environment,
    cache: &Path,
    entry: &Entry,
    parallelism: Parallelism,
) -> Result<Loaded, Error> {
    let files = Files::find(cache, entry)?;
    let unreadable = |file: &Path, reason: String| Error::Unreadable {
        model: entry.label(),
        file: file.display().to_string(),
        reason,
    };
    let read = |file: &Path| fs::read(file).map_err(|fault| unreadable(file, fault.to_string()));
    let (graph, settings) = (read(&files.graph)?, read(&files.preprocessor)?);
    let preprocessor = Preprocessor::from_json(&settings)
        .map_err(|reason| unreadable(&files.preprocessor, reason))?;
    let dimensions = entry.dimensions.ok_or_else(|| {
        let reason = "its dimensions are not known".to_owned();
        unreadable(&files.graph, reason)
    })?;
    let external = weights::external(&files, read)?;
    let mut contents: Vec<&[u8]> = vec![&graph, &settings];
    contents.extend(external.iter().map(|(_, data)| &**data));
    let space = entry.space(&contents, "op=image");
    let graph = Bytes::from(graph);
    let refused = |fault: String| unreadable(&files.graph, fault);
    let weights = Weights::read(&graph, external).map_err(|fault| refused(fault.to_string()))?;
    let mut facts = Facts {
        op: entry.op,
        name: entry.name.clone(),
        shape: Shape {
            dense: dimensions,
            ..Shape::default()
        },
        max_tokens: 0,
        pooling: None,
        prompts: Prompts::default(),
        matryoshka: Vec::new(),
        space,
        aliases: entry.aliases(),
        license: entry.license(),
        source: format!("{}@{}", entry.repository, files.revision),
        weighs_queries: false,
        unit_length_only: false,
        runs_alone: entry.runs_alone() || weights.are_dynamic(),
        batch_invariant: false,
        executors: parallelism.instances,
        threads: parallelism.threads,
    };
    let preprocessor = Arc::new(preprocessor);
    let mut towers = (0..parallelism.instances)
        .map(|_| {
            let session = session(environment, &graph, &weights, parallelism.threads)
                .map_err(|fault| refused(fault.to_string()))?;
            Tower::new(session, &facts, Arc::clone(&preprocessor))
        })
        .collect::<Result<Vec<Tower>, Error>>()?;
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

/// The largest move of a value by company, of images of noise.
fn moved(tower: &mut Tower, preprocessor: &Preprocessor, shape: Shape) -> Result<f32, Error> {
    let image = |seed: u64| -> Vec<u8> {
        let mut noise = SplitMix::new(seed);
        (0..preprocessor.bytes())
            .map(|_| noise.bits() as u8)
            .collect()
    };
    let images: Vec<Vec<u8>> = (0..COMPANY).map(image).collect();
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
