//! Times from submission to a verified receipt, and their percentiles.

use std::time::Duration;

use causeway_wallet::batch::run::Summary;
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
    pub max_ms: f64,
}

impl Latencies {
    /// `None` if nothing was measured.
    pub fn percentiles(&self) -> Option<Percentiles> {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        // As the wallet counts, so that both say the same of the same payments.
        let measured = Summary {
            latencies: sorted,
            ..Summary::default()
        };
        let at = |percent| {
            measured
                .percentile(percent)
                .map(|duration| duration.as_secs_f64() * 1e3)
        };
        Some(Percentiles {
            p50_ms: at(50)?,
            p90_ms: at(90)?,
            p99_ms: at(99)?,
            max_ms: at(100)?,
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
    use super::*;

    fn of(ms: impl IntoIterator<Item = u64>) -> Option<[f64; 4]> {
        let latencies: Latencies = ms.into_iter().map(Duration::from_millis).collect();
        let found = latencies.percentiles()?;
        Some([found.p50_ms, found.p90_ms, found.p99_ms, found.max_ms])
    }

    #[test]
    fn percentiles_are_nearest_ranks() {
        assert_eq!(of([]), None);
        assert_eq!(of([7]), Some([7.0; 4]));
        assert_eq!(of((1..=100).rev()), Some([50.0, 90.0, 99.0, 100.0]));
        assert_eq!(of([30, 10, 20]), Some([20.0, 30.0, 30.0, 30.0]));
        assert_eq!(of(1..=1000), Some([500.0, 900.0, 990.0, 1000.0]));
    }
}
