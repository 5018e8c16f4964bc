//! How many sessions of how many threads are fastest on this machine: tried once
//! for a model, and remembered beside the cache of models.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::onnx::Prepared;
use super::session::{Environment, Parallelism};
use super::{Error, Model, Outputs, Row, Tokenize as _, files};
use crate::instance;

/// How long each way is tried, after one warm pass.
const SPAN: Duration = Duration::from_millis(400);

/// What more threads in a session must gain over more sessions: those also answer
/// more callers at a time.
const WORTHWHILE: f64 = 1.05;

/// Rows × tokens of the runs that are tried: what a full queue gives.
const RUNS: [(usize, usize); 3] = [(16, 16), (7, 36), (2, 120)];

/// Where choices are remembered, within the cache.
const FOLDER: &str = "calibration";

/// What was found to be fastest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// Sessions.
    pub executors: usize,
    /// Threads within one.
    pub threads: usize,
    /// What all of them did together.
    pub tokens_per_second: f64,
}

impl Choice {
    /// As a model is loaded by.
    #[must_use]
    pub fn parallelism(self) -> Parallelism {
        Parallelism {
            instances: self.executors,
            threads: self.threads,
        }
    }
}

/// The fastest way to use `processors`: remembered, or tried now and remembered
/// where `cache` can be written.
///
/// # Errors
/// [`Error::Unreadable`] or [`Error::Run`], where the model cannot be run.
pub fn choose(
    prepared: &Prepared,
    environment: &Environment,
    processors: usize,
    cache: &Path,
) -> Result<Choice, Error> {
    let memory = memory(cache, &prepared.facts().space, processors);
    if let Some(known) = recall(&memory, processors) {
        return Ok(known);
    }
    let mut best: Option<Choice> = None;
    for parallelism in ways(processors) {
        let mut instances = prepared.instances(environment, parallelism)?;
        let tokens_per_second = speed(prepared, &mut instances)?;
        let choice = Choice {
            executors: parallelism.instances,
            threads: parallelism.threads,
            tokens_per_second,
        };
        tracing::info!(
            model = %prepared.facts().name,
            executors = choice.executors,
            threads = choice.threads,
            tokens_per_second = tokens_per_second.round(),
            "calibration"
        );
        if best.is_none_or(|best| tokens_per_second > best.tokens_per_second * WORTHWHILE) {
            best = Some(choice);
        }
    }
    let best = best.ok_or_else(|| Error::run("no way to run it"))?;
    if let Err(fault) = remember(&memory, best) {
        let file = memory.display();
        tracing::info!(%file, reason = %fault, "the calibration is not remembered");
    }
    Ok(best)
}

/// What an earlier start found to be the fastest way to use `processors`.
#[must_use]
pub fn remembered(prepared: &Prepared, processors: usize, cache: &Path) -> Option<Choice> {
    recall(
        &memory(cache, &prepared.facts().space, processors),
        processors,
    )
}

/// Sessions × threads that fill `processors`, the most sessions first.
fn ways(processors: usize) -> Vec<Parallelism> {
    let threads = std::iter::successors(Some(1_usize), |threads| Some(threads * 2));
    let threads = threads.take_while(|threads| *threads <= processors.max(1));
    let way = |threads: usize| Parallelism {
        instances: (processors / threads).max(1),
        threads,
    };
    threads.map(way).collect()
}

/// Tokens per second of all instances at once.
fn speed(prepared: &Prepared, instances: &mut [impl Model]) -> Result<f64, Error> {
    let words = ["stones", "carry", "what", "rivers", "leave"];
    let text: Vec<&str> = words.iter().cycle().take(200).copied().collect();
    let ids = prepared.tokenizer().tokenize(&text.join(" "));
    let ids = &ids.map_err(Error::run)?.ids;
    let counted: Vec<Result<f64, Error>> = thread::scope(|scope| {
        let running: Vec<_> = instances
            .iter_mut()
            .map(|model| scope.spawn(|| run(model, ids)))
            .collect();
        let lost = |_| Err(Error::run("the model panicked"));
        let joined = running
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(lost));
        joined.collect()
    });
    counted.into_iter().sum()
}

fn run(model: &mut dyn Model, ids: &[u32]) -> Result<f64, Error> {
    let mut pass = || {
        let mut tokens = 0;
        for (rows, width) in RUNS {
            let ids = &ids[..width.min(ids.len())];
            model.run(&vec![Row::text(ids); rows], &mut Outputs::default())?;
            tokens += rows * ids.len();
        }
        Ok(tokens)
    };
    pass()?;
    let (start, mut tokens) = (Instant::now(), 0);
    while start.elapsed() < SPAN {
        tokens += pass()?;
    }
    Ok(tokens as f64 / start.elapsed().as_secs_f64())
}

/// The file for this model on this kind of machine.
fn memory(cache: &Path, space: &str, processors: usize) -> PathBuf {
    let terms = format!("{processors} × {} under {}", processor(), ort::info());
    let machine = files::fingerprint(&[], &terms);
    cache.join(FOLDER).join(format!("{space}-{machine}.json"))
}

/// The processor's name where the system tells, or its kind.
fn processor() -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or(std::env::consts::ARCH, |(_, name)| name)
        .to_owned()
}

/// A choice that nobody would make here is none.
fn recall(memory: &Path, processors: usize) -> Option<Choice> {
    let known: Choice = serde_json::from_slice(&fs::read(memory).ok()?).ok()?;
    ways(processors)
        .contains(&known.parallelism())
        .then_some(known)
}

/// Whole or not at all: others may read it meanwhile.
fn remember(memory: &Path, choice: Choice) -> std::io::Result<()> {
    let folder = memory.parent().unwrap_or(memory);
    fs::create_dir_all(folder)?;
    let draft = memory.with_extension(format!("{}.draft", instance::random()));
    fs::write(&draft, serde_json::to_vec_pretty(&choice)?)?;
    fs::rename(&draft, memory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_fills_the_processors_it_can() {
        let ways = |processors| {
            let ways = ways(processors).into_iter();
            ways.map(|way| (way.instances, way.threads))
                .collect::<Vec<_>>()
        };
        assert_eq!(ways(1), [(1, 1)]);
        assert_eq!(ways(2), [(2, 1), (1, 2)]);
        assert_eq!(ways(6), [(6, 1), (3, 2), (1, 4)]);
    }

    #[test]
    fn a_choice_is_remembered_and_a_spoilt_one_made_again() {
        let cache = tempfile::tempdir().unwrap();
        let memory = memory(cache.path(), "space", 2);
        assert_eq!(recall(&memory, 2), None);
        let choice = Choice {
            executors: 2,
            threads: 1,
            tokens_per_second: 1e4,
        };
        remember(&memory, choice).unwrap();
        assert_eq!(recall(&memory, 2), Some(choice));
        fs::write(
            &memory,
            r#"{"executors":9000,"threads":1,"tokens_per_second":1}"#,
        )
        .unwrap();
        assert_eq!(recall(&memory, 2), None);
    }
}
