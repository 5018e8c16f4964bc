//! What ratios compare, side by side in each round.

use std::time::{Duration, Instant};

use serde_json::json;

use super::bus::{self, Caller};
use super::figures::Latencies;
use super::process::Process;
use super::rival::Rival;
use super::{SHORT_TEXT, Session, println, roofline};
use crate::cli::Scene;
use crate::config::Model;
use crate::models::Op;

/// Calls of one short text at a time, in a round: by turns through the bus and in
/// process, so many at a turn. What is compared is a tenth of a run, and a machine's
/// speed moves by more within seconds; but each side has weights of its own, which the
/// first call of a turn finds outside of the caches: the median is of the others.
const SINGLES: usize = 200;
const AT_A_TURN: usize = 20;

/// About as long as a bare echo takes, in which a processor falls asleep.
const REST: Duration = Duration::from_micros(350);

impl Session<'_> {
    /// Everything that a ratio compares, each once a round.
    pub(super) async fn rounds(&mut self, worker: &Process, caller: &Caller) -> anyhow::Result<()> {
        let mut rival = match self.measures(Scene::Rival) {
            true => Some(self.rival(Op::Text, Model::DEFAULT).await?),
            false => None,
        };
        let throughput = self.measures(Scene::Throughput);
        if !throughput && rival.is_none() {
            return Ok(());
        }
        for round in 1..=self.settings.rounds {
            let start = Instant::now();
            if throughput {
                self.throughput(worker, caller).await?;
            }
            if let Some(rival) = &mut rival {
                self.against(rival).await?;
            }
            if throughput {
                self.singles(caller).await?;
            }
            let seconds = start.elapsed().as_secs_f64();
            println(&format!(
                "round {round} of {}: {seconds:.1} s",
                self.settings.rounds
            ))?;
        }
        Ok(())
    }

    /// The oracle, the bus, and what the processors could do.
    async fn throughput(&mut self, worker: &Process, caller: &Caller) -> anyhow::Result<()> {
        let (texts, figures) = (&self.texts, &mut self.figures);
        let best = self.oracle.best(texts)?;
        figures.add("oracle_texts_per_second", rate(texts, best.elapsed));
        let before = worker.processor_seconds();
        let one = bus::one_caller(caller, texts).await?;
        figures.add("bus_one_caller_texts_per_second", one);
        let between = worker.processor_seconds();
        let singles = bus::many_callers(caller, texts, 64, 1).await?;
        figures.add("bus_64_singles_texts_per_second", singles);
        let after = worker.processor_seconds();
        let of_32 = bus::many_callers(caller, texts, 8, 32).await?;
        figures.add("bus_callers_of_32_texts_per_second", of_32);

        let flops = roofline::flops(&self.environment, self.config.runtime.processors())?;
        figures.add("roofline_flops", flops);
        let tokens = best.tokens.iter().sum::<usize>() as f64;
        let by_text = roofline::FLOP_PER_TOKEN * tokens / texts.len() as f64;
        figures.add("roofline_texts_per_second", flops / by_text);
        for (name, before, after) in [
            ("one_caller_tokens_per_processor_second", before, between),
            ("64_singles_tokens_per_processor_second", between, after),
        ] {
            if let (Some(before), Some(after)) = (before, after) {
                figures.add(name, tokens / (after - before));
            }
        }
        Ok(())
    }

    /// fastembed's own call, with its own batches and with small ones.
    async fn against(&mut self, rival: &mut Rival) -> anyhow::Result<()> {
        let (texts, figures) = (&self.texts, &mut self.figures);
        for (name, batch) in [
            ("fastembed_default_texts_per_second", None),
            ("fastembed_batch32_texts_per_second", Some(32)),
        ] {
            let elapsed = rival
                .call(json!({ "texts": texts, "batch": batch }))
                .await?;
            figures.add(name, rate(texts, elapsed));
        }
        Ok(())
    }

    /// Short texts one at a time, through the bus and in process: there without a
    /// pause, and each after one, as a text that came through a bus has it.
    async fn singles(&mut self, caller: &Caller) -> anyhow::Result<()> {
        let (short, figures) = ([SHORT_TEXT.to_owned()], &mut self.figures);
        let (mut through, mut direct) = (Latencies::new()?, Latencies::new()?);
        let mut rested = Latencies::new()?;
        for _ in 0..SINGLES / AT_A_TURN {
            bus::one_at_a_time(AT_A_TURN, &mut through, || caller.embed(&short)).await?;
            for _ in 0..AT_A_TURN {
                direct.add(self.oracle.single(SHORT_TEXT)?)?;
            }
            for _ in 0..AT_A_TURN {
                std::thread::sleep(REST);
                rested.add(self.oracle.single(SHORT_TEXT)?)?;
            }
        }
        figures.add("idle_bus_p50_seconds", through.percentile(50.0));
        figures.add("idle_bus_p99_seconds", through.percentile(99.0));
        figures.add("idle_in_process_p50_seconds", direct.percentile(50.0));
        figures.add("rested_in_process_p50_seconds", rested.percentile(50.0));
        Ok(())
    }
}

fn rate(texts: &[String], elapsed: Duration) -> f64 {
    texts.len() as f64 / elapsed.as_secs_f64()
}
