//! Rates and quantiles.

use std::time::Duration;

/// What a load achieved.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Operations a second.
    pub rate: f64,
    /// Half of the operations took no longer.
    pub p50: Duration,
    /// All but a hundredth of the operations took no longer.
    pub p99: Duration,
    /// How many operations counted.
    pub count: usize,
    /// How many there were, with those of the warm-up.
    pub done: usize,
}

impl Figures {
    /// From the time that each operation took, in microseconds.
    pub fn new(mut latencies: Vec<u32>, elapsed: Duration) -> Figures {
        latencies.sort_unstable();
        Figures {
            rate: latencies.len() as f64 / elapsed.as_secs_f64().max(f64::EPSILON),
            p50: quantile(&latencies, 50),
            p99: quantile(&latencies, 99),
            count: latencies.len(),
            done: latencies.len(),
        }
    }
}

fn quantile(sorted: &[u32], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    Duration::from_micros(sorted.get(rank).copied().unwrap_or_default().into())
}

/// A duration as a latency.
pub(super) fn micros(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_occurred() {
        let figures = Figures::new((1..=200).rev().collect(), Duration::from_secs(2));
        assert_eq!((figures.rate, figures.count), (100.0, 200));
        assert_eq!((figures.p50, figures.p99), (Duration::from_micros(100), Duration::from_micros(198)));
        assert_eq!(Figures::new(Vec::new(), Duration::from_secs(1)).p99, Duration::ZERO);
    }
}
