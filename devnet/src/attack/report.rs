//! What was found: `attack.json`, and the table on the screen.

use std::{fmt, time::Duration};

use serde::Serialize;

use super::{attackers::Taken, kind::Kind};
use crate::{latency::Percentiles, load, table::Table};

/// Under attack honest clients have at least this part of what they have without one.
const RATIO_MIN: f64 = 0.8;

/// A node's memory grows by less than this, whatever is sent to it.
const GROWTH_BYTES_MAX: u64 = 256 * 1024 * 1024;

#[derive(Debug, Default, Serialize)]
pub struct Report {
    pub genesis: String,
    pub validators: u16,
    pub rate: u64,
    pub seconds: u64,
    pub rounds: u64,
    pub found: Vec<Found>,
    pub not_stopped: Vec<String>,
}

/// One attack, all its rounds together.
#[derive(Debug, Serialize)]
pub struct Found {
    pub kind: Kind,
    pub without: Honest,
    pub with: Honest,
    pub attackers: Taken,
    pub node: Node,
}

/// What honest clients had.
#[derive(Debug, Default, Serialize)]
pub struct Honest {
    pub seconds: f64,
    pub offered: u64,
    pub finalized: u64,
    /// Refused, failed or not sent.
    pub lost: Vec<String>,
    /// Of the slowest round.
    pub finality: Option<Percentiles>,
}

impl Honest {
    pub fn of(report: &load::Report, took: Duration) -> Self {
        Self {
            seconds: took.as_secs_f64(),
            offered: report.offered,
            finalized: report.finalized,
            lost: report.losses(),
            finality: report.finality,
        }
    }

    pub fn add(&mut self, more: &Self) {
        self.seconds += more.seconds;
        self.offered += more.offered;
        self.finalized += more.finalized;
        self.lost.extend_from_slice(&more.lost);
        let p99 = |finality: Option<Percentiles>| finality.map_or(0.0, |it| it.p99_ms);
        if p99(more.finality) >= p99(self.finality) {
            self.finality = more.finality;
        }
    }

    pub fn per_second(&self) -> f64 {
        if self.seconds == 0.0 {
            return 0.0;
        }
        self.finalized as f64 / self.seconds
    }
}

/// What the nodes did.
#[derive(Debug, Default, Serialize)]
pub struct Node {
    /// Of the largest, before and at most.
    pub memory_bytes: u64,
    pub memory_bytes_max: u64,
    /// Of the one that grew most.
    pub memory_growth_bytes: u64,
    /// Since others had to be served, on all together.
    pub connections_closed: u64,
    /// At the end, on the one with most.
    pub connections_open: u64,
    /// Payments that their mempools refused, wrongly signed ones among them.
    pub refused: u64,
}

impl Node {
    pub fn add(&mut self, more: &Self) {
        self.memory_bytes = self.memory_bytes.max(more.memory_bytes);
        self.memory_bytes_max = self.memory_bytes_max.max(more.memory_bytes_max);
        self.memory_growth_bytes = self.memory_growth_bytes.max(more.memory_growth_bytes);
        self.connections_closed += more.connections_closed;
        self.connections_open = self.connections_open.max(more.connections_open);
        self.refused += more.refused;
    }
}

impl Found {
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            without: Honest::default(),
            with: Honest::default(),
            attackers: Taken::default(),
            node: Node::default(),
        }
    }

    pub fn ratio(&self) -> f64 {
        let without = self.without.per_second();
        if without == 0.0 {
            return 0.0;
        }
        self.with.per_second() / without
    }

    fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        if self.ratio() <= RATIO_MIN {
            let percent = 100.0 * (1.0 - self.ratio());
            failures.push(format!(
                "{}: honest throughput fell by {percent:.0} %",
                self.kind.label()
            ));
        }
        if self.node.memory_growth_bytes > GROWTH_BYTES_MAX {
            let grown = mebibytes(self.node.memory_growth_bytes);
            failures.push(format!("{}: a node's memory grew by {grown}", self.kind.label()));
        }
        failures
    }

    /// For people and CI.
    fn verdict(&self) -> String {
        let verdict = if self.failures().is_empty() { "ok" } else { "failed" };
        format!(
            "{}: {:.1} honest payments/s without, {:.1} with, ratio {:.2}, {verdict}",
            self.kind.label(),
            self.without.per_second(),
            self.with.per_second(),
            self.ratio(),
        )
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Taken {
            seconds,
            connected,
            refused,
            requests,
            closed,
            bytes,
            answers,
        } = &self.attackers;
        writeln!(f, "{}", self.verdict())?;
        writeln!(
            f,
            "  honest     without {}; with {}",
            times(self.without.finality),
            times(self.with.finality)
        )?;
        for loss in &self.with.lost {
            writeln!(f, "             with it {loss}")?;
        }
        for loss in &self.without.lost {
            writeln!(f, "             without it {loss}")?;
        }
        let answers: Vec<_> = answers
            .iter()
            .map(|(status, count)| format!("{count} x {status}"))
            .collect();
        writeln!(
            f,
            "  attackers  {:.0} requests/s, {:.1} MB/s, {connected} connections made, {refused} refused, {closed} closed; answers: {}",
            *requests as f64 / seconds.max(1e-9),
            *bytes as f64 / 1e6 / seconds.max(1e-9),
            if answers.is_empty() {
                "none".to_owned()
            } else {
                answers.join(", ")
            }
        )?;
        write!(
            f,
            "  nodes      at most {} connections open, {} turned away or closed to make room; {} payments refused; memory {} then {}",
            self.node.connections_open,
            self.node.connections_closed,
            self.node.refused,
            mebibytes(self.node.memory_bytes),
            mebibytes(self.node.memory_bytes_max)
        )
    }
}

impl Report {
    /// What did not hold.
    pub fn failures(&self) -> Vec<String> {
        let found = self.found.iter().flat_map(Found::failures);
        let left = self
            .not_stopped
            .iter()
            .map(|name| format!("did not stop as it should: {name}"));
        found.chain(left).collect()
    }

    pub fn table(&self) -> Table {
        let mut table = Table::new([
            "attack", "paid/s", "attacked", "ratio", "p50 ms", "attacked", "p99 ms", "attacked", "memory", "at 80 %",
        ]);
        for found in &self.found {
            let at = |honest: &Honest, pick: fn(&Percentiles) -> f64| {
                honest
                    .finality
                    .as_ref()
                    .map_or("-".to_owned(), |it| format!("{:.0}", pick(it)))
            };
            table.row([
                found.kind.label().to_owned(),
                format!("{:.1}", found.without.per_second()),
                format!("{:.1}", found.with.per_second()),
                format!("{:.2}", found.ratio()),
                at(&found.without, |it| it.p50_ms),
                at(&found.with, |it| it.p50_ms),
                at(&found.without, |it| it.p99_ms),
                at(&found.with, |it| it.p99_ms),
                format!("+{}", mebibytes(found.node.memory_growth_bytes)),
                if found.failures().is_empty() { "ok" } else { "failed" }.to_owned(),
            ]);
        }
        table
    }

    pub fn last_line(&self) -> String {
        let failed = self.found.iter().filter(|found| !found.failures().is_empty()).count();
        let worst = self.found.iter().min_by(|a, b| a.ratio().total_cmp(&b.ratio()));
        let (ratio, of) = worst.map_or((0.0, "-"), |found| (found.ratio(), found.kind.label()));
        let verdict = if self.failures().is_empty() { "ok" } else { "failed" };
        format!(
            "{} attacks, {failed} failed; honest payments at least {ratio:.2} of those without ({of}); {verdict} at {:.0} %",
            self.found.len(),
            100.0 * RATIO_MIN,
        )
    }
}

fn times(finality: Option<Percentiles>) -> String {
    finality.map_or("-".to_owned(), |it| {
        format!("p50 {:.0} p99 {:.0} ms", it.p50_ms, it.p99_ms)
    })
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes / (1024 * 1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(without: u64, with: u64, growth: u64) -> Found {
        let honest = |finalized| Honest {
            seconds: 10.0,
            finalized,
            ..Honest::default()
        };
        Found {
            without: honest(without),
            with: honest(with),
            node: Node {
                memory_growth_bytes: growth,
                ..Node::default()
            },
            ..Found::new(Kind::Idle)
        }
    }

    fn check(found: Vec<Found>, failures: &[&str], last_line: &str) {
        let report = Report {
            found,
            ..Report::default()
        };
        assert_eq!(report.failures(), failures);
        assert_eq!(report.last_line(), last_line);
    }

    #[test]
    fn a_fifth_less_or_too_much_memory_fails() {
        check(
            vec![found(1000, 801, GROWTH_BYTES_MAX), found(1000, 1100, 0)],
            &[],
            "2 attacks, 0 failed; honest payments at least 0.80 of those without (idle connections); ok at 80 %",
        );
        check(
            vec![found(1000, 800, 0)],
            &["idle connections: honest throughput fell by 20 %"],
            "1 attacks, 1 failed; honest payments at least 0.80 of those without (idle connections); failed at 80 %",
        );
        check(
            vec![found(1000, 1000, 2 * GROWTH_BYTES_MAX)],
            &["idle connections: a node's memory grew by 512 MiB"],
            "1 attacks, 1 failed; honest payments at least 1.00 of those without (idle connections); failed at 80 %",
        );
        check(
            vec![found(0, 1000, 0)],
            &["idle connections: honest throughput fell by 100 %"],
            "1 attacks, 1 failed; honest payments at least 0.00 of those without (idle connections); failed at 80 %",
        );
    }

    #[test]
    fn rounds_add_up() {
        let mut honest = Honest::default();
        for (seconds, finalized, p99_ms) in [(10.0, 1000, 80.0), (20.0, 500, 70.0)] {
            let at = |ms| Percentiles {
                p50_ms: ms,
                p90_ms: ms,
                p99_ms: ms,
                p999_ms: ms,
                max_ms: ms,
            };
            honest.add(&Honest {
                seconds,
                finalized,
                finality: Some(at(p99_ms)),
                ..Honest::default()
            });
        }
        assert_eq!(honest.per_second(), 50.0);
        assert_eq!(honest.finality.unwrap().p99_ms, 80.0);
    }
}
