//! Measured values by name, several rounds of each.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

/// Figures under the names that the report uses; units are in the names, SI.
#[derive(Default)]
pub(super) struct Figures(BTreeMap<&'static str, Vec<f64>>);

impl Figures {
    pub(super) fn add(&mut self, name: &'static str, value: f64) {
        self.0.entry(name).or_default().push(value);
    }

    /// Lowest, middle and highest of all rounds.
    pub(super) fn spread(&self, name: &str) -> Option<[f64; 3]> {
        let mut sorted = self.0.get(name)?.clone();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().checked_sub(1)?;
        Some([0, last / 2, last].map(|at| sorted[at]))
    }

    pub(super) fn median(&self, name: &str) -> Option<f64> {
        self.spread(name).map(|[_, median, _]| median)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
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

    pub(super) fn count(&self) -> u64 {
        self.0.len()
    }

    /// In seconds.
    pub(super) fn percentile(&self, percent: f64) -> f64 {
        self.0.value_at_percentile(percent) as f64 / 1e9
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_its_median_between_its_extremes() {
        let mut figures = Figures::default();
        assert_eq!(figures.median("x"), None);
        for value in [3.0, 1.0, 2.0] {
            figures.add("x", value);
        }
        assert_eq!(figures.spread("x"), Some([1.0, 2.0, 3.0]));
    }
}
