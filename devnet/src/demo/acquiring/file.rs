//! The merchant's day: its settlement's file, line by line, against what the orders say and what is on the ledger.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use causeway_contracts::money::{Amount, text::format_amount};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{CURRENCY, Report, money, proved::Ledger, shop::Order, town::Town};
use crate::services::{api::text, merchant};

/// What was settled. Amounts are minor units.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Settled {
    pub settlements: u64,
    /// Captures, refunds and reversals.
    pub movements: u64,
    pub captured: Amount,
    pub fees: Amount,
    pub returned: Amount,
    pub paid: Amount,
    /// Transactions that the file names, each found on the ledger with its amount.
    pub transactions: u64,
}

impl Settled {
    pub fn text(&self) -> String {
        format!(
            "{} captured, {} of fees, {} gone back, {} paid out; the file's {} transactions are on the ledger",
            money(self.captured),
            money(self.fees),
            money(self.returned),
            money(self.paid),
            self.transactions
        )
    }
}

/// A line of the file.
#[derive(Debug, Clone, Deserialize)]
pub struct Row {
    #[serde(rename = "type")]
    pub kind: String,
    pub order: String,
    reference: String,
    currency: String,
    amount: String,
    fee: String,
    net: String,
    pub transaction: String,
}

/// What a line must say but for its transaction: type, order, reference, amount, fee and net.
type Said = [String; 6];

impl Row {
    fn said(&self) -> Said {
        [
            &self.kind,
            &self.order,
            &self.reference,
            &self.amount,
            &self.fee,
            &self.net,
        ]
        .map(String::clone)
    }

    /// In cents: what its transaction has brought into the acquirer's account.
    pub fn brought(&self) -> anyhow::Result<i128> {
        cents(if self.kind == "payout" { &self.net } else { &self.amount })
    }
}

/// Settles all, and compares. What is settled is the sum of the days', if midnight was in between.
pub async fn settle(town: &Town<'_>, orders: &[Order], report: &mut Report) -> anyhow::Result<Settled> {
    let settlements = town.shop.settle().await?;
    let mut rows = Vec::new();
    for settlement in &settlements {
        let bytes = town.shop.file(settlement).await?;
        let mut file = csv::Reader::from_reader(&bytes[..]);
        let own: Vec<Row> = file.deserialize().collect::<Result<_, _>>()?;
        ensure!(
            own.iter().all(|row| row.currency == CURRENCY),
            "lines of another currency: {own:?}"
        );
        let sum = own.iter().map(|row| cents(&row.net)).sum::<anyhow::Result<i128>>()?;
        report.check(sum == 0, || format!("a settlement's file nets to {sum} cents"));
        rows.extend(own);
    }
    let mut shown = Vec::new();
    for order in orders {
        shown.push(town.shop.shown(order).await?);
    }
    let payouts: Vec<Row> = rows.iter().filter(|row| row.kind == "payout").cloned().collect();
    let mut said: Vec<Said> = rows.iter().filter(|row| row.kind != "payout").map(Row::said).collect();
    let mut expected = orders
        .iter()
        .zip(&shown)
        .map(|(order, shown)| expected(order, shown))
        .collect::<anyhow::Result<Vec<_>>>()?
        .concat();
    said.sort();
    expected.sort();
    report.check(said == expected, || {
        format!("the file says {said:?}, and the orders {expected:?}")
    });
    let settled = Settled {
        settlements: settlements.len() as u64,
        transactions: Ledger::new(town, orders, &shown)?.find(&rows, report).await?,
        ..totals(&rows)?
    };
    check_views(town, &settlements, &payouts, &settled, report)?;
    Ok(settled)
}

/// Lines that an order must have, by what has become of it.
fn expected(order: &Order, shown: &Value) -> anyhow::Result<Vec<Said>> {
    let line = |kind: &str, amount: String, fee: String, net: String| {
        let words = [kind, &order.id, order.reference, &amount, &fee, &net];
        words.map(str::to_owned)
    };
    let back = |kind: &str, amount: &str| line(kind, format!("-{amount}"), "0.00".to_owned(), format!("-{amount}"));
    let mut lines = Vec::new();
    if shown.get("payment").is_some() {
        let (fee, text) = (fee(order.amount)?, |amount| format_amount(amount, 2));
        let net = Amount(order.amount.0 - fee.0);
        lines.push(line("capture", text(order.amount), text(fee), text(net)));
    }
    for refund in shown["refunds"].as_array().into_iter().flatten() {
        // A refund's line has the refund's own reference, and these have none.
        let mut refund = back("refund", text(refund, "/amount/value")?);
        refund[2].clear();
        lines.push(refund);
    }
    if shown["state"] == "reversed" {
        lines.push(back("reversal", &format_amount(order.amount, 2)));
    }
    Ok(lines)
}

/// What the merchant has agreed to.
fn fee(amount: Amount) -> anyhow::Result<Amount> {
    let fixed = u64::try_from(cents(merchant::FEE_FIXED)?)?;
    Ok(Amount(fixed + amount.0 * u64::from(merchant::FEE_BP) / 10_000))
}

fn totals(rows: &[Row]) -> anyhow::Result<Settled> {
    let mut sums = BTreeMap::<&str, (u64, i128)>::new();
    let mut fees = 0;
    for row in rows {
        let (count, sum) = sums.entry(row.kind.as_str()).or_default();
        *count += 1;
        *sum += row.brought()?;
        fees += match row.fee.as_str() {
            "" => 0,
            fee => cents(fee)?,
        };
    }
    let of = |kind: &str| sums.get(kind).copied().unwrap_or_default();
    let [captures, refunds, reversals, payouts] = ["capture", "refund", "reversal", "payout"].map(of);
    let amount = |cents: i128| anyhow::Ok(Amount(u64::try_from(cents)?));
    Ok(Settled {
        settlements: 0,
        movements: captures.0 + refunds.0 + reversals.0,
        captured: amount(captures.1)?,
        fees: amount(fees)?,
        returned: amount(-refunds.1 - reversals.1)?,
        paid: amount(-payouts.1)?,
        transactions: 0,
    })
}

/// What the gateway says of the settlements is what is in their files.
fn check_views(
    town: &Town<'_>,
    settlements: &[Value],
    payouts: &[Row],
    settled: &Settled,
    report: &mut Report,
) -> anyhow::Result<()> {
    let sum = |name: &str| {
        let values = settlements.iter().map(|it| cents(text(it, &format!("/{name}/value"))?));
        values.sum::<anyhow::Result<i128>>()
    };
    for (name, amount) in [
        ("captured", settled.captured),
        ("fees", settled.fees),
        ("paid", settled.paid),
    ] {
        let told = sum(name)?;
        report.check(told == i128::from(amount.0), || {
            format!("the settlement has {told} cents {name}, and its file {}", amount.0)
        });
    }
    let to = &town.shop.merchant.payout_address;
    report.check(payouts.iter().all(|row| row.reference == *to), || {
        format!("the merchant is to be paid at {to}, and the file says {payouts:?}")
    });
    Ok(())
}

/// Of a text with two digits after the point, and a minus before it or none.
fn cents(text: &str) -> anyhow::Result<i128> {
    let (whole, fraction) = text.split_once('.').with_context(|| format!("'{text}' is no amount"))?;
    ensure!(fraction.len() == 2, "'{text}' is no amount of cents");
    Ok(format!("{whole}{fraction}").parse()?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn order() -> Order {
        Order {
            id: "ord_1".to_owned(),
            reference: "demo",
            memo: "order AZr7Cf3jcQKjjt3zRQ8hPw".to_owned(),
            amount: Amount(1_525),
        }
    }

    #[test]
    fn an_orders_lines_follow_from_what_has_become_of_it() {
        let check = |shown: Value, lines: &[[&str; 6]]| {
            assert_eq!(expected(&order(), &shown).unwrap(), lines, "{shown}");
        };
        check(json!({ "state": "created", "refunds": [] }), &[]);
        let capture = ["capture", "ord_1", "demo", "15.25", "0.32", "14.93"];
        let payment = json!({ "transaction": "aa" });
        check(
            json!({ "state": "paid", "payment": payment, "refunds": [] }),
            &[capture],
        );
        let reversal = ["reversal", "ord_1", "demo", "-15.25", "0.00", "-15.25"];
        let reversed = json!({ "state": "reversed", "payment": payment, "refunds": [] });
        check(reversed, &[capture, reversal]);
        let refund = ["refund", "ord_1", "", "-5.00", "0.00", "-5.00"];
        let refunds = json!([{ "amount": { "value": "5.00", "currency": "EUR" } }]);
        check(
            json!({ "state": "partially_refunded", "payment": payment, "refunds": refunds }),
            &[capture, refund],
        );
    }

    #[test]
    fn cents_are_read_as_the_file_has_them() {
        assert_eq!(cents("107.96").unwrap(), 10_796);
        assert_eq!(cents("-0.05").unwrap(), -5);
        for wrong in ["", "1", "1.5", "1.234", "-.x"] {
            assert!(cents(wrong).is_err(), "{wrong}");
        }
    }
}
