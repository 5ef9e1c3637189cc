use super::*;
use crate::iso20022::xml;

pub const TRANSFER: &str = "<Envelope><AppHdr xmlns='urn:iso:std:iso:20022:tech:xsd:head.001.001.02'>\
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
fn the_references_of_a_refused_message_are_kept_as_far_as_they_are_right() {
    let check = |from: &str, to: &str, expected: [Option<&str>; 5]| {
        let text = TRANSFER.replace("<NbOfTxs>1<", "<NbOfTxs>none<").replace(from, to);
        let document = xml::read(text.as_bytes()).expect("well-formed");
        let message = Message::find(&document).0.expect("a message");
        assert!(CreditTransfer::read(&message).is_err());
        let (original, uetr) = OriginalPayment::of_refused(&message);
        let uetr = uetr.map(|uetr| uetr.to_string());
        let found = [
            original.message.as_ref().map(|message| message.id.as_str()),
            original.message.as_ref().map(|message| message.name.as_str()),
            original.instruction_id.as_ref().map(Text::as_str),
            original.end_to_end_id.as_ref().map(Text::as_str),
            uetr.as_deref(),
        ];
        assert_eq!(found, expected, "{to}");
    };
    let (id, name) = (Some("M1"), Some("pacs.008.001.08"));
    let uetr = Some("174c245f-2682-4291-ad67-2a41e530cd27");
    check("NOTPROVIDED", "E1", [id, name, Some("I1"), Some("E1"), uetr]);
    check("<InstrId>I1<", "<InstrId>I//1<", [id, name, None, None, uetr]);
    check("174c245f", "174C245F", [id, name, Some("I1"), None, None]);
    check("<MsgId>M1<", "<MsgId>M_1<", [None, None, Some("I1"), None, uetr]);
}

#[test]
fn where_the_creditor_pays_nothing_zero_is_charged() {
    let transfer = edited(TRANSFER, "SHAR", "CRED", CreditTransfer::read).expect("right");
    assert_eq!(transfer.charges, []);
    let written = String::from_utf8(write(&transfer)).expect("UTF-8");
    let charge = "<ChrgBr>CRED</ChrgBr><ChrgsInf><Amt Ccy=\"EUR\">0.00</Amt><Agt><FinInstnId><BICFI>DEUTDEFF<";
    assert!(written.contains(charge), "{written}");
}

const ORDERS: &str = "<Document xmlns='urn:iso:std:iso:20022:tech:xsd:pain.001.001.09'><CstmrCdtTrfInitn>\
    <GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-03-31T10:30:00</CreDtTm><NbOfTxs>3</NbOfTxs><CtrlSum>2512.5</CtrlSum>\
    <InitgPty><Nm>Anna</Nm></InitgPty></GrpHdr>\
    <PmtInf><PmtInfId>B1</PmtInfId><PmtMtd>TRF</PmtMtd><NbOfTxs>2</NbOfTxs><CtrlSum>512.50</CtrlSum>\
    <ReqdExctnDt><Dt>2026-04-01</Dt></ReqdExctnDt><Dbtr><Nm>Anna</Nm></Dbtr>\
    <DbtrAcct><Id><IBAN>DE89370400440532013000</IBAN></Id></DbtrAcct>\
    <DbtrAgt><FinInstnId><BICFI>DEUTDEFF</BICFI></FinInstnId></DbtrAgt><ChrgBr>SHAR</ChrgBr>\
    <CdtTrfTxInf><PmtId><EndToEndId>E1</EndToEndId></PmtId><Amt><InstdAmt Ccy='EUR'>12.50</InstdAmt></Amt>\
    <Cdtr><Nm>Ben</Nm></Cdtr></CdtTrfTxInf>\
    <CdtTrfTxInf><PmtId><EndToEndId>E2</EndToEndId></PmtId><Amt><InstdAmt Ccy='JPY'>500</InstdAmt></Amt>\
    <ChrgBr>DEBT</ChrgBr><Cdtr><Nm>Cleo</Nm></Cdtr></CdtTrfTxInf></PmtInf>\
    <PmtInf><PmtInfId>B2</PmtInfId><PmtMtd>TRF</PmtMtd>\
    <ReqdExctnDt><DtTm>2026-04-01T09:00:00+02:00</DtTm></ReqdExctnDt><Dbtr><Nm>Anna</Nm></Dbtr>\
    <DbtrAcct><Id><Othr><Id>7</Id></Othr></Id></DbtrAcct>\
    <DbtrAgt><FinInstnId><BICFI>DEUTDEFF</BICFI></FinInstnId></DbtrAgt>\
    <CdtTrfTxInf><PmtId><EndToEndId>NOTPROVIDED</EndToEndId></PmtId>\
    <Amt><EqvtAmt><Amt Ccy='EUR'>2000</Amt><CcyOfTrf>JPY</CcyOfTrf></EqvtAmt></Amt>\
    <Cdtr><Nm>Dora</Nm></Cdtr></CdtTrfTxInf></PmtInf></CstmrCdtTrfInitn></Document>";

#[test]
fn orders_are_typed_by_batch() {
    let orders = edited(ORDERS, "M1", "M1", Initiation::read).expect("right");
    assert_eq!(orders.header, None);
    let executions: Vec<_> = orders.batches.iter().map(|batch| batch.execution).collect();
    let at_nine = Moment::Time(time::macros::utc_datetime!(2026-04-01 7:00));
    assert_eq!(executions, [Moment::Date(time::macros::date!(2026 - 04 - 01)), at_nine]);
    let transfers: Vec<_> = orders.batches.iter().flat_map(|batch| &batch.transfers).collect();
    let bearers: Vec<_> = transfers.iter().map(|transfer| transfer.charge_bearer).collect();
    assert_eq!(bearers, [Some(ChargeBearer::Shared), Some(ChargeBearer::Debtor), None]);
    let ids: Vec<_> = transfers
        .iter()
        .map(|transfer| transfer.end_to_end_id.as_ref().map(Text::as_str))
        .collect();
    assert_eq!(ids, [Some("E1"), Some("E2"), None]);
    let OrderedAmount::Equivalent { of, paid_in } = transfers[2].amount else {
        panic!("{:?}", transfers[2].amount);
    };
    assert_eq!((of.amount().0, paid_in.as_str()), (200_000, "JPY"));
}

#[test]
fn refused_orders_have_their_reason_code() {
    let check = |from: &str, to: &str, reason: &str, place: &str| {
        let refusal = edited(ORDERS, from, to, Initiation::read).expect_err(to);
        let path = refusal.place.path.as_deref().unwrap_or_default();
        assert_eq!(
            (refusal.reason.as_str(), path.rsplit('/').next()),
            (reason, Some(place)),
            "{to}: {refusal}"
        );
    };
    check("<NbOfTxs>3<", "<NbOfTxs>2<", "AM18", "NbOfTxs");
    check("<NbOfTxs>2<", "<NbOfTxs>+2<", "AM18", "NbOfTxs");
    check("<CtrlSum>2512.5<", "<CtrlSum>2512.51<", "AM10", "CtrlSum");
    check("<CtrlSum>512.50<", "<CtrlSum>five<", "AM10", "CtrlSum");
    check(">TRF<", ">CHK<", "AG03", "PmtMtd");
    check(">500<", ">0<", "AM01", "InstdAmt");
    check("DE89", "DE88", "AC02", "IBAN");
    check("<Cdtr><Nm>Ben</Nm></Cdtr>", "<Cdtr/>", "BE22", "Cdtr");
    check("<CcyOfTrf>JPY<", "<CcyOfTrf>YEN<", "AM11", "CcyOfTrf");
    check("<EndToEndId>E1<", "<EndToEndId>E_1<", "RR10", "EndToEndId");
    check("<PmtInfId>B2</PmtInfId>", "", "CH21", "PmtInf[2]");
}

/// As many as may be, and one more.
#[test]
fn orders_are_bounded() {
    let order = "<CdtTrfTxInf><PmtId><EndToEndId>E1</EndToEndId></PmtId>\
        <Amt><InstdAmt Ccy='EUR'>1</InstdAmt></Amt><Cdtr><Nm>Ben</Nm></Cdtr></CdtTrfTxInf>";
    let end = "</PmtInf></CstmrCdtTrfInitn>";
    let check = |more: usize, expected: Result<usize, &str>| {
        let text = ORDERS.replace("<CtrlSum>2512.5</CtrlSum>", "");
        let text = text.replace("<NbOfTxs>3<", &format!("<NbOfTxs>{}<", 3 + more));
        let read = edited(&text, end, &format!("{}{end}", order.repeat(more)), Initiation::read);
        let found = read.map(|orders| orders.batches.iter().map(|batch| batch.transfers.len()).sum());
        let found = found.map_err(|refusal| refusal.to_string());
        assert_eq!(found, expected.map_err(str::to_owned));
    };
    check(TRANSFERS_MAX - 3, Ok(TRANSFERS_MAX));
    let sentence = "/Document/CstmrCdtTrfInitn has 10001 CdtTrfTxInf; there may be at most 10000";
    check(TRANSFERS_MAX - 2, Err(sentence));
}
