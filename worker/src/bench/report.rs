//! What the bench found, for people and for programs.

use std::path::Path;

use anyhow::{Context as _, ensure};
use serde_json::{Map, Value};

use super::figures::Figures;

/// One figure over another, and what it should reach.
struct Ratio {
    name: &'static str,
    over: &'static str,
    under: &'static str,
    bound: f64,
}

/// Each compares what was measured in the same run.
const RATIOS: &[Ratio] = &[
    ratio(
        "one caller of all texts ÷ oracle",
        "bus_one_caller_texts_per_second",
        "oracle_texts_per_second",
        0.97,
    ),
    ratio(
        "64 callers of single texts ÷ oracle",
        "bus_64_singles_texts_per_second",
        "oracle_texts_per_second",
        0.92,
    ),
    ratio(
        "callers of 32 ÷ oracle",
        "bus_callers_of_32_texts_per_second",
        "oracle_texts_per_second",
        0.92,
    ),
    ratio(
        "one caller ÷ fastembed's default call",
        "bus_one_caller_texts_per_second",
        "fastembed_default_texts_per_second",
        10.0,
    ),
    ratio(
        "one caller ÷ fastembed, batch 32",
        "bus_one_caller_texts_per_second",
        "fastembed_batch32_texts_per_second",
        1.0,
    ),
    ratio(
        "oracle ÷ roofline",
        "oracle_texts_per_second",
        "roofline_texts_per_second",
        0.72,
    ),
    ratio(
        "int8 through the bus ÷ its oracle",
        "bus_int8_texts_per_second",
        "int8_oracle_texts_per_second",
        0.95,
    ),
    ratio(
        "int8 ÷ fp32, through the bus",
        "bus_int8_texts_per_second",
        "bus_one_caller_texts_per_second",
        1.6,
    ),
    ratio(
        "two one-core workers ÷ two executors, each over one",
        "two_workers_over_one",
        "two_executors_over_one",
        0.97,
    ),
    ratio(
        "fake model ÷ bare echo",
        "fake_requests_per_second",
        "echo_requests_per_second",
        0.6,
    ),
    ratio(
        "rerank ÷ fastembed's default call",
        "bus_rerank_pairs_per_second",
        "fastembed_rerank_pairs_per_second",
        3.0,
    ),
    ratio(
        "sparse ÷ fastembed's default call",
        "bus_sparse_texts_per_second",
        "fastembed_sparse_texts_per_second",
        2.0,
    ),
    ratio(
        "images ÷ fastembed's default call",
        "bus_images_per_second",
        "fastembed_images_per_second",
        1.0,
    ),
];

const fn ratio(name: &'static str, over: &'static str, under: &'static str, bound: f64) -> Ratio {
    Ratio {
        name,
        over,
        under,
        bound,
    }
}

/// Width of a figure's name in the table.
const NAME_WIDTH: usize = 56;

/// All figures with their spread, then the ratios with their bounds.
pub(super) fn table(figures: &Figures) -> String {
    let mut out = format!(
        "\n{:<NAME_WIDTH$} {:>12} {:>12} {:>12}\n",
        "", "min", "median", "max"
    );
    for name in figures.names() {
        if let Some([min, median, max]) = figures.spread(name) {
            let values = [min, median, max].map(significant);
            out += &format!(
                "{name:<NAME_WIDTH$} {:>12} {:>12} {:>12}\n",
                values[0], values[1], values[2]
            );
        }
    }
    out += "\n";
    let mut held = |name: &str, value: f64, relation: &str, bound: f64, holds: bool| {
        let verdict = if holds { "" } else { "  <- missed" };
        out += &format!(
            "{name:<NAME_WIDTH$} {:>12} {relation} {}{verdict}\n",
            significant(value),
            significant(bound)
        );
    };
    for ratio in RATIOS {
        if let (Some(over), Some(under)) = (figures.median(ratio.over), figures.median(ratio.under))
        {
            held(
                ratio.name,
                over / under,
                ">=",
                ratio.bound,
                over / under >= ratio.bound,
            );
        }
    }
    for (name, value, bound) in at_most(figures) {
        held(name, value, "<=", bound, value <= bound);
    }
    for (name, value, bound) in at_least(figures) {
        held(name, value, ">=", bound, value >= bound);
    }
    out
}

fn at_most(figures: &Figures) -> Vec<(&'static str, f64, f64)> {
    let median = |name| figures.median(name);
    let rows = [
        (|| {
            let (bus, process) = (
                median("idle_bus_p50_seconds")?,
                median("idle_in_process_p50_seconds")?,
            );
            Some((
                "idle query, bus - in process (s)",
                bus - process,
                median("idle_echo_p50_seconds")? + 0.2e-3,
            ))
        })(),
        (|| {
            let bound =
                median("idle_bus_p50_seconds")? + 1.2 * median("longest_bulk_text_seconds")?;
            Some((
                "query p99 under bulk (s)",
                median("interactive_p99_under_bulk_seconds")?,
                bound,
            ))
        })(),
        (|| {
            let bound =
                median("neighbours_p99_seconds")? + 1.2 * median("bad_longest_run_seconds")?;
            Some((
                "query p99 beside bad input (s)",
                median("neighbours_p99_beside_bad_input_seconds")?,
                bound,
            ))
        })(),
        median("neighbours_refused_beside_bad_input")
            .map(|value| ("queries refused beside bad input", value, 0.0)),
        median("overload_reject_p99_seconds").map(|value| ("overloaded, p99 (s)", value, 0.02)),
        median("rss_end_over_warm").map(|value| ("memory at the end ÷ warm", value, 1.3)),
        median("memory_of_executors_over_one").map(|value| ("executors ÷ one, memory", value, 1.2)),
        median("idle_cpu_cores").map(|value| ("idle worker (cores)", value, 0.01)),
        median("sparse_peak_over_logits")
            .map(|value| ("memory for 32 × 256 tokens of SPLADE ÷ logits", value, 1.2)),
        median("refused_request_p99_seconds")
            .map(|value| ("request refused, p99 (s)", value, 0.02)),
        median("refused_image_p99_seconds").map(|value| ("image refused, p99 (s)", value, 0.02)),
        median("fake_bus_drops").map(|value| ("messages lost by the fake model", value, 0.0)),
    ];
    rows.into_iter().flatten().collect()
}

fn at_least(figures: &Figures) -> Vec<(&'static str, f64, f64)> {
    let median = |name| figures.median(name);
    let rows = [
        median("bulk_share_under_interactive")
            .map(|value| ("bulk under queries ÷ its best", value, 0.85)),
        median("overload_goodput_over_best")
            .map(|value| ("goodput under overload ÷ best", value, 0.9)),
    ];
    rows.into_iter().flatten().collect()
}

/// What every whole run reports.
const NAMES: &[&str] = &[
    "oracle_texts_per_second",
    "roofline_texts_per_second",
    "fastembed_default_texts_per_second",
    "fastembed_batch32_texts_per_second",
    "bus_one_caller_texts_per_second",
    "bus_64_singles_texts_per_second",
    "bus_callers_of_32_texts_per_second",
    "int8_oracle_texts_per_second",
    "bus_int8_texts_per_second",
    "idle_bus_p50_seconds",
    "idle_in_process_p50_seconds",
    "idle_echo_p50_seconds",
    "interactive_p99_under_bulk_seconds",
    "longest_bulk_text_seconds",
    "bulk_share_under_interactive",
    "fake_requests_per_second",
    "echo_requests_per_second",
    "two_workers_over_one",
    "two_executors_over_one",
    "overload_goodput_over_best",
    "overload_reject_p99_seconds",
    "neighbours_p99_seconds",
    "neighbours_p99_beside_bad_input_seconds",
    "bus_rerank_pairs_per_second",
    "fastembed_rerank_pairs_per_second",
    "bus_sparse_texts_per_second",
    "fastembed_sparse_texts_per_second",
    "bus_images_per_second",
    "fastembed_images_per_second",
    "refused_request_p50_seconds",
    "refused_request_p99_seconds",
    "refused_image_p50_seconds",
    "refused_image_p99_seconds",
    "bomb_image_p50_seconds",
    "bomb_image_p99_seconds",
];

/// And what it does where the system tells of processes.
const OF_PROCESSES: &[&str] = &[
    "rss_end_over_warm",
    "idle_cpu_cores",
    "memory_of_executors_over_one",
    "sparse_peak_over_logits",
];

/// Checks that nothing is missing that others look up by its name.
///
/// # Errors
/// The first that is missing, or is no number.
pub(super) fn complete(figures: &Figures) -> anyhow::Result<()> {
    let of_processes = cfg!(target_os = "linux").then_some(OF_PROCESSES);
    for name in NAMES.iter().chain(of_processes.unwrap_or_default()) {
        let spread = figures.spread(name);
        ensure!(
            spread.is_some_and(|spread| spread.iter().all(|value| value.is_finite())),
            "the report has no {name}"
        );
    }
    Ok(())
}

/// Four significant digits.
pub(super) fn significant(value: f64) -> String {
    let digits = if value == 0.0 {
        0
    } else {
        value.abs().log10().floor() as i32
    };
    let decimals = usize::try_from(3 - digits).unwrap_or(0);
    format!("{value:.decimals$}")
}

/// A flat map: each median under its name, its spread under `_min` and `_max`.
pub(super) fn write(figures: &Figures, processors: usize, file: &Path) -> anyhow::Result<()> {
    let mut map = Map::new();
    map.insert("version".into(), env!("CARGO_PKG_VERSION").into());
    map.insert("processors".into(), processors.into());
    for name in figures.names() {
        if let Some([min, median, max]) = figures.spread(name) {
            map.insert(name.into(), median.into());
            map.insert(format!("{name}_min"), min.into());
            map.insert(format!("{name}_max"), max.into());
        }
    }
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let text = serde_json::to_string_pretty(&Value::Object(map))? + "\n";
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}
