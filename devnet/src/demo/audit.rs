//! What is checked after the payroll, by other means than those that paid it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, bail};
use causeway_contracts::{
    genesis::Genesis,
    identity::AccountId,
    ledger::{receipt::Outcome, rejection::Rejection},
    money::{Balance, Currency},
    proof::{PaymentProof, TrustedSet},
    transaction::{Action, TxId},
};
use causeway_wallet::client::Client;
use serde::Deserialize;
use tokio::process::Command;

use super::{FUNDS, payroll::Line, report::Report};
use crate::{folder, latency::Latencies, network::Network, progress, teller::Customer};

/// A line as the wallet reported it; an error is the reason for which the ledger refused it.
pub struct Paid {
    pub line: u64,
    pub id: TxId,
    pub outcome: Result<(), Rejection>,
}

/// Where the evidence is, and whose account is whose.
pub struct Books<'a> {
    pub genesis_file: PathBuf,
    pub receipts: PathBuf,
    pub company: AccountId,
    pub people: BTreeMap<&'a str, &'a Customer>,
}

/// Each line has one receipt on disk, which proves that very payment with the outcome that was
/// reported. Uses no network and nothing but the genesis file.
pub fn receipts(books: &Books, lines: &[Line], paid: &[Paid], report: &mut Report) -> anyhow::Result<()> {
    let genesis = Genesis::parse(&folder::read(&books.genesis_file)?)?;
    let trusted = TrustedSet::of_genesis(&genesis)?;
    let lines: BTreeMap<_, _> = lines.iter().map(|line| (line.number, line)).collect();
    let mut latencies = Latencies::default();
    let mut proved = BTreeMap::new();
    let bar = progress::bar("verifying receipts", paid.len() as u64);
    for Paid { line, id, outcome } in paid {
        bar.inc(1);
        let text = folder::read(&books.receipts.join(format!("{id}.json")))?;
        let started = Instant::now();
        let proof: PaymentProof = serde_json::from_str(&text).with_context(|| format!("the receipt of line {line}"))?;
        let verified = match proof.verify(&trusted) {
            Ok(verified) => verified,
            Err(error) => {
                report.fail(format!("the receipt of line {line}: {error}"));
                continue;
            }
        };
        latencies.extend([started.elapsed()]);
        let proved_outcome = match verified.outcome {
            Outcome::Applied => Ok(()),
            Outcome::Rejected { reason, .. } => Err(reason),
        };
        let asked = lines.get(line).and_then(|line| transfer(books, line));
        let is_it = verified.id == *id
            && proved_outcome == *outcome
            && asked.is_some_and(|asked| *proof.transaction.transaction.actions == [asked]);
        report.check(is_it, || {
            format!("the receipt of line {line} is for another payment or outcome")
        });
        report.check(proved.insert(*line, *id).is_none(), || {
            format!("line {line} was paid more than once")
        });
        report.receipts.verified += 1;
    }
    bar.finish_and_clear();
    report.receipts.verify = latencies.percentiles();
    report.check(proved.len() == lines.len(), || {
        format!("{} of {} lines have a receipt", proved.len(), lines.len())
    });
    Ok(())
}

/// The payment that a line asks for.
fn transfer(books: &Books, line: &Line) -> Option<Action> {
    Some(Action::Transfer {
        from: books.company,
        to: books.people.get(line.beneficiary.as_str())?.id,
        currency: line.currency,
        amount: line.amount,
    })
}

/// The company has what it was given less what was paid, to the cent, as more than f of the validators
/// sign.
pub async fn company_balance(
    client: &Client,
    network: &Network,
    books: &Books<'_>,
    lines: &[Line],
    paid: &[Paid],
    report: &mut Report,
) -> anyhow::Result<()> {
    let operator_key = network.seed.key(super::OPERATORS[0].0);
    let view = client.account(&books.company, &operator_key).await?;
    let view = view.context("the validators do not know the company's account")?;
    let amounts: BTreeMap<_, _> = lines.iter().map(|line| (line.number, line)).collect();
    for (_, code, funds) in FUNDS {
        let currency = Currency::new(code)?;
        let applied = paid.iter().filter(|paid| paid.outcome.is_ok());
        let own = applied
            .filter_map(|paid| amounts.get(&paid.line))
            .filter(|line| line.currency == currency);
        let spent: u64 = own.map(|line| line.amount.0).sum();
        let expected = Balance(i128::from(funds.0) - i128::from(spent));
        let found = view.balances.iter().find(|balance| balance.currency == currency);
        let found = found.map_or(Balance::ZERO, |balance| balance.available);
        report.check(found == expected, || {
            format!("the company has {found} {code} in minor units, and should have {expected}")
        });
    }
    Ok(())
}

/// Every balance in every validator's database, read by the node program's own check. There is money of each of `codes`.
pub async fn disks(network: &Network, binary: &Path, codes: &[&str], report: &mut Report) -> anyhow::Result<()> {
    let line = progress::line("reading every balance of every validator");
    for validator in 0..network.plan.validators {
        let output = Command::new(binary)
            .args(["db", "check", "--json", "--config"])
            .arg(network.folder.validator(validator).config())
            .kill_on_drop(true)
            .output()
            .await?;
        if !output.status.success() {
            bail!(
                "`causeway-node db check` of validator-{validator} ended with {}: {}",
                output.status,
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        let check: Check = serde_json::from_slice(&output.stdout).with_context(|| {
            format!(
                "`causeway-node db check` printed {}",
                String::from_utf8_lossy(&output.stdout)
            )
        })?;
        for (currency, sum) in check.sums {
            let sum = sum.unwrap_or_else(|| "too large".to_owned());
            report.currency_sums.entry(currency).or_default().push(sum);
        }
    }
    line.finish_and_clear();
    for &code in codes {
        let sums = report.currency_sums.get(code).map_or(0, Vec::len);
        if sums != usize::from(network.plan.validators) {
            report.fail(format!(
                "{sums} of {} validators say what {code} sums to",
                network.plan.validators
            ));
        }
    }
    let off = report
        .currency_sums
        .iter()
        .filter(|(_, sums)| sums.iter().any(|sum| sum != "0"));
    let off: Vec<_> = off
        .map(|(currency, sums)| format!("{currency} sums to {}", sums.join(", ")))
        .collect();
    report.failed.extend(off);
    Ok(())
}

/// What of `causeway-node db check --json` is looked at: the sum of all balances of each currency, in
/// minor units. It exits with an error if anything else is not sound.
#[derive(Deserialize)]
struct Check {
    /// `None` if they are too large to be counted.
    sums: BTreeMap<String, Option<String>>,
}
