//! What chaos found: `chaos.json`, and the table on the screen.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use super::{
    availability::Window,
    books::Verdict,
    schedule::{Episode, Kind},
};
use crate::{latency::Percentiles, table::Table};

/// A network of which no more than f are broken must finalize something within this. Far above what it
/// takes, since a busy machine is no fault of the network's.
const STALL_MAX: Duration = Duration::from_secs(30);

#[derive(Debug, Default, Serialize)]
pub struct Report {
    pub ok: bool,
    /// What did not hold besides the verdict, the first first.
    pub failed: Vec<String>,
    pub seed: u64,
    pub seconds: f64,
    pub genesis: String,
    pub validators: u16,
    pub rate: u64,
    pub planned: Vec<Episode>,
    pub episodes: Vec<Done>,
    /// Kinds that were drawn and not done, and why.
    pub not_done: BTreeMap<Kind, String>,
    pub payments: Payments,
    pub unavailable: Unavailable,
    /// Absent if it did not come so far.
    pub verdict: Option<Verdict>,
}

/// An episode as it came to pass, in seconds since the first payment.
#[derive(Debug, Serialize)]
pub struct Done {
    pub number: usize,
    pub kind: Kind,
    pub broken_at: f64,
    pub healed_at: f64,
    /// All validators have caught up and are connected to all others, and payments are finalized.
    pub recovered_at: f64,
    /// Whether validators that had lost their database came back by a snapshot.
    pub by_snapshot: Option<bool>,
}

#[derive(Debug, Default, Serialize)]
pub struct Payments {
    pub offered: u64,
    pub applied: u64,
    pub refused: u64,
    /// Proved to have had no effect.
    pub dead: u64,
    /// Their clients know nothing of them.
    pub unknown: u64,
    pub unsent: u64,
    pub failed: BTreeMap<String, u64>,
    pub finality: Option<Percentiles>,
}

/// Times of a second or more in which nothing was finalized although something was offered.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct Unavailable {
    pub windows: usize,
    pub longest_seconds: f64,
    pub total_seconds: f64,
    /// Of those, the longest that began outside outages.
    pub longest_seconds_with_f_broken: f64,
}

impl Report {
    pub fn fail(&mut self, what: impl Into<String>) {
        self.failed.push(what.into());
    }

    /// Sums up the times without a payment, by when they began after `start`.
    pub fn availability(&mut self, windows: &[Window], start: std::time::Instant) {
        let outages = self.episodes.iter().filter(|done| done.kind.is_outage());
        let outages: Vec<_> = outages.map(|done| (done.broken_at, done.recovered_at)).collect();
        let mut unavailable = Unavailable::default();
        for window in windows {
            let length = window.length().as_secs_f64();
            unavailable.windows += 1;
            unavailable.total_seconds += length;
            unavailable.longest_seconds = unavailable.longest_seconds.max(length);
            // Seen by clients, a window begins with the last payment before the break.
            let end = window.to.saturating_duration_since(start).as_secs_f64();
            let began = end - length;
            if !outages.iter().any(|&(from, to)| began < to && from < end) {
                unavailable.longest_seconds_with_f_broken = unavailable.longest_seconds_with_f_broken.max(length);
            }
        }
        if unavailable.longest_seconds_with_f_broken > STALL_MAX.as_secs_f64() {
            self.fail(format!(
                "with no more than f validators broken, nothing was finalized for {:.1} s",
                unavailable.longest_seconds_with_f_broken
            ));
        }
        self.unavailable = unavailable;
    }

    pub fn table(&self) -> String {
        let mut table = Table::new(["fault", "times", "longest to recover"]);
        let mut kinds: BTreeMap<Kind, Vec<f64>> = BTreeMap::new();
        for done in &self.episodes {
            let recovery = done.recovered_at - done.healed_at;
            kinds.entry(done.kind).or_default().push(recovery);
        }
        for (kind, recoveries) in &kinds {
            let longest = recoveries.iter().copied().fold(0.0, f64::max);
            let ways: Vec<_> = self.episodes.iter().filter(|done| done.kind == *kind).collect();
            let by_snapshot = ways.iter().filter(|done| done.by_snapshot == Some(true)).count();
            let label = match by_snapshot {
                0 => kind.label().to_owned(),
                count => format!("{}, {count} back by a snapshot", kind.label()),
            };
            table.row([label, recoveries.len().to_string(), format!("{longest:.1} s")]);
        }
        for (kind, why) in &self.not_done {
            table.row([kind.label().to_owned(), "0".to_owned(), format!("not done: {why}")]);
        }
        let Payments {
            offered,
            applied,
            refused,
            dead,
            unknown,
            unsent,
            failed,
            finality,
        } = &self.payments;
        let mut text = format!("{table}\n");
        let mut line = |what: &str, value: String| text.push_str(&format!("{what:14}{value}\n"));
        line(
            "payments",
            format!("{offered} offered, {applied} applied, {refused} refused"),
        );
        line(
            "",
            format!("{dead} proved dead, {unknown} of unknown end, {unsent} not sent"),
        );
        for (why, count) in failed {
            line("", format!("{count} {why}"));
        }
        if let Some(found) = finality {
            let times = format!(
                "p50 {:.0} ms, p90 {:.0} ms, p99 {:.0} ms, max {:.0} ms",
                found.p50_ms, found.p90_ms, found.p99_ms, found.max_ms
            );
            line("finality", times);
        }
        let Unavailable {
            windows,
            longest_seconds,
            total_seconds,
            longest_seconds_with_f_broken,
        } = self.unavailable;
        line(
            "unavailable",
            format!("longest {longest_seconds:.1} s, total {total_seconds:.1} s, {windows} times"),
        );
        line(
            "",
            format!("longest outside outages {longest_seconds_with_f_broken:.1} s"),
        );
        text
    }
}

/// The last line.
pub fn last_line(verdict: &Verdict) -> String {
    let Verdict {
        acknowledged,
        lost,
        doubled,
        diverged,
        ..
    } = verdict;
    format!("acknowledged {acknowledged}, lost {lost}, doubled {doubled}, diverged {diverged}")
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn times_without_a_payment_count_by_whether_an_outage_was_on() {
        let start = Instant::now();
        let window = |from, to| Window {
            from: start + Duration::from_secs(from),
            to: start + Duration::from_secs(to),
        };
        let done = |kind, broken_at, recovered_at| Done {
            number: 1,
            kind,
            broken_at,
            healed_at: recovered_at,
            recovered_at,
            by_snapshot: None,
        };
        let mut report = Report {
            episodes: vec![done(Kind::Kill, 8.0, 15.0), done(Kind::KillAll, 21.0, 70.0)],
            ..Report::default()
        };
        report.availability(&[window(10, 12), window(20, 60)], start);
        let expected = Unavailable {
            windows: 2,
            longest_seconds: 40.0,
            total_seconds: 42.0,
            longest_seconds_with_f_broken: 2.0,
        };
        assert_eq!(report.unavailable, expected);
        assert_eq!(report.failed, [""; 0]);
        report.availability(&[window(100, 131)], start);
        assert_eq!(report.failed.len(), 1);
    }

    #[test]
    fn the_last_line_is_for_programs() {
        let verdict = Verdict {
            acknowledged: 7,
            lost: 1,
            ..Verdict::default()
        };
        assert_eq!(last_line(&verdict), "acknowledged 7, lost 1, doubled 0, diverged 0");
    }
}
