//! The report as a picture: bars, each with the spread of its rounds.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context as _;

use super::figures::Figures;

/// Bars of one scale.
struct Panel {
    title: &'static str,
    /// Of a figure's own unit in the panel's.
    scale: f64,
    bars: &'static [(&'static str, &'static str)],
}

const PANELS: &[Panel] = &[
    Panel {
        title: "texts per second",
        scale: 1.0,
        bars: &[
            (
                "roofline: matrix products alone",
                "roofline_texts_per_second",
            ),
            (
                "oracle: in process, nothing scheduled",
                "oracle_texts_per_second",
            ),
            ("bus, one caller of all", "bus_one_caller_texts_per_second"),
            ("bus, callers of 32", "bus_callers_of_32_texts_per_second"),
            (
                "bus, 64 callers of single texts",
                "bus_64_singles_texts_per_second",
            ),
            ("fastembed, batch 32", "fastembed_batch32_texts_per_second"),
            (
                "fastembed, default call",
                "fastembed_default_texts_per_second",
            ),
            ("int8 oracle", "int8_oracle_texts_per_second"),
            ("int8 through the bus", "bus_int8_texts_per_second"),
        ],
    },
    Panel {
        title: "pairs, texts and images per second",
        scale: 1.0,
        bars: &[
            ("rerank through the bus", "bus_rerank_pairs_per_second"),
            ("rerank, fastembed", "fastembed_rerank_pairs_per_second"),
            ("sparse through the bus", "bus_sparse_texts_per_second"),
            ("sparse, fastembed", "fastembed_sparse_texts_per_second"),
            ("images through the bus", "bus_images_per_second"),
            ("images, fastembed", "fastembed_images_per_second"),
        ],
    },
    Panel {
        title: "milliseconds",
        scale: 1e3,
        bars: &[
            ("bare echo, median", "idle_echo_p50_seconds"),
            (
                "16 tokens in process, median",
                "idle_in_process_p50_seconds",
            ),
            ("16 tokens through the bus, median", "idle_bus_p50_seconds"),
            ("refusal under overload, p99", "overload_reject_p99_seconds"),
            ("query, p99", "neighbours_p99_seconds"),
            (
                "query beside bad input, p99",
                "neighbours_p99_beside_bad_input_seconds",
            ),
            (
                "query under bulk, p99",
                "interactive_p99_under_bulk_seconds",
            ),
        ],
    },
];

const WIDTH: f64 = 760.0;
/// Where bars begin, how long they may be, and the height of a line.
const LEFT: f64 = 270.0;
const LENGTH: f64 = 400.0;
const LINE: f64 = 24.0;

/// Own colours for a light and a dark page, and a ground of its own: a page's may
/// differ from what the reader's system prefers.
const STYLE: &str = "\
text{font:13px system-ui,sans-serif;fill:#1f2328}.ground{fill:#fff}.bar{fill:#3b76c4}.spread{stroke:#1f2328}\
.title{font-weight:600}.value{text-anchor:end}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.ground{fill:#0d1117}.bar{fill:#4c86d6}.spread{stroke:#e6edf3}}";

/// The picture, as SVG.
fn draw(figures: &Figures, heading: &str) -> Result<String, std::fmt::Error> {
    let mut body = String::new();
    let mut y = LINE;
    writeln!(
        body,
        r#"<text class="title" x="12" y="{y}">{heading}</text>"#
    )?;
    for panel in PANELS {
        let bars = panel.bars.iter();
        let bars: Vec<_> = bars
            .filter_map(|(label, name)| Some((label, figures.spread(name)?)))
            .collect();
        let highest = bars.iter().map(|(_, [.., highest])| *highest);
        let per_unit = LENGTH / highest.fold(f64::MIN_POSITIVE, f64::max);
        if bars.is_empty() {
            continue;
        }
        y += 1.5 * LINE;
        let title = panel.title;
        writeln!(
            body,
            r#"<text class="title" x="{LEFT}" y="{y}">{title}</text>"#
        )?;
        for (label, spread) in bars {
            y += LINE;
            let [least, median, most] = spread.map(|value| value * per_unit);
            let (top, middle, end) = (y - 13.0, y - 4.5, LEFT - 10.0);
            let value = super::report::significant(spread[1] * panel.scale);
            writeln!(
                body,
                r#"<text class="value" x="{end}" y="{y}">{label}</text>
<rect class="bar" x="{LEFT}" y="{top}" width="{median:.1}" height="17" rx="2"/>
<path class="spread" d="M{:.1} {middle}H{:.1}"/><text x="{:.1}" y="{y}">{value}</text>"#,
                LEFT + least,
                LEFT + most,
                LEFT + most + 8.0,
            )?;
        }
    }
    let height = y + LINE;
    Ok(format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">
<title>{heading}</title>
<style>{STYLE}</style>
<rect class="ground" width="100%" height="100%" rx="6"/>
{body}</svg>
"#
    ))
}

/// Draws what was measured.
pub(super) fn write(figures: &Figures, processors: usize, file: &Path) -> anyhow::Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    let heading = format!(
        "fastembed-worker {version} on {processors} processors: medians, lines from least to most"
    );
    std::fs::write(file, draw(figures, &heading)?)
        .with_context(|| format!("cannot write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_fills_its_panel_and_what_was_not_measured_has_none() {
        let mut figures = Figures::default();
        for value in [90.0, 100.0, 200.0] {
            figures.add("oracle_texts_per_second", value);
        }
        let drawn = draw(&figures, "all").unwrap();
        assert_eq!(drawn.matches("<rect class=\"bar\"").count(), 1);
        assert!(drawn.contains("width=\"200.0\"") && drawn.contains("H670.0"));
        assert!(!drawn.contains("milliseconds"));
    }
}
