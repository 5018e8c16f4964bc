//! What the bench found, for people and for programs.

use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;

use super::figures::{Figure, Unit};
use super::local::Workload;
use super::usage::Memory;

#[derive(Serialize)]
pub(super) struct Report {
    version: &'static str,
    processors: usize,
    workload: Workload,
    figures: Vec<Row>,
    /// Bus against process, pair by pair.
    ratios: Vec<Ratio>,
    worker_memory_mib: Option<MemoryRow>,
}

/// Resident memory of the worker.
#[derive(Serialize)]
struct MemoryRow {
    ready: f64,
    after: f64,
    peak: f64,
}

#[derive(Serialize)]
struct Row {
    name: &'static str,
    unit: Unit,
    min: f64,
    median: f64,
    max: f64,
}

#[derive(Serialize)]
struct Ratio {
    name: &'static str,
    bus_to_process: f64,
}

impl Report {
    /// `figures` come in pairs: in process, then through the bus. `work` is what
    /// the worker did with its processors, `memory` what it had when it was ready
    /// and in the end; neither is known everywhere.
    pub(super) fn new(
        workload: Workload,
        figures: &[Figure],
        work: &[Figure],
        memory: Option<(Memory, Memory)>,
    ) -> Self {
        let row = |figure: &Figure| {
            let [min, median, max] = figure.spread();
            Row {
                name: figure.name,
                unit: figure.unit,
                min,
                median,
                max,
            }
        };
        let (pairs, _) = figures.as_chunks();
        let ratio = |[local, bus]: &[Figure; 2]| Ratio {
            name: bus.name,
            bus_to_process: bus.median() / local.median(),
        };
        Self {
            version: env!("CARGO_PKG_VERSION"),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            workload,
            figures: figures
                .iter()
                .chain(work)
                .filter(|figure| figure.is_known())
                .map(row)
                .collect(),
            ratios: pairs.iter().map(ratio).collect(),
            worker_memory_mib: memory.map(|(ready, end)| MemoryRow {
                ready: ready.now,
                after: end.now,
                peak: end.peak,
            }),
        }
    }

    /// A table for a terminal, 50 columns of names and one of ratios.
    pub(super) fn table(&self) -> String {
        let mut out = format!(
            "\n{:<50} {:>10} {:>10} {:>10}  bus/process\n",
            "", "min", "median", "max"
        );
        for row in &self.figures {
            let unit = match row.unit {
                Unit::TextsPerSecond => "texts/s",
                Unit::Microseconds => "µs",
                Unit::TokensPerProcessorSecond => "tokens/s of one processor",
            };
            let ratio = self.ratios.iter().find(|ratio| ratio.name == row.name);
            let ratio = ratio
                .map(|ratio| format!("{:.2}", ratio.bus_to_process))
                .unwrap_or_default();
            out += &format!(
                "{:<50} {:>10.1} {:>10.1} {:>10.1}  {ratio:<5} {unit}\n",
                row.name, row.min, row.median, row.max
            );
        }
        if let Some(memory) = &self.worker_memory_mib {
            out += &format!(
                "worker memory: {:.0} MiB when ready, {:.0} MiB after the bench, {:.0} MiB at most\n",
                memory.ready, memory.after, memory.peak
            );
        }
        out
    }

    pub(super) fn write(&self, file: &Path) -> anyhow::Result<()> {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let text = serde_json::to_string_pretty(self)? + "\n";
        std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
    }
}
