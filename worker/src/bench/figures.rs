//! One measured figure over several rounds.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Unit {
    TextsPerSecond,
    Microseconds,
    TokensPerProcessorSecond,
}

/// A name with a value for each round.
#[derive(Clone, Debug)]
pub(super) struct Figure {
    pub(super) name: &'static str,
    pub(super) unit: Unit,
    values: Vec<f64>,
}

impl Figure {
    pub(super) fn new(name: &'static str, unit: Unit) -> Self {
        Self {
            name,
            unit,
            values: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, value: f64) {
        self.values.push(value);
    }

    /// Whether it was measured at all.
    pub(super) fn is_known(&self) -> bool {
        !self.values.is_empty()
    }

    /// Lowest, middle and highest of all rounds; zero without any.
    pub(super) fn spread(&self) -> [f64; 3] {
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |share: usize| {
            sorted
                .get((sorted.len().saturating_sub(1)) * share / 2)
                .copied()
        };
        [0, 1, 2].map(|share| at(share).unwrap_or_default())
    }

    pub(super) fn median(&self) -> f64 {
        self.spread()[1]
    }
}

/// Latencies, kept to three digits.
pub(super) struct Latencies(Histogram<u64>);

impl Latencies {
    pub(super) fn new() -> anyhow::Result<Self> {
        Ok(Self(Histogram::new(3)?))
    }

    pub(super) fn add(&mut self, latency: Duration) -> anyhow::Result<()> {
        Ok(self.0.record(u64::try_from(latency.as_nanos())?)?)
    }

    /// In microseconds.
    pub(super) fn percentile(&self, percent: f64) -> f64 {
        self.0.value_at_percentile(percent) as f64 / 1e3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_its_median_between_its_extremes() {
        let mut figure = Figure::new("x", Unit::TextsPerSecond);
        assert_eq!(figure.median(), 0.0);
        for value in [3.0, 1.0, 2.0] {
            figure.add(value);
        }
        assert_eq!(figure.spread(), [1.0, 2.0, 3.0]);
    }
}
