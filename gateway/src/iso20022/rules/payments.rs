//! What is paid, what for, and what the creditor's agent is told.

use std::collections::HashSet;

use super::{Breach, Case, Kind, RuleYear, Told, value};
use crate::{identifiers::currency::CurrencyCode, iso20022::xml::Node};

const STRUCTURED_CHARACTERS_MAX: usize = 9000;

pub fn check(case: &Case<'_, '_>, told: &mut Told<'_>) {
    for transaction in case.transactions() {
        match case.kind {
            Kind::CreditTransfer => {
                instructions(case, transaction, told);
                remittance(transaction, "RmtInf", told);
                if transaction.has("RltdRmtInf") && transaction.has("RmtInf") {
                    told.tell(transaction, &Breach::RemittanceAndRelated);
                }
            }
            Kind::CreditTransferInitiation => {
                instructions(case, transaction, told);
                remittance(transaction, "RmtInf", told);
            }
            Kind::Return => remittance(transaction, "OrgnlTxRef/RmtInf", told),
            _ => {}
        }
    }
    if case.kind.is_interbank() {
        for amount in case.body.descendants() {
            settled_in_metal(amount, told);
        }
    }
    if case.kind == Kind::Notification && case.year == RuleYear::Y2026 {
        notification(case.body, told);
    }
}

fn instructions(case: &Case<'_, '_>, transaction: Node<'_>, told: &mut Told<'_>) {
    let codes = transaction.find("InstrForCdtrAgt/Cd");
    let has = |code: &str| codes.iter().any(|found| value(*found) == code);
    for (first, second) in [("CHQB", "HOLD"), ("PHOB", "TELB")] {
        if has(first) && has(second) {
            told.tell(transaction, &Breach::InstructionsExclude { first, second });
        }
    }
    if case.kind == Kind::CreditTransferInitiation && case.year == RuleYear::Y2025 {
        return;
    }
    let mut earlier = HashSet::new();
    for code in codes {
        if !earlier.insert(value(code)) {
            let repeated = value(code).to_owned();
            told.tell(code, &Breach::InstructionTwice { code: repeated });
        }
    }
}

fn remittance(transaction: Node<'_>, path: &str, told: &mut Told<'_>) {
    for information in transaction.find(path) {
        if information.has("Ustrd") && information.has("Strd") {
            told.tell(information, &Breach::RemittanceTwoForms);
        }
        let parts = information.find("Strd").into_iter().flat_map(Node::descendants);
        let found = parts.map(|part| value(part).chars().count()).sum();
        if found > STRUCTURED_CHARACTERS_MAX {
            told.tell(information, &Breach::RemittanceTooLong { found });
        }
    }
}

/// Amounts of settlement, also of the original payment.
fn settled_in_metal(amount: Node<'_>, told: &mut Told<'_>) {
    if !amount.name().ends_with("IntrBkSttlmAmt") {
        return;
    }
    let currency = amount.attribute("Ccy").unwrap_or_default();
    if currency.parse().is_ok_and(CurrencyCode::is_metal) {
        let (name, currency) = (amount.name().to_owned(), currency.to_owned());
        told.tell(amount, &Breach::SettledInMetal { name, currency });
    }
}

fn notification(body: Node<'_>, told: &mut Told<'_>) {
    for page in body.find("Ntfctn/NtfctnPgntn/PgNb") {
        let number = value(page);
        if !number.is_empty() && number.bytes().all(|digit| digit == b'0') {
            told.tell(page, &Breach::PageZero);
        }
    }
    for entry in body.find("Ntfctn/Ntry") {
        let booked = entry
            .find("Sts/Cd")
            .first()
            .is_some_and(|status| value(*status) == "BOOK");
        if booked && !entry.has("BookgDt") && !entry.has("ValDt") {
            told.tell(entry, &Breach::BookedWithoutDate);
        }
    }
}
