//! The act of acquiring: a merchant of the second bank makes orders, and customers of the first one pay them. One's wallet scans
//! the order's code from its picture; a second shows a code that is scanned; a third holds a phone to a reader of PC/SC; a
//! fourth has a card with a chip. The last three are asked for by ISO 8583. One order is refunded in part; one is paid while the
//! issuer says nothing, and what it has paid is taken back. Then the day is settled, and the merchant's file and the ledger must
//! agree to the unit; and no number or key of a card may be found in anything that the run has left.

mod books;
mod chip;
mod customers;
mod file;
mod leaks;
mod proved;
mod shop;
mod town;

use std::{path::PathBuf, time::Instant};

use causeway_contracts::money::{Amount, text::format_amount};
use causeway_wallet::client::Client;
use serde::Serialize;

pub use self::leaks::Guard;
use self::{file::Settled, leaks::Searched, town::Town};
use super::report::Report;
use crate::{network::Network, services::Services};

/// An issuer that has not answered by then is taken not to have: short, since it is waited for.
pub const ANSWER_MS: u64 = 5_000;

pub const CURRENCY: &str = "EUR";

/// All that gateways can log, so that no secret of a card is missed in it.
pub const LOG: &str = "trace";

/// What the act came to, for the table. Amounts are minor units.
#[derive(Debug, Default, Serialize)]
pub struct Acquiring {
    pub currency: &'static str,
    pub payments: Vec<Payment>,
    /// Of the second one.
    pub refunded: Amount,
    pub unanswered: Option<Unanswered>,
    pub settled: Option<Settled>,
    /// In the end.
    pub searched: Option<Searched>,
    pub seconds: f64,
}

/// An order that was paid.
#[derive(Debug, Serialize)]
pub struct Payment {
    pub order: String,
    pub payer: &'static str,
    pub how: &'static str,
    pub amount: Amount,
    /// From the payer's deed until the order is paid.
    pub seconds: f64,
}

/// An order whose payer's issuer said nothing in time, and has paid; what it has paid was taken back.
#[derive(Debug, Serialize)]
pub struct Unanswered {
    pub order: String,
    pub amount: Amount,
    /// Until the terminal was told that it is unknown.
    pub waited_seconds: f64,
    /// From when the issuer went on until the payer had what there was before.
    pub seconds: f64,
}

/// `place` is an empty folder of the act's own. Both gateways must run. What is given looks for the act's cards in whatever
/// else the run leaves.
pub async fn run(
    network: &Network,
    client: &Client,
    services: &Services,
    place: PathBuf,
    report: &mut Report,
) -> anyhow::Result<Guard> {
    let started = Instant::now();
    let mut found = Acquiring {
        currency: CURRENCY,
        ..Acquiring::default()
    };
    let town = Town::open(network, client, services, place).await?;
    let acted = town.act(&mut found, report).await;
    found.seconds = started.elapsed().as_secs_f64();
    report.acquiring = Some(found);
    // The first error is the one to tell.
    let stopped = town.close().await;
    let guard = acted?;
    stopped.map(|()| guard)
}

/// Looks through all again when the run has ended, and through its report.
pub fn search_again(cards: &Guard, network: &Network, report: &mut Report) -> anyhow::Result<()> {
    let searched = cards.search(network, report)?;
    if let Some(found) = &mut report.acquiring {
        found.searched = Some(searched);
    }
    let text = serde_json::to_string(report)? + &report.table();
    cards.search_text("the report", &text, report);
    Ok(())
}

fn money(amount: Amount) -> String {
    format!("{} {CURRENCY}", format_amount(amount, 2))
}

impl Payment {
    fn text(&self) -> String {
        format!(
            "{} by {}'s {}: paid in {:.1} s",
            money(self.amount),
            self.payer,
            self.how,
            self.seconds
        )
    }
}

impl Unanswered {
    fn text(&self) -> String {
        format!(
            "{} while the issuer is stopped: unknown after {:.1} s; taken back {:.1} s after it goes on",
            money(self.amount),
            self.waited_seconds,
            self.seconds
        )
    }
}

impl Acquiring {
    /// For the table.
    pub fn rows(&self) -> Vec<(&'static str, String)> {
        let mut rows: Vec<_> = self.payments.iter().map(|payment| ("", payment.text())).collect();
        if let Some((name, _)) = rows.first_mut() {
            *name = "a merchant's orders";
        }
        if !self.refunded.is_zero() {
            rows.push(("", format!("{} of the second go back", money(self.refunded))));
        }
        rows.extend(self.unanswered.iter().map(|unanswered| ("", unanswered.text())));
        rows.extend(
            self.settled
                .iter()
                .map(|settled| ("the merchant's day", settled.text())),
        );
        rows.extend(self.searched.iter().map(|searched| ("cards' secrets", searched.text())));
        rows
    }
}
