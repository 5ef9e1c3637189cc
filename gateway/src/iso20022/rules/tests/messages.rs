//! One message of each kind that keeps all rules of both years, as small as that can be. The
//! comments in them mark where tests put more.

/// A header for a message from BNPAFRPP to DEUTDEFF, and the envelope around both.
macro_rules! enveloped {
    ($message:literal, $body:literal) => {
        concat!(
            "<Envelope><AppHdr xmlns='urn:iso:std:iso:20022:tech:xsd:head.001.001.02'>",
            "<Fr><FIId><FinInstnId><BICFI>BNPAFRPP</BICFI></FinInstnId></FIId></Fr>",
            "<To><FIId><FinInstnId><BICFI>DEUTDEFF</BICFI></FinInstnId></FIId></To>",
            "<BizMsgIdr>M1</BizMsgIdr><MsgDefIdr>",
            $message,
            "</MsgDefIdr><BizSvc>swift.cbprplus.03</BizSvc><CreDt>2026-06-01T10:00:00Z</CreDt><Prty>NORM</Prty></AppHdr>",
            "<Document xmlns='urn:iso:std:iso:20022:tech:xsd:",
            $message,
            "'>",
            $body,
            "</Document></Envelope>"
        )
    };
}

pub const ALL: [&str; 5] = [CREDIT_TRANSFER, RETURN, STATUS, NOTIFICATION, INITIATION];

pub const CREDIT_TRANSFER: &str = enveloped!(
    "pacs.008.001.08",
    "<FIToFICstmrCdtTrf><GrpHdr><MsgId>M1</MsgId></GrpHdr><CdtTrfTxInf>
        <PmtId><InstrId>I1</InstrId><EndToEndId>E1</EndToEndId><UETR>174c245f-2682-4291-ad67-2a41e530cd27</UETR></PmtId>
        <PmtTpInf><InstrPrty>NORM</InstrPrty><SvcLvl><Cd>G001</Cd></SvcLvl></PmtTpInf>
        <IntrBkSttlmAmt Ccy='EUR'>10.0</IntrBkSttlmAmt><IntrBkSttlmDt>2026-06-01</IntrBkSttlmDt>
        <InstdAmt Ccy='EUR'>10.00</InstdAmt><ChrgBr>SHAR</ChrgBr>
        <InstgAgt><FinInstnId><BICFI>BNPAFRPP</BICFI></FinInstnId></InstgAgt>
        <InstdAgt><FinInstnId><BICFI>DEUTDEFF</BICFI></FinInstnId></InstdAgt>
        <Dbtr><Nm>Jane</Nm><PstlAdr><TwnNm>Paris</TwnNm><Ctry>FR</Ctry></PstlAdr>
            <Id><OrgId><LEI>213800KUD8LAJWSQ9D15</LEI></OrgId></Id></Dbtr>
        <DbtrAgt><FinInstnId><BICFI>BNPAFRPP</BICFI></FinInstnId></DbtrAgt>
        <CdtrAgt><FinInstnId><BICFI>DEUTDEFF</BICFI></FinInstnId></CdtrAgt>
        <Cdtr><Nm>John</Nm></Cdtr><CdtrAcct><Id><IBAN>DE89370400440532013000</IBAN></Id></CdtrAcct>
        <!--InstrForCdtrAgt--><RmtInf><Ustrd>x</Ustrd></RmtInf>
    </CdtTrfTxInf></FIToFICstmrCdtTrf>"
);

pub const RETURN: &str = enveloped!(
    "pacs.004.001.09",
    "<PmtRtr><GrpHdr><MsgId>M1</MsgId></GrpHdr><TxInf>
        <OrgnlGrpInf><OrgnlMsgNmId>MT103</OrgnlMsgNmId></OrgnlGrpInf><OrgnlInstrId>I1</OrgnlInstrId>
        <OrgnlIntrBkSttlmAmt Ccy='EUR'>10.0</OrgnlIntrBkSttlmAmt><OrgnlIntrBkSttlmDt>2026-05-31</OrgnlIntrBkSttlmDt>
        <RtrdIntrBkSttlmAmt Ccy='EUR'>10</RtrdIntrBkSttlmAmt>
        <RtrChain><Cdtr><Pty><Nm>John</Nm></Pty></Cdtr></RtrChain>
        <RtrRsnInf><Rsn><Cd>AC04</Cd></Rsn><AddtlInf>all</AddtlInf></RtrRsnInf><OrgnlTxRef></OrgnlTxRef>
    </TxInf></PmtRtr>"
);

pub const STATUS: &str = enveloped!(
    "pacs.002.001.10",
    "<FIToFIPmtStsRpt><GrpHdr><MsgId>M1</MsgId></GrpHdr><TxInfAndSts>
        <OrgnlGrpInf><OrgnlMsgNmId>pacs.008.001.08</OrgnlMsgNmId></OrgnlGrpInf><OrgnlInstrId>I1</OrgnlInstrId>
        <TxSts>RJCT</TxSts><StsRsnInf><Orgtr><Nm>Jane</Nm></Orgtr><Rsn><Cd>AC04</Cd></Rsn></StsRsnInf>
    </TxInfAndSts></FIToFIPmtStsRpt>"
);

pub const NOTIFICATION: &str = enveloped!(
    "camt.054.001.08",
    "<BkToCstmrDbtCdtNtfctn><GrpHdr><MsgId>M1</MsgId></GrpHdr><Ntfctn><Id>N1</Id><!--Ntfctn-->
        <NtfctnPgntn><PgNb>1</PgNb></NtfctnPgntn>
        <Ntry><Amt Ccy='EUR'>10</Amt><Sts><Cd>BOOK</Cd></Sts><ValDt><Dt>2026-06-01</Dt></ValDt>
            <NtryDtls><TxDtls><Refs><InstrId>I1</InstrId></Refs></TxDtls></NtryDtls></Ntry>
    </Ntfctn></BkToCstmrDbtCdtNtfctn>"
);

pub const INITIATION: &str = enveloped!(
    "pain.001.001.09",
    "<CstmrCdtTrfInitn><GrpHdr><MsgId>M1</MsgId></GrpHdr><PmtInf><PmtInfId>M1</PmtInfId>
        <Dbtr><Nm>Jane</Nm><PstlAdr><TwnNm>Paris</TwnNm><Ctry>FR</Ctry></PstlAdr></Dbtr>
        <DbtrAgt><FinInstnId><BICFI>BNPAFRPP</BICFI></FinInstnId></DbtrAgt>
        <CdtTrfTxInf><!--InstrForCdtrAgt--><RmtInf><Ustrd>x</Ustrd></RmtInf></CdtTrfTxInf>
    </PmtInf></CstmrCdtTrfInitn>"
);
