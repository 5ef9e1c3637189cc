//! References to this and to other messages.

use super::{Breach, Case, Kind, RuleYear, Told, value, value_at};

pub fn check(case: &Case<'_, '_>, told: &mut Told<'_>) {
    slashes(case, told);
    original_message(case, told);
    match case.kind {
        Kind::CreditTransfer => {
            for transaction in case.transactions() {
                for id in transaction.find("PmtId/EndToEndId") {
                    if value(id).is_empty() {
                        told.tell(id, &Breach::EndToEndIdEmpty);
                    }
                }
                for level in transaction.find("PmtTpInf/SvcLvl/Cd") {
                    let other = matches!(
                        value(level),
                        "G002" | "G003" | "G004" | "G005" | "G006" | "G007" | "G009"
                    );
                    if case.year == RuleYear::Y2026 && other {
                        let found = value(level).to_owned();
                        told.tell(level, &Breach::ServiceLevel { found });
                    }
                }
            }
        }
        Kind::CreditTransferInitiation if case.year == RuleYear::Y2026 => {
            let Some(expected) = value_at(case.body, "GrpHdr/MsgId") else {
                return;
            };
            for id in case.body.find("PmtInf/PmtInfId") {
                if value(id) != expected {
                    let (found, expected) = (value(id).to_owned(), expected.to_owned());
                    told.tell(id, &Breach::PaymentInformationId { found, expected });
                }
            }
        }
        _ => {}
    }
}

/// Instruction identifiers go through FIN, where slashes separate.
fn slashes(case: &Case<'_, '_>, told: &mut Told<'_>) {
    if case.kind == Kind::CreditTransferInitiation || case.kind == Kind::PaymentStatus {
        return;
    }
    for transaction in case.transactions() {
        for path in ["PmtId/InstrId", "OrgnlInstrId", "Refs/InstrId"] {
            for id in transaction.find(path) {
                let found = value(id);
                if found.starts_with('/') || found.ends_with('/') || found.contains("//") {
                    let (name, found) = (id.name().to_owned(), found.to_owned());
                    told.tell(id, &Breach::Slashes { name, found });
                }
            }
        }
    }
}

fn original_message(case: &Case<'_, '_>, told: &mut Told<'_>) {
    let (allowed, expected): (&[&str], _) = match (case.kind, case.year) {
        (Kind::Return, _) => (
            &["pacs.002", "pacs.008", "pacs.009", "camt.053", "camt.054"],
            "such as pacs.008.001.08: of pacs.002, pacs.008, pacs.009, camt.053 or camt.054, or MT103, MT202, MT205, \
             MT900, MT910, MT940 or MT950",
        ),
        (Kind::TransferStatus, RuleYear::Y2026) => (
            &["pacs.003", "pacs.004", "pacs.008", "pacs.009", "pacs.010"],
            "such as pacs.008.001.08: of pacs.003, pacs.004, pacs.008, pacs.009 or pacs.010",
        ),
        _ => return,
    };
    for transaction in case.transactions() {
        for name in transaction.find("OrgnlGrpInf/OrgnlMsgNmId") {
            let found = value(name);
            let version = allowed
                .iter()
                .find_map(|function| found.strip_prefix(function)?.strip_prefix(".001."));
            let versioned =
                version.is_some_and(|version| version.len() == 2 && version.bytes().all(|b| b.is_ascii_digit()));
            let fin = ["MT103", "MT202", "MT205", "MT900", "MT910", "MT940", "MT950"].contains(&found);
            let known = versioned || (fin && case.kind == Kind::Return);
            if !known {
                let found = found.to_owned();
                told.tell(name, &Breach::OriginalMessageName { found, expected });
            }
        }
    }
}
