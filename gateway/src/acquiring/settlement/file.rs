//! A settlement as a file of comma-separated values (RFC 4180), a line for each movement and each payout, whose column
//! `net` adds up to nothing.

use std::io;

use causeway_contracts::{
    identity::AddressPrefix,
    money::{Amount, text::format_amount},
};

use super::{Kind, Movement, Settlement, Terms};
use crate::service::time::rfc3339;

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
    #[error("a sum of {0} minor units is more than an amount can be")]
    TooLarge(u128),
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
    if settlement.brought_forward > 0 {
        let net = minus(subject.text(settlement.brought_forward)?);
        file.write_record(only_net("brought_forward", "", net, ""))?;
    }
    for payout in &settlement.payouts {
        let address = payout.to.address(subject.prefix).to_string();
        let net = minus(format_amount(payout.amount, subject.exponent));
        file.write_record(only_net(
            "payout",
            &address,
            net,
            subject.transaction.unwrap_or_default(),
        ))?;
    }
    if settlement.carried_forward > 0 {
        let net = subject.text(settlement.carried_forward)?;
        file.write_record(only_net("carried_forward", "", net, ""))?;
    }
    file.flush()?;
    Ok(())
}

impl Subject<'_> {
    fn text(&self, sum: u128) -> Result<String, FileError> {
        let amount = u64::try_from(sum).map_err(|_| FileError::TooLarge(sum))?;
        Ok(format_amount(Amount(amount), self.exponent))
    }
}

fn minus(text: String) -> String {
    format!("-{text}")
}

fn row(subject: &Subject<'_>, movement: &Movement) -> [String; 9] {
    let text = |amount| format_amount(amount, subject.exponent);
    let (amount, fee, net) = match movement.kind {
        Kind::Capture => {
            let fee = subject.terms.fee_of(movement.amount);
            let net = Amount(movement.amount.0 - fee.0);
            (text(movement.amount), text(fee), text(net))
        }
        Kind::Refund | Kind::Chargeback => {
            let back = minus(text(movement.amount));
            (back.clone(), text(Amount::ZERO), back)
        }
    };
    [
        movement.kind.as_str().to_owned(),
        movement.order.clone(),
        movement.reference.clone(),
        rfc3339(movement.at_ms),
        subject.settlement.currency.to_string(),
        amount,
        fee,
        net,
        movement.transaction.clone(),
    ]
}
