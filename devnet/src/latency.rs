//! Times from submission to a verified receipt, and their percentiles.

use std::time::Duration;

use serde::Serialize;

/// Durations as they were measured.
#[derive(Debug, Clone, Default)]
pub struct Latencies(Vec<Duration>);

/// Percentiles in milliseconds; absent where nothing was measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Percentiles {
    pub p50_ms: f64,
    pub p90_ms: f64,
    pub p99_ms: f64,
    pub p999_ms: f64,
    pub max_ms: f64,
}

impl Latencies {
    /// `None` if nothing was measured.
    pub fn percentiles(&self) -> Option<Percentiles> {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        // Nearest ranks, as the wallet counts, so that both say the same of the same payments.
        let at = |per_mille: usize| {
            let rank = (sorted.len() * per_mille).div_ceil(1000).max(1);
            Some(sorted.get(rank - 1)?.as_secs_f64() * 1e3)
        };
        Some(Percentiles {
            p50_ms: at(500)?,
            p90_ms: at(900)?,
            p99_ms: at(990)?,
            p999_ms: at(999)?,
            max_ms: at(1000)?,
        })
    }
}

impl Extend<Duration> for Latencies {
    fn extend<I: IntoIterator<Item = Duration>>(&mut self, durations: I) {
        self.0.extend(durations);
    }
}

impl FromIterator<Duration> for Latencies {
    fn from_iter<I: IntoIterator<Item = Duration>>(durations: I) -> Self {
        Self(durations.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use causeway_wallet::batch::run::Summary;

    use super::*;

    fn of(ms: impl IntoIterator<Item = u64>) -> Option<[f64; 5]> {
        let latencies: Latencies = ms.into_iter().map(Duration::from_millis).collect();
        let found = latencies.percentiles()?;
        Some([found.p50_ms, found.p90_ms, found.p99_ms, found.p999_ms, found.max_ms])
    }

    #[test]
    fn percentiles_are_nearest_ranks() {
        assert_eq!(of([]), None);
        assert_eq!(of([7]), Some([7.0; 5]));
        assert_eq!(of((1..=100).rev()), Some([50.0, 90.0, 99.0, 100.0, 100.0]));
        assert_eq!(of([30, 10, 20]), Some([20.0, 30.0, 30.0, 30.0, 30.0]));
        assert_eq!(of(1..=1000), Some([500.0, 900.0, 990.0, 999.0, 1000.0]));
    }

    #[test]
    fn the_wallet_counts_the_same() {
        for count in [1, 2, 9, 150, 1001] {
            let summary = Summary {
                latencies: (1..=count).map(Duration::from_millis).collect(),
                ..Summary::default()
            };
            let at = |percent| summary.percentile(percent).unwrap().as_secs_f64() * 1e3;
            assert_eq!(of(1..=count).unwrap()[..3], [at(50), at(90), at(99)]);
        }
    }
}
