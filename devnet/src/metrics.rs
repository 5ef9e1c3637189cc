//! Reads what a node's `/metrics` says, in Prometheus' text format 0.0.4.

use std::collections::BTreeMap;

/// Samples in the order of the page.
#[derive(Debug, Clone, Default)]
pub struct Metrics(Vec<Sample>);

#[derive(Debug, Clone, PartialEq)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

impl Metrics {
    /// Lines that are no samples are passed over.
    pub fn parse(text: &str) -> Self {
        Self(text.lines().filter_map(Sample::parse).collect())
    }

    /// The sum of a metric over all its labels; `None` if it is not there.
    pub fn sum(&self, name: &str) -> Option<f64> {
        self.sum_if(|sample| sample.name == name)
    }

    /// The same over those samples whose label has this value.
    pub fn sum_of(&self, name: &str, label: &str, value: &str) -> Option<f64> {
        self.sum_if(|sample| sample.name == name && sample.labels.get(label).is_some_and(|found| found == value))
    }

    fn sum_if(&self, counts: impl Fn(&Sample) -> bool) -> Option<f64> {
        let mut values = self.0.iter().filter(|sample| counts(sample)).map(|sample| sample.value);
        let first = values.next()?;
        Some(first + values.sum::<f64>())
    }

    /// The upper bound of the histogram bucket in which the `q` quantile of what was observed after
    /// `before` lies. `None` if nothing was.
    pub fn quantile_since(&self, before: &Self, name: &str, q: f64) -> Option<f64> {
        let (now, then) = (self.buckets(name), before.buckets(name));
        let since = |at: usize| {
            let (bound, count) = now[at];
            (bound, count - then.get(at).map_or(0.0, |bucket| bucket.1))
        };
        let buckets: Vec<_> = (0..now.len()).map(since).collect();
        let (_, all) = *buckets.last()?;
        if all <= 0.0 {
            return None;
        }
        let (bound, _) = buckets.iter().find(|(_, count)| *count >= q * all)?;
        Some(*bound)
    }

    /// Upper bounds, ascending, with their cumulative counts.
    fn buckets(&self, name: &str) -> Vec<(f64, f64)> {
        let name = format!("{name}_bucket");
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        for sample in self.0.iter().filter(|sample| sample.name == name) {
            let Some(bound) = sample.labels.get("le").and_then(|bound| bound.parse().ok()) else {
                continue;
            };
            match buckets.iter_mut().find(|(found, _)| *found == bound) {
                Some((_, count)) => *count += sample.value,
                None => buckets.push((bound, sample.value)),
            }
        }
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        buckets
    }
}

impl Sample {
    fn parse(line: &str) -> Option<Self> {
        if line.starts_with('#') {
            return None;
        }
        let (series, value) = match line.rfind('}') {
            Some(end) => line.split_at(end + 1),
            None => line.split_once(' ')?,
        };
        let (name, labels) = match series.split_once('{') {
            Some((name, labels)) => (name, labels.strip_suffix('}')?),
            None => (series, ""),
        };
        let value = value.split_ascii_whitespace().next()?;
        // Our labels' values are words and numbers; none holds a comma or a quote.
        let labels = labels.split(',').filter_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            Some((key.trim().to_owned(), value.trim_matches('"').to_owned()))
        });
        Some(Self {
            name: name.to_owned(),
            labels: labels.collect(),
            // Rust reads +Inf and NaN as Prometheus writes them.
            value: value.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "\
# HELP causeway_height The last final block.
# TYPE causeway_height gauge
causeway_height 41
causeway_transactions_finalized_total{outcome=\"applied\"} 7
causeway_transactions_finalized_total{outcome=\"rejected\"} 2
t_bucket{le=\"0.05\"} 10
t_bucket{le=\"0.1\"} 19
t_bucket{le=\"+Inf\"} 20
t_sum 1.5
t_count 20
";

    #[test]
    fn metrics_are_summed_over_their_labels() {
        let metrics = Metrics::parse(PAGE);
        assert_eq!(metrics.sum("causeway_height"), Some(41.0));
        assert_eq!(metrics.sum("causeway_transactions_finalized_total"), Some(9.0));
        assert_eq!(metrics.sum("causeway"), None);
        let name = "causeway_transactions_finalized_total";
        assert_eq!(metrics.sum_of(name, "outcome", "applied"), Some(7.0));
        assert_eq!(metrics.sum_of(name, "outcome", "other"), None);
    }

    #[test]
    fn quantiles_count_what_came_since() {
        let now = Metrics::parse(PAGE);
        let none = Metrics::default();
        assert_eq!(now.quantile_since(&none, "t", 0.5), Some(0.05));
        assert_eq!(now.quantile_since(&none, "t", 0.9), Some(0.1));
        assert_eq!(now.quantile_since(&now, "t", 0.5), None);
        let before = Metrics::parse("t_bucket{le=\"0.05\"} 10\nt_bucket{le=\"0.1\"} 10\nt_bucket{le=\"+Inf\"} 10\n");
        assert_eq!(now.quantile_since(&before, "t", 0.5), Some(0.1));
    }
}
