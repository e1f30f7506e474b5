//! Histograms for openraft, under the name of the crate that it asks for.
//!
//! openraft counts the sizes of its batches in a dozen histograms, which can only be read with its feature
//! `runtime-stats`; we do without. The crate that it brings makes tables for sixteen resolutions when the first of them
//! is made, 27 MB that stay in memory and of which one resolution's 2 KB are used: more than the rest of an idle master's
//! store. The workspace's `[patch]` puts this one in its place: buckets by powers of two, nothing made beforehand.

use std::fmt;
use std::marker::PhantomData;

/// One for each length of a number in bits, 0 to 64.
const BUCKETS: usize = 65;

/// How often numbers of each magnitude were recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram<T = ()> {
    /// Empty until something is recorded.
    buckets: Vec<u64>,
    slots: PhantomData<T>,
}

impl<T> Histogram<T> {
    /// An empty one.
    pub fn new() -> Histogram<T> {
        Histogram { buckets: Vec::new(), slots: PhantomData }
    }

    /// Counts a number.
    pub fn record(&mut self, value: u64) {
        self.record_n(value, 1);
    }

    /// Counts a number that came `count` times.
    pub fn record_n(&mut self, value: u64, count: u64) {
        self.buckets.resize(BUCKETS, 0);
        let bucket = &mut self.buckets[bits(value)];
        *bucket = bucket.saturating_add(count);
    }

    /// The percentiles, each rounded down to a power of two.
    pub fn percentile_stats(&self) -> PercentileStats {
        let at = |permille| self.percentile(permille);
        PercentileStats {
            samples: self.samples(),
            p0_1: at(1),
            p1: at(10),
            p5: at(50),
            p10: at(100),
            p50: at(500),
            p90: at(900),
            p99: at(990),
            p99_9: at(999),
        }
    }

    fn samples(&self) -> u64 {
        self.buckets.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The least power of two such that `permille` of all numbers are of its magnitude or below.
    fn percentile(&self, permille: u128) -> u64 {
        let rank = (u128::from(self.samples()) * permille).div_ceil(1000);
        let mut seen = 0;
        let reached = self.buckets.iter().position(|count| {
            seen += u128::from(*count);
            *count > 0 && seen >= rank
        });
        reached.map_or(0, least)
    }
}

impl<T> Default for Histogram<T> {
    fn default() -> Histogram<T> {
        Histogram::new()
    }
}

/// Some percentiles; each field is named for its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "a percentile's name says it all")]
pub struct PercentileStats {
    pub samples: u64,
    pub p0_1: u64,
    pub p1: u64,
    pub p5: u64,
    pub p10: u64,
    pub p50: u64,
    pub p90: u64,
    pub p99: u64,
    pub p99_9: u64,
}

impl fmt::Display for PercentileStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} samples, p50 {}, p99 {}", self.samples, self.p50, self.p99)
    }
}

/// Several histograms as lines of text.
#[derive(Clone, Debug, Default)]
pub struct AsciiChart {
    lines: Vec<(String, PercentileStats)>,
}

impl AsciiChart {
    /// None yet.
    pub fn new() -> AsciiChart {
        AsciiChart::default()
    }

    /// Adds a histogram.
    #[must_use]
    pub fn add<T>(mut self, name: impl Into<String>, histogram: Histogram<T>) -> AsciiChart {
        self.lines.push((name.into(), histogram.percentile_stats()));
        self
    }

    /// All of it.
    #[must_use]
    pub fn detailed(self) -> AsciiChart {
        self
    }
}

impl fmt::Display for AsciiChart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|(name, stats)| writeln!(f, "{name}: {stats}"))
    }
}

fn bits(value: u64) -> usize {
    (u64::BITS - value.leading_zeros()) as usize
}

/// The least number of so many bits.
fn least(bits: usize) -> u64 {
    bits.checked_sub(1).map_or(0, |shift| 1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_powers_of_two() {
        let mut histogram = Histogram::<()>::new();
        assert_eq!(histogram.percentile_stats(), PercentileStats::default());
        histogram.record_n(0, 10);
        histogram.record_n(5, 80);
        histogram.record(1000);
        histogram.record_n(u64::MAX, 9);
        let stats = histogram.percentile_stats();
        assert_eq!((stats.samples, stats.p1, stats.p10), (100, 0, 0));
        assert_eq!((stats.p50, stats.p90, stats.p99), (4, 4, 1 << 63));
    }

    #[test]
    fn a_chart_has_a_line_for_each() {
        let mut histogram = Histogram::<()>::new();
        histogram.record(3);
        let chart = AsciiChart::new().add("batch", histogram).detailed();
        assert_eq!(chart.to_string(), "batch: 1 samples, p50 2, p99 2\n");
    }
}
