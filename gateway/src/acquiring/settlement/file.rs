//! A settlement as a file of comma-separated values (RFC 4180), a line for each movement and each payout, whose column
//! `net` adds up to nothing.

use std::io;

use causeway_contracts::{
    identity::AddressPrefix,
    money::{Amount, text::format_amount},
};

use super::{Kind, Movement, Settlement, Terms};
use crate::times::rfc3339;

const HEAD: [&str; 9] = [
    "type",
    "order",
    "reference",
    "time",
    "currency",
    "amount",
    "fee",
    "net",
    "transaction",
];

#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("the settlement's file cannot be written")]
    Write(#[from] csv::Error),
    #[error("the settlement's file cannot be written")]
    Flush(#[from] io::Error),
}

/// What the file is of.
pub struct Subject<'a> {
    pub settlement: &'a Settlement,
    pub terms: &'a Terms,
    pub movements: &'a [Movement],
    /// Digits after the point of the currency.
    pub exponent: u8,
    pub prefix: AddressPrefix,
    /// Of the payout on the ledger, if it was made.
    pub transaction: Option<&'a str>,
}

/// Writes all of it: movements first, in their order, then what was brought forward, the payouts and what is carried.
pub fn write(subject: &Subject<'_>, to: impl io::Write) -> Result<(), FileError> {
    let mut file = csv::Writer::from_writer(to);
    file.write_record(HEAD)?;
    for movement in subject.movements {
        file.write_record(row(subject, movement))?;
    }
    let settlement = subject.settlement;
    let only_net = |kind: &str, who: &str, net: String, transaction: &str| {
        let currency = settlement.currency.to_string();
        let empty = String::new;
        [
            kind.to_owned(),
            empty(),
            who.to_owned(),
            empty(),
            currency,
            empty(),
            empty(),
            net,
            transaction.to_owned(),
        ]
    };
    if !settlement.brought_forward.is_zero() {
        let net = minus(subject.text(settlement.brought_forward));
        file.write_record(only_net("brought_forward", "", net, ""))?;
    }
    for payout in &settlement.payouts {
        let address = payout.to.address(subject.prefix).to_string();
        let net = minus(subject.text(payout.amount));
        file.write_record(only_net(
            "payout",
            &address,
            net,
            subject.transaction.unwrap_or_default(),
        ))?;
    }
    if !settlement.carried_forward.is_zero() {
        let net = subject.text(settlement.carried_forward);
        file.write_record(only_net("carried_forward", "", net, ""))?;
    }
    file.flush()?;
    Ok(())
}

impl Subject<'_> {
    fn text(&self, amount: Amount) -> String {
        format_amount(amount, self.exponent)
    }
}

fn minus(text: String) -> String {
    format!("-{text}")
}

/// A text that no spreadsheet takes for a formula.
fn plain(text: &str) -> String {
    match text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{text}"),
        false => text.to_owned(),
    }
}

fn row(subject: &Subject<'_>, movement: &Movement) -> [String; 9] {
    let text = |amount| subject.text(amount);
    let (amount, fee, net) = match movement.kind {
        Kind::Capture => {
            let fee = subject.terms.fee_of(movement.amount);
            let net = Amount(movement.amount.0 - fee.0);
            (text(movement.amount), text(fee), text(net))
        }
        Kind::Refund | Kind::Chargeback | Kind::Reversal => {
            let back = minus(text(movement.amount));
            (back.clone(), text(Amount::ZERO), back)
        }
    };
    [
        movement.kind.as_str().to_owned(),
        plain(&movement.order),
        plain(&movement.reference),
        rfc3339(movement.at_ms),
        subject.settlement.currency.to_string(),
        amount,
        fee,
        net,
        plain(&movement.transaction),
    ]
}
