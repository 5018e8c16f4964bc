//! `fastembed-worker bench`: how near the worker comes to the machine's limit.
//!
//! The same texts, model file and maximum length on every side, in interleaved
//! rounds of one run. Absolute figures move with the machine; the ratio of a pair
//! does not.

mod bad_input;
mod bare;
mod bus;
mod chart;
pub mod echo;
mod figures;
mod kinds;
mod lanes;
mod memory;
mod oracle;
mod overload;
mod process;
mod processors;
mod refusals;
mod report;
mod rival;
mod roofline;
mod rounds;
pub mod workload;

use crate::cli::{Bench, Scene};
use crate::config::{Config, Layers, Model};
use crate::models::session::{self, Environment};
use bus::Caller;
use figures::Figures;
use oracle::Oracle;
use process::Process;

/// Texts in the workload.
const TEXTS: usize = 1024;

/// Seed of the workload.
const SEED: u64 = 1;

/// A text of 16 tokens, special ones included.
const SHORT_TEXT: &str = "the quick brown fox jumps over the lazy dog near the old stone bridge";

/// Every text is computed, however often it comes.
const EACH_TEXT: &str = "--set=runtime.deduplicate=false";

/// The dynamically quantised form of the model, where the cache has it.
const INT8: &str = "AllMiniLML6V2Q";

/// Measures, prints a table, and writes the report.
///
/// # Errors
/// Where the server, a worker or a model cannot be started, or a call fails.
pub async fn run(settings: &Bench) -> anyhow::Result<()> {
    let config = Layers::default()
        .environment(process::own_variables())?
        .build()?;
    let processors = config.runtime.processors();
    let environment = session::runtime(&config.runtime.library())?;
    let mut bench = Session {
        settings,
        texts: workload::texts(SEED, TEXTS),
        oracle: Oracle::load(&environment, &config.runtime, Model::DEFAULT, false)?,
        environment,
        config,
        figures: Figures::default(),
    };
    let measured = bench.measure().await;
    print(&report::table(&bench.figures))?;
    measured?;
    report::write(&bench.figures, processors, &settings.report)?;
    if let Some(file) = &settings.chart {
        chart::write(&bench.figures, processors, file)?;
    }
    if settings.only.is_empty() {
        report::complete(&bench.figures)?;
    }
    Ok(())
}

struct Session<'b> {
    settings: &'b Bench,
    config: Config,
    environment: Environment,
    texts: Vec<String>,
    oracle: Oracle,
    figures: Figures,
}

impl Session<'_> {
    async fn measure(&mut self) -> anyhow::Result<()> {
        let (server, url) = Process::server(&self.settings.nats_server).await?;
        let worker = Process::worker(&url, &[EACH_TEXT], None).await?;
        let caller = Caller::of_model(&url, Model::DEFAULT).await?;
        // Pages, caches, and the arena's largest shape.
        bus::one_caller(&caller, &self.texts).await?;
        bus::many_callers(&caller, &self.texts, 64, 1).await?;
        let warm = worker.resident_bytes();
        self.rounds(&worker, &caller).await?;
        if self.measures(Scene::Lanes) {
            println("queries under bulk")?;
            lanes::measure(&caller, &self.texts, &mut self.oracle, &mut self.figures).await?;
        }
        if self.measures(Scene::Overload) {
            println("overload")?;
            overload::measure(&caller, &self.texts, &mut self.figures).await?;
        }
        if self.measures(Scene::BadInput) {
            println("bad input")?;
            bad_input::measure(&url, &caller, &mut self.oracle, &mut self.figures).await?;
        }
        if self.measures(Scene::Idle) {
            println("idle")?;
            processors::idle(&worker, &mut self.figures).await?;
        }
        if let (Some(warm), Some(end)) = (warm, worker.resident_bytes()) {
            self.figures.add("rss_warm_bytes", warm);
            self.figures.add("rss_end_over_warm", end / warm);
        }
        worker.stop().await?;
        if self.measures(Scene::Bare) {
            println("the bus itself")?;
            bare::measure(&url, self.settings.rounds, &mut self.figures).await?;
        }
        if self.measures(Scene::Processors) {
            println("processors one by one")?;
            let rounds = self.settings.rounds;
            let (oracle, figures) = (&mut self.oracle, &mut self.figures);
            processors::one_by_one(&url, &self.texts, rounds, oracle, figures).await?;
        }
        if self.measures(Scene::Int8) {
            println("int8")?;
            self.int8(&url).await?;
        }
        if self.measures(Scene::Memory) {
            println("memory")?;
            let processors = self.config.runtime.processors();
            memory::measure(&url, &self.texts, processors, &mut self.figures).await?;
        }
        if self.measures(Scene::Kinds) {
            println("other kinds")?;
            self.kinds(&url).await?;
        }
        if self.measures(Scene::Refusals) {
            println("refusals")?;
            refusals::measure(&url, &self.settings.models, &mut self.figures).await?;
        }
        server.stop().await
    }

    fn measures(&self, scene: Scene) -> bool {
        let only = &self.settings.only;
        only.is_empty() || only.contains(&scene)
    }

    /// The quantised model through the bus, and as fast as it goes without.
    async fn int8(&mut self, url: &str) -> anyhow::Result<()> {
        let (texts, figures) = (&self.texts, &mut self.figures);
        let mut oracle = Oracle::load(&self.environment, &self.config.runtime, INT8, true)?;
        let configuration = format!("[[models]]\nname = '{INT8}'\n");
        let worker = Process::worker_of(url, &configuration, &[EACH_TEXT]).await?;
        let caller = Caller::of_model(url, INT8).await?;
        bus::one_caller(&caller, texts).await?;
        for _ in 0..self.settings.rounds {
            let best = oracle.best(texts)?;
            let rate = texts.len() as f64 / best.elapsed.as_secs_f64();
            figures.add("int8_oracle_texts_per_second", rate);
            let through = bus::one_caller(&caller, texts).await?;
            figures.add("bus_int8_texts_per_second", through);
        }
        worker.stop().await
    }
}

fn println(line: &str) -> std::io::Result<()> {
    print(&format!("{line}\n"))
}

/// The bench's output is its result, not a log.
fn print(text: &str) -> std::io::Result<()> {
    std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes())
}
