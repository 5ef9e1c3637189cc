mod messages;
mod parties;

use super::*;
use crate::{
    iso20022::xml,
    reason::{Check, Reason},
};

use RuleYear::{Y2025, Y2026};

/// The codes that a message gets after each `from` in it became its `to`: of rules, and of restrictions.
fn codes(message: &str, edits: &[(&str, &str)], year: RuleYear) -> (Vec<&'static str>, Vec<&'static str>) {
    let mut text = message.to_owned();
    for (from, to) in edits {
        assert!(text.contains(from), "{from} is in the message");
        text = text.replace(from, to);
    }
    let document = xml::read(text.as_bytes()).expect("well-formed");
    let (message, faults) = Message::find(&document);
    assert_eq!(faults.len(), 0);
    let mut rules = Reasons::new(Check::Rules);
    let mut restrictions = Reasons::new(Check::Restrictions);
    let kind = super::check(&message.expect("a message"), year, &mut rules, &mut restrictions);
    assert!(kind.is_some());
    let codes = |reasons: Reasons| reasons.into_told().iter().map(|reason: &Reason| reason.code).collect();
    (codes(rules), codes(restrictions))
}

/// One edit, and the rules that it breaks in each year.
fn check(message: &str, edits: &[(&str, &str)], in_2025: &[&str], in_2026: &[&str]) {
    for (year, expected) in [(Y2025, in_2025), (Y2026, in_2026)] {
        assert_eq!(codes(message, edits, year).0, expected, "{year} {edits:?}");
    }
}

fn check_restrictions(message: &str, edits: &[(&str, &str)], in_2025: &[&str], in_2026: &[&str]) {
    for (year, expected) in [(Y2025, in_2025), (Y2026, in_2026)] {
        assert_eq!(codes(message, edits, year).1, expected, "{year} {edits:?}");
    }
}

#[test]
fn messages_that_keep_the_rules_have_no_reasons() {
    for message in messages::ALL {
        for year in [Y2025, Y2026] {
            assert_eq!(codes(message, &[], year), (vec![], vec![]), "{year} {message}");
        }
    }
}

#[test]
fn the_header_is_compared_with_the_message() {
    let one = |from: &str, to: &str, in_2025: &[&str], in_2026: &[&str]| {
        check(messages::CREDIT_TRANSFER, &[(from, to)], in_2025, in_2026);
    };
    one(
        "<BizMsgIdr>M1",
        "<BizMsgIdr>X",
        &["business_message_id"],
        &["business_message_id"],
    );
    one("<BizMsgIdr>M1", "<BizMsgIdr>M1-A", &[], &["business_message_id"]);
    one(
        "<MsgDefIdr>pacs.008.001.08",
        "<MsgDefIdr>pacs.008.001.8",
        &["message_definition"],
        &["message_definition"],
    );
    one("cbprplus.03", "cbprplus.02", &["business_service"], &[]);
    one("<Prty>NORM", "<Prty>HIGH", &["priority"], &["priority"]);
    let (from, to) = ("from_is_not_instructing_agent", "to_is_not_instructed_agent");
    let others = [(
        "<To><FIId><FinInstnId><BICFI>DEUTDEFF",
        "<To><FIId><FinInstnId><BICFI>CHASUS33",
    )];
    check(messages::CREDIT_TRANSFER, &others, &[to], &[to]);
    let others = [(
        "<Fr><FIId><FinInstnId><BICFI>BNPAFRPP",
        "<Fr><FIId><FinInstnId><BICFI>CHASUS33",
    )];
    check(messages::CREDIT_TRANSFER, &others, &[from], &[from]);
    let copy = ("</CreDt>", "</CreDt><CpyDplct>COPY</CpyDplct>");
    check(messages::CREDIT_TRANSFER, &[copy, others[0]], &[], &[from]);
    let duplicate = ("</CreDt>", "</CreDt><CpyDplct>DUPL</CpyDplct>");
    check(messages::CREDIT_TRANSFER, &[duplicate, others[0]], &[from], &[from]);
    check(
        messages::NOTIFICATION,
        &[
            duplicate,
            ("</Id><!--Ntfctn-->", "</Id><CpyDplctInd>COPY</CpyDplctInd>"),
        ],
        &["copy_duplicate"],
        &["copy_duplicate"],
    );
}

#[test]
fn references_are_as_fin_wants_them() {
    let both = |message: &str, from: &str, to: &str, code: &str| check(message, &[(from, to)], &[code], &[code]);
    for id in ["/I1", "I1/", "I//1"] {
        both(
            messages::CREDIT_TRANSFER,
            "<InstrId>I1",
            &format!("<InstrId>{id}"),
            "slashes",
        );
        both(
            messages::RETURN,
            "<OrgnlInstrId>I1",
            &format!("<OrgnlInstrId>{id}"),
            "slashes",
        );
        both(
            messages::STATUS,
            "<OrgnlInstrId>I1",
            &format!("<OrgnlInstrId>{id}"),
            "slashes",
        );
        both(
            messages::NOTIFICATION,
            "<InstrId>I1",
            &format!("<InstrId>{id}"),
            "slashes",
        );
    }
    check(messages::CREDIT_TRANSFER, &[("<InstrId>I1", "<InstrId>I/1")], &[], &[]);
    both(
        messages::CREDIT_TRANSFER,
        "<EndToEndId>E1",
        "<EndToEndId> ",
        "end_to_end_id_empty",
    );
    check(messages::CREDIT_TRANSFER, &[("G001", "G004")], &[], &["service_level"]);
    both(
        messages::RETURN,
        "<OrgnlMsgNmId>MT103",
        "<OrgnlMsgNmId>MT101",
        "original_message_name",
    );
    both(
        messages::RETURN,
        "<OrgnlMsgNmId>MT103",
        "<OrgnlMsgNmId>pacs.008.001.8",
        "original_message_name",
    );
    check(
        messages::RETURN,
        &[("<OrgnlMsgNmId>MT103", "<OrgnlMsgNmId>pacs.008.001.08")],
        &[],
        &[],
    );
    let name = ("<OrgnlMsgNmId>pacs.008.001.08", "<OrgnlMsgNmId>MT103");
    check(messages::STATUS, &[name], &[], &["original_message_name"]);
    check(
        messages::INITIATION,
        &[("<PmtInfId>M1", "<PmtInfId>P1")],
        &[],
        &["payment_information_id"],
    );
}

#[test]
fn charges_and_amounts_agree() {
    let both = |message: &str, edits: &[(&str, &str)], codes: &[&str]| check(message, edits, codes, codes);
    let transfer = messages::CREDIT_TRANSFER;
    let charges = "<ChrgBr>DEBT</ChrgBr><ChrgsInf/>";
    both(transfer, &[("SHAR", "CRED")], &["charges_for_creditor"]);
    both(transfer, &[("<ChrgBr>SHAR</ChrgBr>", charges)], &[]);
    both(
        transfer,
        &[("<ChrgBr>SHAR</ChrgBr>", &format!("{charges}<ChrgsInf/>"))],
        &["charges_for_debtor"],
    );
    let instructed = "<InstdAmt Ccy='EUR'>10.00";
    both(
        transfer,
        &[(instructed, "<InstdAmt Ccy='EUR'>10.01")],
        &["charges_unexplained"],
    );
    both(transfer, &[(instructed, "<InstdAmt Ccy='EUR'>10")], &[]);
    both(transfer, &[(instructed, "<InstdAmt Ccy='USD'>10.01")], &[]);
    both(transfer, &[("'EUR'", "'XAU'")], &["settled_in_metal"]);
    both(transfer, &[("'EUR'", "'EUX'")], &["currency", "currency"]);
    let returned = "<RtrdIntrBkSttlmAmt Ccy='EUR'>10";
    both(
        messages::RETURN,
        &[(returned, "<RtrdIntrBkSttlmAmt Ccy='XPT'>10")],
        &["settled_in_metal"],
    );
    both(
        messages::RETURN,
        &[(returned, "<RtrdIntrBkSttlmAmt Ccy='EUR'>9")],
        &["partial_return"],
    );
    let part = ("<AddtlInf>all", "<AddtlInf>PART");
    both(
        messages::RETURN,
        &[(returned, "<RtrdIntrBkSttlmAmt Ccy='EUR'>9"), part],
        &[],
    );
    let reference = "<OrgnlTxRef><IntrBkSttlmDt>2026-06-01</IntrBkSttlmDt>";
    both(messages::RETURN, &[("<OrgnlTxRef>", reference)], &["original_twice"]);
}

#[test]
fn instructions_and_remittance_exclude_each_other() {
    let codes = |first: &str, second: &str| {
        format!(
            "<InstrForCdtrAgt><Cd>{first}</Cd></InstrForCdtrAgt><InstrForCdtrAgt><Cd>{second}</Cd></InstrForCdtrAgt>"
        )
    };
    for message in [messages::CREDIT_TRANSFER, messages::INITIATION] {
        for (first, second) in [("CHQB", "HOLD"), ("TELB", "PHOB")] {
            let edit = [("<!--InstrForCdtrAgt-->", &*codes(first, second))];
            check(message, &edit, &["instructions_exclude"], &["instructions_exclude"]);
        }
        let ustrd = "<RmtInf><Ustrd>x</Ustrd></RmtInf>";
        let strd = |count: usize| {
            format!(
                "<RmtInf><Strd><AddtlRmtInf>{}</AddtlRmtInf></Strd></RmtInf>",
                "x".repeat(count)
            )
        };
        let one = |to: &str, codes: &[&str]| check(message, &[(ustrd, to)], codes, codes);
        one("<RmtInf><Ustrd>x</Ustrd><Strd/></RmtInf>", &["remittance_two_forms"]);
        one(&strd(9000), &[]);
        one(&strd(9001), &["remittance_too_long"]);
    }
    let twice = [("<!--InstrForCdtrAgt-->", &*codes("CHQB", "CHQB"))];
    check(
        messages::CREDIT_TRANSFER,
        &twice,
        &["instruction_twice"],
        &["instruction_twice"],
    );
    check(messages::INITIATION, &twice, &[], &["instruction_twice"]);
    let related = [("<RmtInf>", "<RltdRmtInf/><RmtInf>")];
    check(
        messages::CREDIT_TRANSFER,
        &related,
        &["remittance_and_related"],
        &["remittance_and_related"],
    );
}

#[test]
fn statuses_and_entries_are_complete() {
    let reason = "<Rsn><Cd>AC04</Cd></Rsn>";
    check(
        messages::STATUS,
        &[(reason, "")],
        &["rejected_without_reason"],
        &["rejected_without_reason"],
    );
    check(messages::STATUS, &[(reason, ""), ("RJCT", "ACSP")], &[], &[]);
    let date = [("</StsRsnInf>", "</StsRsnInf><FctvIntrBkSttlmDt/>")];
    check(
        messages::STATUS,
        &date,
        &["rejected_with_date"],
        &["rejected_with_date"],
    );
    let date = "<ValDt><Dt>2026-06-01</Dt></ValDt>";
    check(messages::NOTIFICATION, &[(date, "")], &[], &["booked_without_date"]);
    check(messages::NOTIFICATION, &[(date, ""), ("BOOK", "PDNG")], &[], &[]);
    check(messages::NOTIFICATION, &[("<PgNb>1", "<PgNb>00")], &[], &["page_zero"]);
}

#[test]
fn identifiers_are_checked_wherever_they_are() {
    let both = |from: &str, to: &str, codes: &[&str]| check(messages::CREDIT_TRANSFER, &[(from, to)], codes, codes);
    both(
        "DE89370400440532013000",
        "DE89370400440532013001",
        &["iban_check_digits"],
    );
    both("<Ctry>FR", "<Ctry>FX", &["country"]);
    both("DEUTDEFF", "DEUTXXFF", &["bic_country"; 3]);
    both("213800KUD8LAJWSQ9D15", "213800KUD8LXJWSQ9D15", &["lei_check_digits"]);
}

#[test]
fn cbpr_narrows_the_schema() {
    let both =
        |edits: &[(&str, &str)], codes: &[&str]| check_restrictions(messages::CREDIT_TRANSFER, edits, codes, codes);
    both(&[("<InstrId>I1</InstrId>", "")], &["mandatory_in_cbpr"]);
    both(
        &[("<InstrId>I1", "<InstrId>12345678901234567")],
        &["instruction_id_length"],
    );
    both(
        &[("<UETR>174c245f-2682-4291-ad67-2a41e530cd27</UETR>", "")],
        &["mandatory_in_cbpr"],
    );
    both(&[("<UETR>174c", "<UETR>174C")], &["uetr"]);
    both(
        &[("<IntrBkSttlmDt>2026-06-01</IntrBkSttlmDt>", "")],
        &["mandatory_in_cbpr"],
    );
    both(&[("<Nm>Jane</Nm>", "<Nm>Jané</Nm>")], &["character_set"]);
    both(&[("<Nm>Jane</Nm>", "<Nm>Jane #1</Nm>")], &[]);
    both(&[("<InstrId>I1", "<InstrId>I#1")], &["character_set"]);
    let instructed = [("<InstdAmt Ccy='EUR'>10.00</InstdAmt>", "")];
    check_restrictions(messages::CREDIT_TRANSFER, &instructed, &[], &["mandatory_in_cbpr"]);
    let second = [("</CdtTrfTxInf>", "</CdtTrfTxInf><CdtTrfTxInf/>")];
    let (_, found) = codes(messages::CREDIT_TRANSFER, &second, Y2025);
    assert!(found.contains(&"one_payment"), "{found:?}");
}

#[test]
fn other_messages_have_no_rules() {
    let text = "<Document xmlns='urn:iso:std:iso:20022:tech:xsd:pacs.008.001.10'><FIToFICstmrCdtTrf/></Document>";
    let document = xml::read(text.as_bytes()).expect("well-formed");
    let message = Message::find(&document).0.expect("a message");
    assert_eq!(Kind::of(&message), None);
}
