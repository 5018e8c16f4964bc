//! The same calls of the runtime as the worker makes, with all texts known
//! beforehand and nothing of its scheduling: what a worker could reach at best.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::config::Runtime;
use crate::models::catalog::{self, Op};
use crate::models::onnx::Prepared;
use crate::models::session::{Environment, Parallelism};
use crate::models::{Loaded, Model, Outputs, Row, Tokenize};

/// Sessions × threads that are tried.
const SHAPES: [Parallelism; 2] = [
    Parallelism {
        instances: 1,
        threads: 2,
    },
    Parallelism {
        instances: 2,
        threads: 1,
    },
];

/// Padded tokens of a batch that are tried; 0 is one text a run.
const BATCHES: [usize; 3] = [128, 256, 512];
const ONE_TEXT: [usize; 1] = [0];

/// A model in process, in each of the shapes that are tried.
pub(super) struct Oracle {
    shapes: Vec<Loaded>,
    batches: &'static [usize],
}

/// What one pass over all texts took and held.
pub(super) struct Pass {
    pub(super) elapsed: Duration,
    pub(super) tokens: Vec<usize>,
}

impl Oracle {
    /// `one_text` for models that run one text at a time.
    pub(super) fn load(
        environment: &Environment,
        runtime: &Runtime,
        model: &str,
        one_text: bool,
    ) -> anyhow::Result<Self> {
        let prepared = Prepared::read(&runtime.cache, catalog::find(Op::Text, model)?, None)?;
        let load = |shape| prepared.load(environment, shape);
        Ok(Self {
            shapes: SHAPES.into_iter().map(load).collect::<Result<_, _>>()?,
            batches: if one_text { &ONE_TEXT } else { &BATCHES },
        })
    }

    /// The fastest pass over all texts, tokenizing included.
    pub(super) fn best(&mut self, texts: &[String]) -> anyhow::Result<Pass> {
        let mut best: Option<Pass> = None;
        for loaded in &mut self.shapes {
            for batch in self.batches {
                let pass = pass(loaded, texts, *batch)?;
                if best.as_ref().is_none_or(|best| pass.elapsed < best.elapsed) {
                    best = Some(pass);
                }
            }
        }
        best.context("no shape to try")
    }

    /// One pass with `executors` sessions of one thread.
    pub(super) fn with_executors(
        &mut self,
        executors: usize,
        texts: &[String],
    ) -> anyhow::Result<Pass> {
        let loaded = self.shapes.last_mut().context("no shape to try")?;
        let instances = &mut loaded.instances[..executors];
        run(&*loaded.tokenizer, instances, texts, BATCHES[1])
    }

    /// One text, tokenized and run on one thread.
    pub(super) fn single(&mut self, text: &str) -> anyhow::Result<Duration> {
        let loaded = self.shapes.last_mut().context("no shape to try")?;
        let start = Instant::now();
        let ids = loaded.tokenizer.tokenize(text)?.ids;
        loaded.instances[0].run(&[Row::text(&ids)], &mut Outputs::default())?;
        Ok(start.elapsed())
    }
}

fn pass(loaded: &mut Loaded, texts: &[String], batch: usize) -> anyhow::Result<Pass> {
    run(&*loaded.tokenizer, &mut loaded.instances, texts, batch)
}

/// Tokenizes on as many threads as run, sorts by length, and runs the longest first.
fn run(
    tokenizer: &dyn Tokenize,
    instances: &mut [Box<dyn Model>],
    texts: &[String],
    batch: usize,
) -> anyhow::Result<Pass> {
    let start = Instant::now();
    let share = texts.len().div_ceil(instances.len()).max(1);
    let mut ids: Vec<Vec<u32>> = thread::scope(|scope| {
        let tokenize = |texts| scope.spawn(move || tokenized(tokenizer, texts));
        let threads: Vec<_> = texts.chunks(share).map(tokenize).collect();
        let joined = threads.into_iter().map(|thread| match thread.join() {
            Ok(ids) => ids,
            Err(_) => anyhow::bail!("a tokenizer thread panicked"),
        });
        joined.collect::<anyhow::Result<Vec<_>>>()
    })?
    .concat();
    ids.sort_by_key(|ids| std::cmp::Reverse(ids.len()));
    let batches = cut(&ids, batch);
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(None);
    thread::scope(|scope| {
        for model in instances {
            let (next, failed, batches) = (&next, &failed, &batches);
            scope.spawn(move || {
                let mut outputs = Outputs::default();
                while let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let rows: Vec<Row<'_>> = batch.iter().map(|ids| Row::text(ids)).collect();
                    outputs.clear();
                    if let Err(fault) = model.run(&rows, &mut outputs)
                        && let Ok(mut failed) = failed.lock()
                    {
                        *failed = Some(fault);
                    }
                }
            });
        }
    });
    if let Ok(Some(fault)) = failed.into_inner() {
        return Err(fault.into());
    }
    Ok(Pass {
        elapsed: start.elapsed(),
        tokens: ids.iter().map(Vec::len).collect(),
    })
}

fn tokenized(tokenizer: &dyn Tokenize, texts: &[String]) -> anyhow::Result<Vec<Vec<u32>>> {
    let ids = |text: &String| Ok(tokenizer.tokenize(text)?.ids);
    texts.iter().map(ids).collect()
}

/// Sorted texts as batches of at most `budget` padded tokens, or of one text.
fn cut(sorted: &[Vec<u32>], budget: usize) -> Vec<&[Vec<u32>]> {
    let mut batches = Vec::new();
    let mut rest = sorted;
    while let Some(longest) = rest.first() {
        let rows = (budget / longest.len()).clamp(1, rest.len());
        let (batch, others) = rest.split_at(rows);
        batches.push(batch);
        rest = others;
    }
    batches
}
