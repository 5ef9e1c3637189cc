//! The header says the same as the message.

use super::{Breach, Case, Kind, RuleYear, Told, value, value_at};
use crate::iso20022::xml::Node;

pub const SERVICE: &str = "swift.cbprplus.03";

pub fn check(case: &Case<'_, '_>, told: &mut Told<'_>) {
    let Some(header) = case.header() else { return };
    business_message_id(case, header, told);
    message_definition(case, header, told);
    service(case, header, told);
    agents(case, header, told);
    same(header, "Prty", case, "PmtTpInf/InstrPrty", told, |found, expected| {
        Breach::Priority { found, expected }
    });
    if let Kind::Notification = case.kind {
        let indicator = value_at(case.body, "Ntfctn/CpyDplctInd");
        let copy = header.find("CpyDplct").first().copied();
        if let (Some(copy), Some(expected)) = (copy, indicator)
            && value(copy) != expected
        {
            let (found, expected) = (value(copy).to_owned(), expected.to_owned());
            told.tell(copy, &Breach::CopyDuplicate { found, expected });
        }
    }
}

/// 2025: the header's identifier contains that of the message; 2026: it is the same.
fn business_message_id(case: &Case<'_, '_>, header: Node<'_>, told: &mut Told<'_>) {
    let (Some(id), Some(expected)) = (
        header.find("BizMsgIdr").first().copied(),
        value_at(case.body, "GrpHdr/MsgId"),
    ) else {
        return;
    };
    let (found, expected) = (value(id).to_owned(), expected.to_owned());
    match case.year {
        RuleYear::Y2025 if !found.contains(&expected) => {
            told.tell(id, &Breach::BusinessMessageIdWithout { found, expected });
        }
        RuleYear::Y2026 if found != expected => told.tell(id, &Breach::BusinessMessageId { found, expected }),
        _ => {}
    }
}

fn message_definition(case: &Case<'_, '_>, header: Node<'_>, told: &mut Told<'_>) {
    let expected = case.message.document.id.as_ref().map(|id| id.as_str().to_owned());
    if let (Some(definition), Some(expected)) = (header.find("MsgDefIdr").first(), expected)
        && value(*definition) != expected
    {
        let found = value(*definition).to_owned();
        told.tell(*definition, &Breach::MessageDefinition { found, expected });
    }
}

fn service(case: &Case<'_, '_>, header: Node<'_>, told: &mut Told<'_>) {
    if let (RuleYear::Y2025, Some(service)) = (case.year, header.find("BizSvc").first())
        && value(*service) != SERVICE
    {
        let found = value(*service).to_owned();
        told.tell(
            *service,
            &Breach::BusinessService {
                found,
                expected: SERVICE,
            },
        );
    }
}

/// From and To are the agents of the message, except in copies: since 2026 those have another To only.
fn agents(case: &Case<'_, '_>, header: Node<'_>, told: &mut Told<'_>) {
    if !case.kind.is_interbank() {
        return;
    }
    let copied = matches!(value_at(header, "CpyDplct"), Some("COPY" | "CODU"));
    if !copied || case.year == RuleYear::Y2026 {
        let agent = "InstgAgt/FinInstnId/BICFI";
        same(
            header,
            "Fr/FIId/FinInstnId/BICFI",
            case,
            agent,
            told,
            |found, expected| Breach::From { found, expected },
        );
    }
    if !copied {
        let agent = "InstdAgt/FinInstnId/BICFI";
        same(
            header,
            "To/FIId/FinInstnId/BICFI",
            case,
            agent,
            told,
            |found, expected| Breach::To { found, expected },
        );
    }
}

/// Tells the first payment whose value is not that of the header, where both have one.
fn same(
    header: Node<'_>,
    in_header: &str,
    case: &Case<'_, '_>,
    in_transaction: &str,
    told: &mut Told<'_>,
    breach: fn(String, String) -> Breach,
) {
    let Some(found) = header.find(in_header).first().copied() else {
        return;
    };
    let others = case
        .transactions()
        .into_iter()
        .flat_map(|transaction| transaction.find(in_transaction));
    if let Some(other) = others.map(value).find(|other| *other != value(found)) {
        told.tell(found, &breach(value(found).to_owned(), other.to_owned()));
    }
}
