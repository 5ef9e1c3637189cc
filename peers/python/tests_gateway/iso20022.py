"""Messages of ISO 20022 as the systems of banks and of their customers write them."""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:"

# Of the gateways' operators, as `scripts/gateway-trial` configures them.
BANK_A = "BNKADEF0"
BANK_B = "BNKBTHB0"


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def today() -> str:
    return datetime.now(UTC).date().isoformat()


def new_id() -> str:
    """As short as the shortest of ids, InstrId."""
    return uuid.uuid4().hex[:16]


def agent(name: str, bic: str) -> str:
    return f"<{name}><FinInstnId><BICFI>{bic}</BICFI></FinInstnId></{name}>"


def merchant(alias: str) -> str:
    """How a creditor's account is named that is found by a merchant's id."""
    return f"<Id><Othr><Id>{alias}</Id><SchmeNm><Prtry>merchant</Prtry></SchmeNm></Othr></Id>"


def own(account: Any) -> str:
    """How a customer of the gateway's names the account."""
    return f"<Id><Othr><Id>{account['id'].removeprefix('acc_')}</Id></Othr></Id>"


def envelope(kind: str, message_id: str, way: tuple[str, str], inside: str) -> bytes:
    """`way`: the BICs of who sends it and to whom."""
    sender, receiver = (f"<FIId><FinInstnId><BICFI>{bic}</BICFI></FinInstnId></FIId>" for bic in way)
    header = (
        f'<AppHdr xmlns="{NAMESPACE}head.001.001.02"><Fr>{sender}</Fr><To>{receiver}</To>'
        f"<BizMsgIdr>{message_id}</BizMsgIdr><MsgDefIdr>{kind}</MsgDefIdr><BizSvc>swift.cbprplus.03</BizSvc>"
        f"<CreDt>{now()}</CreDt></AppHdr>"
    )
    return f'<Envelope>{header}<Document xmlns="{NAMESPACE}{kind}">{inside}</Document></Envelope>'.encode()


def group(message_id: str, count: int = 1, rest: str = "<SttlmInf><SttlmMtd>INDA</SttlmMtd></SttlmInf>") -> str:
    return f"<GrpHdr><MsgId>{message_id}</MsgId><CreDtTm>{now()}</CreDtTm><NbOfTxs>{count}</NbOfTxs>{rest}</GrpHdr>"


@dataclass
class Transfer:
    """What a pacs.008 orders: a customer's money to somebody else's customer."""

    sender: str
    debtor_account: str
    creditor_account: str
    amount: tuple[str, str] = ("EUR", "10.00")
    # The most that the debtor pays, where it is another currency.
    instructed: tuple[str, str] | None = None
    creditor: str = "Nok Srisai"
    id: str = field(default_factory=new_id)
    uetr: str = field(default_factory=lambda: str(uuid.uuid4()))

    def message(self) -> bytes:
        (currency, amount), (paid_in, paid) = self.amount, self.instructed or self.amount
        address = "<PstlAdr><TwnNm>Berlin</TwnNm><Ctry>DE</Ctry></PstlAdr>"
        payment = (
            f"<PmtId><InstrId>{self.id}</InstrId><EndToEndId>E-{self.id}</EndToEndId><UETR>{self.uetr}</UETR></PmtId>"
            f'<IntrBkSttlmAmt Ccy="{currency}">{amount}</IntrBkSttlmAmt><IntrBkSttlmDt>{today()}</IntrBkSttlmDt>'
            f'<InstdAmt Ccy="{paid_in}">{paid}</InstdAmt><ChrgBr>DEBT</ChrgBr>'
            f"{agent('InstgAgt', self.sender)}{agent('InstdAgt', BANK_A)}"
            f"<Dbtr><Nm>Anna Schmidt</Nm>{address}</Dbtr><DbtrAcct>{self.debtor_account}</DbtrAcct>"
            f"{agent('DbtrAgt', BANK_A)}{agent('CdtrAgt', BANK_B)}"
            f"<Cdtr><Nm>{self.creditor}</Nm></Cdtr><CdtrAcct>{self.creditor_account}</CdtrAcct>"
            "<Purp><Cd>GDDS</Cd></Purp><RmtInf><Ustrd>Invoice 7</Ustrd></RmtInf>"
        )
        inside = f"<FIToFICstmrCdtTrf>{group(self.id)}<CdtTrfTxInf>{payment}</CdtTrfTxInf></FIToFICstmrCdtTrf>"
        return envelope("pacs.008.001.08", self.id, (self.sender, BANK_A), inside)


def original(transfer: Transfer) -> str:
    return (
        f"<OrgnlGrpInf><OrgnlMsgId>{transfer.id}</OrgnlMsgId><OrgnlMsgNmId>pacs.008.001.08</OrgnlMsgNmId></OrgnlGrpInf>"
        f"<OrgnlInstrId>{transfer.id}</OrgnlInstrId><OrgnlEndToEndId>E-{transfer.id}</OrgnlEndToEndId>"
        f"<OrgnlUETR>{transfer.uetr}</OrgnlUETR>"
    )


def recall(transfer: Transfer) -> bytes:
    """A camt.056."""
    currency, amount = transfer.amount
    message_id = new_id()
    assignment = (
        f"<Assgnmt><Id>{message_id}</Id><Assgnr>{agent('Agt', transfer.sender)}</Assgnr>"
        f"<Assgne>{agent('Agt', BANK_A)}</Assgne><CreDtTm>{now()}</CreDtTm></Assgnmt>"
    )
    case = f"<Case><Id>C-{message_id}</Id><Cretr>{agent('Agt', transfer.sender)}</Cretr></Case>"
    payment = (
        f"<CxlId>X-{message_id}</CxlId>{case}{original(transfer)}"
        f'<OrgnlIntrBkSttlmAmt Ccy="{currency}">{amount}</OrgnlIntrBkSttlmAmt>'
        f"<OrgnlIntrBkSttlmDt>{today()}</OrgnlIntrBkSttlmDt><CxlRsnInf><Rsn><Cd>CUST</Cd></Rsn></CxlRsnInf>"
    )
    inside = f"<FIToFIPmtCxlReq>{assignment}<Undrlyg><TxInf>{payment}</TxInf></Undrlyg></FIToFIPmtCxlReq>"
    return envelope("camt.056.001.08", message_id, (transfer.sender, BANK_A), inside)


def payment_return(sender: str, transfer: Transfer, amount: tuple[str, str] | None = None) -> bytes:
    """A pacs.004 to the creditor's operator: its customer could not be paid out."""
    currency, returned = amount or transfer.amount
    message_id = new_id()
    payment = (
        f"<RtrId>{message_id}</RtrId>{original(transfer)}"
        f'<RtrdIntrBkSttlmAmt Ccy="{currency}">{returned}</RtrdIntrBkSttlmAmt><IntrBkSttlmDt>{today()}</IntrBkSttlmDt>'
        f"{agent('InstgAgt', sender)}{agent('InstdAgt', BANK_B)}"
        f"<RtrChain><Dbtr>{agent('Agt', BANK_B)}</Dbtr><Cdtr>{agent('Agt', BANK_A)}</Cdtr></RtrChain>"
        "<RtrRsnInf><Rsn><Cd>AC04</Cd></Rsn></RtrRsnInf>"
    )
    inside = f"<PmtRtr>{group(message_id)}<TxInf>{payment}</TxInf></PmtRtr>"
    return envelope("pacs.004.001.09", message_id, (sender, BANK_B), inside)


@dataclass
class Line:
    """A transfer of a pain.001."""

    creditor_account: str
    amount: str = "1.00"
    operator: str = BANK_B
    id: str = field(default_factory=new_id)

    def written(self) -> str:
        return (
            f"<CdtTrfTxInf><PmtId><InstrId>{self.id}</InstrId><EndToEndId>E-{self.id}</EndToEndId>"
            f'<UETR>{uuid.uuid4()}</UETR></PmtId><Amt><InstdAmt Ccy="EUR">{self.amount}</InstdAmt></Amt>'
            f"{agent('CdtrAgt', self.operator)}<Cdtr><Nm>Nok Srisai</Nm></Cdtr>"
            f"<CdtrAcct>{self.creditor_account}</CdtrAcct></CdtTrfTxInf>"
        )


def initiation(debtor_account: str, lines: list[Line]) -> bytes:
    """A pain.001 without a header, as customers send it."""
    message_id = new_id()
    total = f"{sum(round(float(line.amount) * 100) for line in lines) / 100:.2f}"
    head = group(message_id, len(lines), f"<CtrlSum>{total}</CtrlSum><InitgPty><Nm>Anna Schmidt</Nm></InitgPty>")
    batch = (
        f"<PmtInf><PmtInfId>{message_id}</PmtInfId><PmtMtd>TRF</PmtMtd><ReqdExctnDt><Dt>{today()}</Dt></ReqdExctnDt>"
        f"<Dbtr><Nm>Anna Schmidt</Nm><PstlAdr><TwnNm>Berlin</TwnNm><Ctry>DE</Ctry></PstlAdr></Dbtr>"
        f"<DbtrAcct>{debtor_account}</DbtrAcct>{agent('DbtrAgt', BANK_A)}<ChrgBr>DEBT</ChrgBr>"
        f"{''.join(line.written() for line in lines)}</PmtInf>"
    )
    kind = "pain.001.001.09"
    return f'<Document xmlns="{NAMESPACE}{kind}"><CstmrCdtTrfInitn>{head}{batch}</CstmrCdtTrfInitn></Document>'.encode()
