//! Remittances in every state, and the messages that are about them: which, in what order, and each of them valid.

use std::path::{Path, PathBuf};

use causeway_contracts::{
    block::Height,
    money::{Amount, Currency},
};

use super::*;
use crate::{
    iso20022::{
        inspection::{SchemaVerdict, inspect},
        rules::RuleYear,
        schema::folder::Schemas,
    },
    money::Money,
    remittance::{
        Cause, Remittance,
        fact::Reason as Why,
        instruction::RecallRequest,
        order::{Party, PostalAddress},
        state::Change,
        tests::fixture,
    },
};

/// Of a published corpus, which is not part of the repository.
fn schemas() -> Option<Schemas> {
    let folder = std::env::var_os("CAUSEWAY_VECTORS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors"),
        PathBuf::from,
    );
    Schemas::open(&folder.join("iso20022/xsd")).ok()
}

fn exponents() -> Exponents {
    let known = [("EUR", 2), ("USD", 2), ("POINTS", 0)];
    known
        .map(|(code, exponent)| (currency(code), exponent))
        .into_iter()
        .collect()
}

fn currency(code: &str) -> Currency {
    Currency::new(code).unwrap()
}

/// Ordered by a pacs.008 of GEBABEBB, at the sender's side.
fn remittance(side: Side) -> Remittance {
    let mut remittance = fixture::remittance(side);
    remittance.id = "rem_0193a1b2c3d47e5f8a6b0123456789ab".to_owned();
    remittance.order.end_to_end_id = Some("INVOICE-7".to_owned());
    remittance.order.reference = Some("Rechnung 7, überfällig".to_owned());
    remittance.order.beneficiary_account = "merchant:SHOP7".to_owned();
    remittance.timeline[0].at_ms = 1_700_000_000_000;
    if side == Side::Sender {
        remittance.instruction = Some(Instruction {
            sender: "GEBABEBB".to_owned(),
            message: "M-1".to_owned(),
            created_ms: 1_699_999_999_000,
            instruction: "I-1".to_owned(),
            transaction: None,
        });
    }
    remittance
}

/// With these changes, one each second.
fn after(mut remittance: Remittance, changes: &[Change]) -> Remittance {
    for (at, change) in changes.iter().enumerate() {
        let cause = Cause::ledger(Height(7), Some(fixture::tx(1)));
        if *change == Change::Reserved {
            remittance.ledger.reservation = Some(fixture::tx(1));
        }
        let at_ms = 1_700_000_001_000 + 1_000 * u64::try_from(at).unwrap();
        remittance.apply(*change, at_ms, cause).unwrap();
    }
    remittance
}

fn told(remittance: &Remittance, client: Option<&str>) -> Vec<Advice> {
    let bic = |text: &str| -> Bic { text.parse().unwrap() };
    let (us, one, other) = (bic("DEUTDEFF"), bic("DEUTDEFF"), bic("BKTRUS33XXX"));
    let us = if remittance.side == Side::Sender {
        us
    } else {
        other.clone()
    };
    let client = client.map(bic);
    let exponents = exponents();
    let banks = Banks {
        us: &us,
        sender_operator: Some(&one),
        beneficiary_operator: Some(&other),
        client: client.as_ref(),
        exponents: &exponents,
    };
    advices(remittance, &banks)
}

fn value<'x>(xml: &'x str, name: &str) -> Option<&'x str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    rest.split_once('<').map(|(value, _)| value)
}

/// Each valid, and in short: kind, the end of its id, status, and reason.
fn seen(all: &[Advice]) -> Vec<String> {
    let mut schemas = schemas();
    let mut seen = Vec::new();
    for advice in all {
        let xml = std::str::from_utf8(&advice.xml).unwrap();
        for year in [RuleYear::Y2025, RuleYear::Y2026] {
            let found = inspect(&advice.xml, year, schemas.as_mut()).unwrap();
            assert!(found.valid, "{year}: {:#?}\n{xml}", found.reasons);
            if schemas.is_some() {
                assert_eq!(found.schema, SchemaVerdict::Valid, "{xml}");
                assert_eq!(found.header_schema, Some(SchemaVerdict::Valid), "{xml}");
            }
        }
        assert_eq!(value(xml, "BizMsgIdr"), Some(advice.id.as_str()));
        assert_eq!(advice.id.len(), 35);
        let status = value(xml, "TxSts").or(value(xml, "Conf"));
        let reason = xml.split_once("<Rsn>").and_then(|(_, rest)| value(rest, "Cd"));
        let parts = [Some(&advice.kind[..8]), Some(&advice.id[32..]), status, reason];
        seen.push(parts.into_iter().flatten().collect::<Vec<_>>().join(" "));
    }
    seen
}

#[test]
fn each_course_of_a_sent_payment_has_its_messages() {
    use Change::*;
    let check = |changes: &[Change], reason: Option<&str>, expected: &[&str]| {
        let mut remittance = after(remittance(Side::Sender), changes);
        remittance.reason = reason.map(|code| Why::of(code, "so it is"));
        assert_eq!(seen(&told(&remittance, None)), expected, "{changes:?}");
    };
    check(&[], None, &["pacs.002 S00 ACCP"]);
    let accepted = ["pacs.002 S00 ACCP", "pacs.002 S01 ACSP", "pacs.008 P01"];
    let with = |more: &[&'static str]| [&accepted[..], more].concat();
    // Being paid out is being settled: that was said.
    check(&[Reserved, Posted, PaidOut], None, &with(&["pacs.002 S03 ACSC"]));
    check(
        &[Reserved, Posted, Returned],
        Some("AC06"),
        &with(&["pacs.004 R03 AC06"]),
    );
    check(&[Reserved, Refused], Some("AC04"), &with(&["pacs.002 S02 RJCT AC04"]));
    // A reason that comes later makes another message.
    check(&[Reserved, Refused], None, &with(&["pacs.002 T02 RJCT NARR"]));
    check(&[Reserved, Expired], None, &with(&["pacs.002 T02 RJCT AB05"]));
    check(&[Reserved, Cancelled], Some("CUST"), &with(&["pacs.002 S02 RJCT CUST"]));
    check(
        &[Reserved, InfoAsked, InfoGiven, Held(Side::Beneficiary), Refused],
        Some("RR04"),
        &with(&[
            "pacs.002 S02 PDNG",
            "pacs.002 S03 ACSP",
            "pacs.002 S04 PDNG",
            "pacs.002 S05 RJCT RR04",
        ]),
    );
    check(&[Expired], None, &["pacs.002 S00 ACCP", "pacs.002 T01 RJCT AB03"]);
    check(
        &[Failed],
        Some("ledger"),
        &["pacs.002 S00 ACCP", "pacs.002 S01 RJCT NARR"],
    );
}

#[test]
fn a_recall_is_answered_once_by_what_becomes_of_the_payment() {
    use Change::*;
    let check = |changes: &[Change], expected: &[&str]| {
        let mut remittance = after(remittance(Side::Sender), changes);
        remittance.recall = Some(RecallRequest {
            sender: "GEBABEBB".to_owned(),
            cancellation: Some("CXL-1".to_owned()),
            case: Some(("CASE-1".to_owned(), "GEBABEBB".to_owned())),
        });
        assert_eq!(seen(&told(&remittance, None))[3..], *expected, "{changes:?}");
    };
    check(&[Reserved], &[]);
    check(&[Reserved, Cancelled], &["camt.029 A02 CNCL"]);
    check(
        &[Reserved, Posted, PaidOut],
        &["camt.029 A02 RJCR AGNT", "pacs.002 S03 ACSC"],
    );
    check(
        &[Reserved, Expired],
        &["pacs.002 T02 RJCT AB05", "camt.029 A02 RJCR ARDT"],
    );
}

#[test]
fn the_beneficiarys_client_is_told_if_it_has_a_bic() {
    use Change::*;
    let check = |changes: &[Change], client: Option<&str>, expected: &[&str]| {
        let remittance = after(remittance(Side::Beneficiary), changes);
        assert_eq!(seen(&told(&remittance, client)), expected, "{changes:?}");
    };
    let client = Some("CHASUS33");
    check(&[], client, &[]);
    check(&[Reserved, Posted, PaidOut], client, &["pacs.008 P01", "camt.054 C03"]);
    check(
        &[Reserved, Posted, Returned],
        client,
        &["pacs.008 P01", "pacs.004 R03 NARR"],
    );
    check(&[Reserved, Refused], client, &["pacs.008 P01"]);
    check(&[Reserved, Posted, PaidOut], None, &[]);
}

#[test]
fn what_was_told_stays_as_the_course_goes_on() {
    use Change::*;
    let course = [Reserved, InfoAsked, InfoGiven, Posted, PaidOut];
    let mut earlier: Vec<Advice> = Vec::new();
    for so_far in 0..=course.len() {
        let now = told(&after(remittance(Side::Sender), &course[..so_far]), None);
        assert_eq!(now[..earlier.len()], earlier, "{so_far}");
        assert!(now.len() >= earlier.len());
        earlier = now;
    }
    // ACCP, ACSP with pacs.008, PDNG, ACSP, ACSC.
    assert_eq!(earlier.len(), 6);
}

#[test]
fn what_the_api_ordered_has_no_messages() {
    let mut remittance = after(remittance(Side::Sender), &[Change::Reserved]);
    remittance.instruction = None;
    assert_eq!(told(&remittance, Some("GEBABEBB")), []);
}

#[test]
fn a_currency_that_messages_have_not_leaves_its_messages_out() {
    let mut remittance = after(remittance(Side::Sender), &[Change::Reserved]);
    remittance.order.target = Money {
        value: "9".to_owned(),
        currency: currency("POINTS"),
    };
    remittance.target = Amount(9);
    assert_eq!(
        seen(&told(&remittance, None)),
        ["pacs.002 S00 ACCP", "pacs.002 S01 ACSP"]
    );
}

#[test]
fn the_payment_is_passed_on_with_what_it_is() {
    let mut remittance = after(remittance(Side::Sender), &[Change::Reserved]);
    remittance.order.beneficiary = Party {
        name: "Łukasz Žižka".to_owned(),
        address: Some(PostalAddress {
            street: None,
            building: None,
            post_code: None,
            town: "Brno".to_owned(),
            country: "CZ".to_owned(),
            lines: vec!["at the station".to_owned()],
        }),
        lei: Some("529900T8BM49AURSDO55".to_owned()),
    };
    let all = told(&remittance, None);
    assert_eq!(seen(&all[2..]), ["pacs.008 P01"]);
    let xml = std::str::from_utf8(&all[2].xml).unwrap();
    let check = |part: &str| assert!(xml.contains(part), "{part}\n{xml}");
    check("<InstrId>8a6b0123456789ab</InstrId><EndToEndId>INVOICE-7</EndToEndId>");
    check("<IntrBkSttlmAmt Ccy=\"USD\">13.10</IntrBkSttlmAmt><IntrBkSttlmDt>2023-11-14</IntrBkSttlmDt>");
    check("<InstdAmt Ccy=\"EUR\">12.50</InstdAmt><XchgRate>1.048</XchgRate><ChrgBr>DEBT</ChrgBr>");
    check("<Nm>Lukasz Zizka</Nm>");
    check("<Prxy><Tp><Prtry>merchant</Prtry></Tp><Id>SHOP7</Id></Prxy>");
    check("<Purp><Cd>GDDS</Cd></Purp><RmtInf><Ustrd>Rechnung 7, uberfallig</Ustrd></RmtInf>");
}
