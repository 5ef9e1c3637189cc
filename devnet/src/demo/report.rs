//! What the demo found: `demo.json`, and the table on the screen.

use std::{collections::BTreeMap, fmt::Write};

use causeway_contracts::{
    ledger::rejection::Rejection,
    money::{Amount, text::format_amount},
};
use serde::Serialize;

use super::{acquiring::Acquiring, offline::Offline, remittance::Remittances, settlement::Settlement};
use crate::{
    latency::Percentiles,
    load,
    status::{mebibytes, short},
    table::Table,
};

/// The figures that the project asks of two cores. They are reported, and fail nothing: a busy
/// machine is no fault of the network's.
const P50_MS_ALL_UP: f64 = 100.0;
const P99_MS_ALL_UP: f64 = 500.0;
const P99_MS_ONE_DOWN: f64 = 1000.0;
const VERIFY_MS: f64 = 5.0;

#[derive(Debug, Default, Serialize)]
pub struct Report {
    pub ok: bool,
    /// What did not hold, the first first.
    pub failed: Vec<String>,
    pub genesis: String,
    pub seconds: f64,
    pub accounts_opened: u64,
    pub payroll: Payroll,
    pub fault: Fault,
    pub receipts: Receipts,
    pub settlement: Option<Settlement>,
    pub remittances: Option<Remittances>,
    pub acquiring: Option<Acquiring>,
    pub offline: Option<Offline>,
    pub all_up: Option<load::Report>,
    pub one_down: Option<load::Report>,
    pub validators: Vec<Validator>,
    /// By currency, the sum of all balances on each validator's disk, in minor units.
    pub currency_sums: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Default, Serialize)]
pub struct Payroll {
    pub lines: u64,
    pub rate: u64,
    pub finalized: u64,
    pub applied: u64,
    /// By reason; each line's reason is the one that the rules foresee.
    pub refused: BTreeMap<Rejection, u64>,
    pub finality: Option<Percentiles>,
    pub seconds: f64,
}

#[derive(Debug, Default, Serialize)]
pub struct Fault {
    pub validator: String,
    /// Final lines when it was killed.
    pub killed_after_lines: u64,
    pub height_when_killed: u64,
    pub height_when_restarted: u64,
    pub restart_seconds: f64,
    pub catch_up_seconds: f64,
}

#[derive(Debug, Default, Serialize)]
pub struct Receipts {
    pub verified: u64,
    pub verify: Option<Percentiles>,
}

#[derive(Debug, Serialize)]
pub struct Validator {
    pub name: String,
    pub height: u64,
    pub state_hash: String,
    pub memory_bytes: u64,
}

impl Report {
    pub fn fail(&mut self, what: impl Into<String>) {
        self.failed.push(what.into());
    }

    /// Notes a failure unless something holds.
    pub fn check(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.failed.push(otherwise());
        }
    }

    pub fn table(&self) -> String {
        let mut text = String::new();
        let mut table = Table::new(["", ""]);
        let mut row = |name: &str, value: String| table.row([name.to_owned(), value]);
        let Payroll {
            lines,
            finalized,
            applied,
            refused,
            finality,
            ..
        } = &self.payroll;
        row("payments", lines.to_string());
        row("finalized", format!("{finalized} ({applied} applied)"));
        row("refused", refused.values().sum::<u64>().to_string());
        for (reason, count) in refused {
            row("", format!("{count} {reason}"));
        }
        row(
            "payroll finality",
            format!("{} at {}/s, one killed on the way", times(finality), self.payroll.rate),
        );
        for (name, report, p50_aim, p99_aim) in [
            ("finality, all up", &self.all_up, Some(P50_MS_ALL_UP), P99_MS_ALL_UP),
            ("finality, one down", &self.one_down, None, P99_MS_ONE_DOWN),
        ] {
            let (found, aim) = offered(report, p50_aim, p99_aim);
            row(name, found);
            row("", aim);
        }
        row(
            "killed",
            format!(
                "{} after {} lines at height {}",
                self.fault.validator, self.fault.killed_after_lines, self.fault.height_when_killed
            ),
        );
        row(
            "restarted",
            format!(
                "at height {}: healthy in {:.1} s, caught up in {:.1} s",
                self.fault.height_when_restarted, self.fault.restart_seconds, self.fault.catch_up_seconds
            ),
        );
        let verify = self.receipts.verify.as_ref();
        row(
            "receipts verified",
            format!(
                "{} offline, {} each (aim: {VERIFY_MS:.0} ms)",
                self.receipts.verified,
                verify.map_or("-".to_owned(), |times| format!(
                    "p50 {:.2} ms, p99 {:.2} ms",
                    times.p50_ms, times.p99_ms
                ))
            ),
        );
        if let Some(done) = &self.settlement {
            let money = |amount, code| format!("{} {code}", format_amount(Amount(amount), 2));
            row(
                "paid abroad by quote",
                format!(
                    "{} for {}, both sides at once",
                    money(done.sold_eur, "EUR"),
                    money(done.bought_thb, "THB")
                ),
            );
            row(
                "",
                format!(
                    "rate {} (reference {}), fee {}",
                    done.rate,
                    done.reference_rate,
                    money(done.fee_eur, "EUR")
                ),
            );
            row(
                "escrow",
                format!("{} released by two of three", money(done.escrow_eur, "EUR")),
            );
            row(
                "through a book",
                format!("{} for {}", money(done.path_eur, "EUR"), money(done.path_thb, "THB")),
            );
            row(
                "netting cycle",
                format!(
                    "{} owed, {} moved",
                    money(done.owed_eur, "EUR"),
                    money(done.moved_eur, "EUR")
                ),
            );
        }
        for (name, value) in self.remittances.iter().flat_map(Remittances::rows) {
            row(name, value);
        }
        for (name, value) in self.acquiring.iter().flat_map(Acquiring::rows) {
            row(name, value);
        }
        for (name, value) in self.offline.iter().flat_map(Offline::rows) {
            row(name, value);
        }
        for (currency, sums) in &self.currency_sums {
            row(&format!("sum of all {currency}"), agreed(sums));
        }
        row("time taken", format!("{:.0} s", self.seconds));
        let _ = writeln!(text, "{table}");
        let mut validators = Table::new(["validator", "height", "state hash", "memory"]);
        for validator in &self.validators {
            validators.row([
                validator.name.clone(),
                validator.height.to_string(),
                short(&validator.state_hash),
                mebibytes(validator.memory_bytes),
            ]);
        }
        let _ = writeln!(text, "{validators}");
        text
    }
}

/// What each validator's disk says, once if all say the same.
fn agreed(sums: &[String]) -> String {
    match sums {
        [first, rest @ ..] if rest.iter().all(|sum| sum == first) => {
            format!("{first}, on the disks of all {} validators", sums.len())
        }
        _ => sums.join(", "),
    }
}

fn times(times: &Option<Percentiles>) -> String {
    times.map_or("-".to_owned(), |times| {
        format!("p50 {:.0} ms, p99 {:.0} ms", times.p50_ms, times.p99_ms)
    })
}

/// What was measured, and whether that is what was aimed for.
fn offered(report: &Option<load::Report>, p50_aim: Option<f64>, p99_aim: f64) -> (String, String) {
    let aim = p50_aim.map_or(String::new(), |p50| format!("p50 {p50:.0} ms, "));
    let aim = format!("aim: {aim}p99 {p99_aim:.0} ms");
    let Some(report) = report else {
        return ("not measured".to_owned(), aim);
    };
    let met = report
        .finality
        .is_some_and(|found| p50_aim.is_none_or(|aim| found.p50_ms < aim) && found.p99_ms < p99_aim);
    let found = format!(
        "{} of {} payments at {}/s",
        times(&report.finality),
        report.offered,
        report.rate
    );
    (found, format!("{aim}; {}", if met { "met" } else { "missed" }))
}
