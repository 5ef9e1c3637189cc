use super::*;
use crate::iso20022::xml;

const TRANSFER: &str = "<Envelope><AppHdr xmlns='urn:iso:std:iso:20022:tech:xsd:head.001.001.02'>\
    <Fr><FIId><FinInstnId><BICFI>DEUTDEFF</BICFI></FinInstnId></FIId></Fr>\
    <To><FIId><FinInstnId><BICFI>GEBABEBB</BICFI></FinInstnId></FIId></To>\
    <BizMsgIdr>M1</BizMsgIdr><MsgDefIdr>pacs.008.001.08</MsgDefIdr><BizSvc>swift.cbprplus.03</BizSvc>\
    <CreDt>2026-03-31T10:30:00+02:00</CreDt></AppHdr>\
    <Document xmlns='urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08'><FIToFICstmrCdtTrf>\
    <GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-03-31T10:30:00+02:00</CreDtTm><NbOfTxs>1</NbOfTxs>\
    <SttlmInf><SttlmMtd>INDA</SttlmMtd></SttlmInf></GrpHdr>\
    <CdtTrfTxInf><PmtId><InstrId>I1</InstrId><EndToEndId>NOTPROVIDED</EndToEndId>\
    <UETR>174c245f-2682-4291-ad67-2a41e530cd27</UETR></PmtId>\
    <IntrBkSttlmAmt Ccy='EUR'>12.50</IntrBkSttlmAmt><IntrBkSttlmDt>2026-03-31</IntrBkSttlmDt>\
    <InstdAmt Ccy='JPY'>2000</InstdAmt><XchgRate>160.0</XchgRate><ChrgBr>SHAR</ChrgBr>\
    <InstgAgt><FinInstnId><BICFI>DEUTDEFF</BICFI></FinInstnId></InstgAgt>\
    <InstdAgt><FinInstnId><BICFI>GEBABEBB</BICFI></FinInstnId></InstdAgt>\
    <Dbtr><Nm>Jörg</Nm></Dbtr><DbtrAcct><Id><IBAN>DE89370400440532013000</IBAN></Id></DbtrAcct>\
    <DbtrAgt><FinInstnId><BICFI>DEUTDEFF</BICFI></FinInstnId></DbtrAgt>\
    <CdtrAgt><FinInstnId><BICFI>GEBABEBB</BICFI></FinInstnId></CdtrAgt>\
    <Cdtr><Nm>Anna</Nm></Cdtr><CdtrAcct><Id><Othr><Id>7</Id></Othr></Id></CdtrAcct>\
    <Purp><Cd>SALA</Cd></Purp><RmtInf><Ustrd>May</Ustrd></RmtInf>\
    </CdtTrfTxInf></FIToFICstmrCdtTrf></Document></Envelope>";

/// What is read of `text` after `from` in it became `to`.
fn edited<T>(text: &str, from: &str, to: &str, read: fn(&Message<'_>) -> Result<T, Refusal>) -> Result<T, Refusal> {
    assert!(text.contains(from), "{from}");
    let text = text.replace(from, to);
    let document = xml::read(text.as_bytes()).expect("well-formed");
    read(&Message::find(&document).0.expect("a message"))
}

#[test]
fn a_credit_transfer_is_typed() {
    let transfer = edited(TRANSFER, "M1", "M1", CreditTransfer::read).expect("right");
    assert_eq!(transfer.header.created, time::macros::utc_datetime!(2026-03-31 8:30));
    assert_eq!(transfer.end_to_end_id, None);
    assert_eq!(transfer.settled.amount().0, 1250);
    assert_eq!(
        transfer.instructed.map(|money| (money.amount().0, money.exponent())),
        Some((2000, 0))
    );
    assert_eq!(transfer.rate.map(|rate| rate.to_string()).as_deref(), Some("160"));
    assert_eq!(transfer.debtor.name.as_ref().map(Text::as_str), Some("Jorg"));
    assert_eq!(
        transfer.purpose,
        Some(Scheme::Code(Text::new("SALA").expect("of the set")))
    );
}

#[test]
fn a_refused_credit_transfer_has_its_reason_code() {
    let check = |from: &str, to: &str, reason: &str, place: &str| {
        let refusal = edited(TRANSFER, from, to, CreditTransfer::read).expect_err(to);
        let path = refusal.place.path.as_deref().unwrap_or_default();
        assert_eq!(
            (refusal.reason.as_str(), path.rsplit('/').next()),
            (reason, Some(place)),
            "{to}: {refusal}"
        );
    };
    check("DE89370400440532013000", "DE88370400440532013000", "AC02", "IBAN");
    check("<Othr><Id>7</Id></Othr>", "<IBAN>XX00</IBAN>", "AC03", "IBAN");
    check("<Othr><Id>7</Id></Othr>", "", "AC03", "CdtrAcct");
    check(">12.50<", ">0.00<", "AM01", "IntrBkSttlmAmt");
    check(">2000<", ">0<", "AM01", "InstdAmt");
    check(">12.50<", ">12345678901234567.00<", "AM02", "IntrBkSttlmAmt");
    check("Ccy='EUR'", "Ccy='XAU'", "AM03", "IntrBkSttlmAmt");
    check(" Ccy='EUR'", "", "AM11", "IntrBkSttlmAmt");
    check(">12.50<", ">12,50<", "AM12", "IntrBkSttlmAmt");
    check(">12.50<", ">12.505<", "CH20", "IntrBkSttlmAmt");
    check("<NbOfTxs>1<", "<NbOfTxs>2<", "AM18", "NbOfTxs");
    check("<Dbtr><Nm>Jörg</Nm></Dbtr>", "<Dbtr></Dbtr>", "BE08", "Dbtr");
    check("<Cdtr><Nm>Anna</Nm></Cdtr>", "<Cdtr></Cdtr>", "BE22", "Cdtr");
    check(
        "<Nm>Anna</Nm>",
        "<Nm>Anna</Nm><CtryOfRes>XX</CtryOfRes>",
        "BE09",
        "CtryOfRes",
    );
    check("SHAR", "ALL", "BE19", "ChrgBr");
    check(">160.0<", ">0<", "CH16", "XchgRate");
    check("<InstrId>I1</InstrId>", "", "CH21", "CdtTrfTxInf");
    check("<Cdtr><Nm>Anna</Nm></Cdtr>", "", "CH21", "CdtTrfTxInf");
    check(">2026-03-31<", ">2026-02-30<", "DT01", "IntrBkSttlmDt");
    check(">2026-03-31<", ">2026-02-28Z<", "DT01", "IntrBkSttlmDt");
    check("<CreDtTm>2026", "<CreDtTm>26", "DT02", "CreDtTm");
    check("174c245f", "174C245F", "FF01", "UETR");
    check("<InstrId>I1<", "<InstrId>/I1<", "FF01", "InstrId");
    check("<InstrId>I1<", "<InstrId>I1</InstrId><InstrId>I2<", "FF01", "PmtId");
    check("<MsgDefIdr>pacs.008", "<MsgDefIdr>pacs.009", "FF01", "MsgDefIdr");
    check("xsd:pacs.008.001.08", "xsd:pacs.008.001.09", "FF01", "Document");
    check("<BICFI>GEBABEBB<", "<BICFI>GEBAXXBB<", "RC01", "BICFI");
    check(
        "<CdtTrfTxInf>",
        "<CdtTrfTxInf/><CdtTrfTxInf>",
        "FF01",
        "FIToFICstmrCdtTrf",
    );
    check("NOTPROVIDED", "naïve", "RR10", "EndToEndId");
}

#[test]
fn a_refusal_becomes_the_status_of_the_message() {
    let refusal = edited(TRANSFER, "DE89", "DE88", CreditTransfer::read).expect_err("wrong digits");
    let reason = StatusReason::from(&refusal);
    assert_eq!(reason.reason, Reason::Code(ReasonCode::DEBTOR_ACCOUNT));
    let lines: Vec<_> = reason.additional.iter().map(Text::as_str).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines[0].starts_with("/Envelope/Document/FIToFICstmrCdtTrf/CdtTrfTxInf/DbtrAcct/Id/IBAN "),
        "{lines:?}"
    );
}

#[test]
fn where_the_creditor_pays_nothing_zero_is_charged() {
    let transfer = edited(TRANSFER, "SHAR", "CRED", CreditTransfer::read).expect("right");
    assert_eq!(transfer.charges, []);
    let written = String::from_utf8(write(&transfer)).expect("UTF-8");
    let charge = "<ChrgBr>CRED</ChrgBr><ChrgsInf><Amt Ccy=\"EUR\">0.00</Amt><Agt><FinInstnId><BICFI>DEUTDEFF<";
    assert!(written.contains(charge), "{written}");
}
