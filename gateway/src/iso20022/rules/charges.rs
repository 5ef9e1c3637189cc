//! Who bears charges, and which were taken.

use super::{Breach, Case, Kind, Told, value};
use crate::iso20022::{schema::Decimal, xml::Node};

pub fn check(case: &Case<'_, '_>, told: &mut Told<'_>) {
    let (instructed, settled) = match case.kind {
        Kind::CreditTransfer => ("InstdAmt", "IntrBkSttlmAmt"),
        Kind::Return => ("RtrdInstdAmt", "RtrdIntrBkSttlmAmt"),
        _ => return,
    };
    for transaction in case.transactions() {
        let bearers = transaction.find("ChrgBr");
        let borne_by = |code: &str| bearers.iter().any(|bearer| value(*bearer) == code);
        let charges = transaction.find("ChrgsInf").len();
        if borne_by("CRED") && charges == 0 {
            told.tell(transaction, &Breach::ChargesForCreditor);
        }
        if borne_by("DEBT") && charges > 1 && case.kind == Kind::CreditTransfer {
            told.tell(transaction, &Breach::ChargesForDebtor { found: charges });
        }
        if charges == 0 && differ(transaction, instructed, settled) {
            told.tell(transaction, &Breach::ChargesUnexplained { instructed, settled });
        }
    }
}

/// Whether two amounts are there, in one currency, and not the same.
fn differ(transaction: Node<'_>, first: &str, second: &str) -> bool {
    match (amount(transaction, first), amount(transaction, second)) {
        (Some((currency, amount)), Some((other, another))) => currency == other && amount != another,
        _ => false,
    }
}

/// Currency and value of the first amount at a path.
pub fn amount<'a>(transaction: Node<'a>, path: &str) -> Option<(&'a str, Decimal)> {
    let found = *transaction.find(path).first()?;
    Some((found.attribute("Ccy")?, Decimal::parse(value(found))?))
}
