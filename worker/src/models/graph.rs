//! A model of ONNX, read and ready to be run by any number of sessions, which share
//! its weights.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use ort::session::Session;

use super::beside::External;
use super::catalog::Entry;
use super::heads::Head;
use super::runner::{Feed, Runner};
use super::session::{self, Environment, Parallelism};
use super::weights::Weights;
use super::{Error, Facts, Loaded, Model, Row, Tokenize, company, first_run};

/// What it takes to run a model, whatever it reads.
pub(super) struct Graph {
    entry: Entry,
    file: PathBuf,
    facts: Facts,
    head: Head,
    bytes: Bytes,
    weights: Weights,
}

impl Graph {
    /// Of the ONNX file's bytes, and the files beside it.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    pub(super) fn of(
        entry: Entry,
        file: PathBuf,
        bytes: Vec<u8>,
        external: &[External],
        head: Head,
        mut facts: Facts,
    ) -> Result<Self, Error> {
        let bytes = Bytes::from(bytes);
        let weights = Weights::read(&bytes, &entry.graph, external)
            .map_err(|fault| Error::unreadable(&entry, &file, fault))?;
        facts.runs_alone |= weights.are_dynamic();
        Ok(Self {
            entry,
            file,
            facts,
            head,
            bytes,
            weights,
        })
    }

    /// Its fingerprint and other facts, as far as they are known before it runs.
    pub(super) fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Whether it has to be run once to know what it gives: the configuration
    /// describes it.
    pub(super) fn is_untold(&self) -> bool {
        self.entry.own.is_some()
    }

    /// Finds out by running these rows what it gives.
    ///
    /// # Errors
    /// [`Error::Unreadable`] where that is not what its kind or its settings say.
    pub(super) fn measure(&mut self, runner: &mut Runner, rows: &[Row<'_>]) -> Result<(), Error> {
        let shape = first_run::shape(runner, rows, &self.entry);
        self.facts.shape = shape.map_err(|reason| self.unreadable(reason))?;
        Ok(())
    }

    /// Compiles it for one session of so many threads.
    ///
    /// # Errors
    /// [`Error::Unreadable`] where the runtime refuses the graph, or `feed` does.
    pub(super) fn runner<F: Feed + 'static>(
        &self,
        environment: &Environment,
        threads: usize,
        feed: impl FnOnce(&Session) -> Result<F, Error>,
    ) -> Result<Runner, Error> {
        let session = session::open(environment, &self.bytes, &self.weights, threads)
            .map_err(|fault| self.unreadable(fault))?;
        let feed = feed(&session).map_err(|fault| self.unreadable(fault))?;
        Runner::new(session, Box::new(feed), self.head.clone(), &self.facts)
            .map_err(|fault| self.unreadable(fault))
    }

    /// Makes a model of its sessions. Where company moves what these rows give, each
    /// of its rows runs alone.
    ///
    /// # Errors
    /// [`Error::Run`].
    pub(super) fn load(
        &self,
        mut runners: Vec<Runner>,
        parallelism: Parallelism,
        tokenizer: Arc<dyn Tokenize>,
        rows: &[Row<'_>],
    ) -> Result<Loaded, Error> {
        let mut facts = Facts {
            executors: parallelism.instances,
            threads: parallelism.threads,
            ..self.facts.clone()
        };
        if let Some(first) = runners.first_mut() {
            company::check(&mut facts, first, rows)?;
        }
        let alone = |mut runner: Runner| {
            runner.runs_alone(facts.runs_alone);
            Box::new(runner) as Box<dyn Model>
        };
        Ok(Loaded {
            instances: runners.into_iter().map(alone).collect(),
            tokenizer,
            facts: Arc::new(facts),
        })
    }

    pub(super) fn unreadable(&self, reason: impl ToString) -> Error {
        Error::unreadable(&self.entry, &self.file, reason)
    }
}
