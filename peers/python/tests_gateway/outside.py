"""What holds of a message of ISO 20022, by programs of others: Python's own XML parser, and `xmlschema` where ISO's
schemas are at hand. They are under `CAUSEWAY_VECTORS`, or beside the repository, and no part of it."""

import json
import os
import re
import sys
from collections import Counter
from datetime import datetime
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

from iso20022 import NAMESPACE

REPOSITORY = Path(__file__).parents[3]
VECTORS = Path(os.environ.get("CAUSEWAY_VECTORS") or REPOSITORY.parent / "shared/vectors") / "iso20022"

HEADER = "head.001.001.02"

# What the messages that the gateway writes must have, by ISO's message definitions and CBPR+'s usage guidelines.
MANDATORY = {
    HEADER: ["Fr/FIId/FinInstnId/BICFI", "To/FIId/FinInstnId/BICFI", "BizMsgIdr", "MsgDefIdr", "BizSvc", "CreDt"],
    "pacs.002.001.10": ["GrpHdr/MsgId", "GrpHdr/CreDtTm", "TxInfAndSts/OrgnlEndToEndId", "TxInfAndSts/TxSts"]
    + ["TxInfAndSts/InstgAgt/FinInstnId/BICFI", "TxInfAndSts/InstdAgt/FinInstnId/BICFI"],
    "pacs.004.001.09": ["GrpHdr/MsgId", "GrpHdr/CreDtTm", "GrpHdr/NbOfTxs", "GrpHdr/SttlmInf/SttlmMtd"]
    + ["TxInf/OrgnlUETR", "TxInf/RtrdIntrBkSttlmAmt", "TxInf/IntrBkSttlmDt", "TxInf/RtrRsnInf/Rsn/Cd"],
    "pacs.008.001.08": ["GrpHdr/MsgId", "GrpHdr/CreDtTm", "GrpHdr/NbOfTxs", "GrpHdr/SttlmInf/SttlmMtd"]
    + [f"CdtTrfTxInf/PmtId/{id}" for id in ("InstrId", "EndToEndId", "UETR")]
    + ["CdtTrfTxInf/IntrBkSttlmAmt", "CdtTrfTxInf/IntrBkSttlmDt", "CdtTrfTxInf/InstdAmt", "CdtTrfTxInf/ChrgBr"]
    + [f"CdtTrfTxInf/{agent}/FinInstnId/BICFI" for agent in ("InstgAgt", "InstdAgt", "DbtrAgt", "CdtrAgt")]
    + ["CdtTrfTxInf/Dbtr/Nm", "CdtTrfTxInf/Cdtr/Nm"],
    "pain.002.001.10": ["GrpHdr/MsgId", "GrpHdr/CreDtTm", "OrgnlGrpInfAndSts/OrgnlMsgId"]
    + ["OrgnlGrpInfAndSts/OrgnlMsgNmId", "OrgnlGrpInfAndSts/GrpSts"],
    "camt.029.001.09": ["Assgnmt/Id", "Assgnmt/Assgnr", "Assgnmt/Assgne", "Assgnmt/CreDtTm", "Sts/Conf"]
    + ["CxlDtls/TxInfAndSts/OrgnlUETR"],
    "camt.053.001.08": ["GrpHdr/MsgId", "GrpHdr/CreDtTm", "Stmt/Id", "Stmt/Acct/Id"]
    + [f"Stmt/Bal/{part}" for part in ("Tp/CdOrPrtry/Cd", "Amt", "CdtDbtInd", "Dt")],
    "camt.054.001.08": ["GrpHdr/MsgId", "GrpHdr/CreDtTm", "Ntfctn/Id", "Ntfctn/Acct/Id"]
    + [f"Ntfctn/Ntry/{part}" for part in ("Amt", "CdtDbtInd", "Sts/Cd", "BkTxCd")],
}

# External code sets of reasons, by the message and the element that has one.
REASONS = {
    ("pacs.002.001.10", "StsRsnInf"): "status_reason",
    ("pain.002.001.10", "StsRsnInf"): "status_reason",
    ("pacs.004.001.09", "RtrRsnInf"): "return_reason",
    ("camt.029.001.09", "CxlStsRsnInf"): "payment_cancellation_rejection",
}

FORMS = {
    r"(\w+)?UETR": r"[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89ab][a-f0-9]{3}-[a-f0-9]{12}",
    r"BICFI|AnyBIC": r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?",
    r"(\w+)?(MsgId|EndToEndId)": r"[^/].{0,34}",
    r"(\w+)?Amt|Sum": r"\d{1,17}(\.\d{1,5})?",
    r"(\w+)?NbOfTxs|NbOfNtries": r"\d{1,15}",
    r"CdtDbtInd": r"CRDT|DBIT",
}

# How many messages were held against which schema.
checked: Counter[str] = Counter()


class Message:
    """A message that was found to be as it should be."""

    def __init__(self, xml: bytes) -> None:
        root = ElementTree.fromstring(xml)
        self.document = root if root.tag.endswith("}Document") else find(root, "Document")
        self.header = next((part for part in root if part.tag == f"{{{NAMESPACE}{HEADER}}}AppHdr"), None)
        self.kind = self.document.tag.removeprefix(f"{{{NAMESPACE}").removesuffix("}Document")
        self.body = self.document[0]

    def all(self, path: str) -> list[str]:
        return texts(self.body, path)

    def one(self, path: str) -> str:
        found = self.all(path)
        assert len(found) == 1, f"{self.kind} has {len(found)} {path}"
        return found[0]

    @property
    def reasons(self) -> list[str]:
        return [reason.text or "" for reason in self.body.iterfind(".//{*}Rsn/{*}Cd")]


def find(node: ElementTree.Element, name: str) -> ElementTree.Element:
    found = [part for part in node if part.tag.rsplit("}", 1)[-1] == name]
    assert len(found) == 1, f"{len(found)} {name}"
    return found[0]


def texts(node: ElementTree.Element, path: str) -> list[str]:
    return [part.text or "" for part in node.iterfind("/".join(f"{{*}}{name}" for name in path.split("/")))]


def emitted(xml: bytes) -> Message:
    """A message of the gateway's, after all that can be said of it."""
    message = Message(xml)
    for kind, node in ((message.kind, message.body), (HEADER, message.header)):
        if node is None:
            # A customer who sends none gets none.
            assert message.kind == "pain.002.001.10", xml
            continue
        for path in MANDATORY[kind]:
            assert node.find("/".join(f"{{*}}{name}" for name in path.split("/"))) is not None, f"no {path}: {xml!r}"
        for part in node.iter():
            well_formed(part)
    if message.header is not None:
        assert texts(message.header, "MsgDefIdr") == [message.kind], xml
        ids = message.all("GrpHdr/MsgId") or message.all("Assgnmt/Id")
        assert texts(message.header, "BizMsgIdr") == ids, xml
    for (kind, element), codes in REASONS.items():
        if kind == message.kind:
            for part in message.body.iterfind(f".//{{*}}{element}/{{*}}Rsn/{{*}}Cd"):
                known = code_set(codes)
                assert known is None or part.text in known, f"{part.text} is no {codes} code"
    valid(xml)
    return message


def well_formed(part: ElementTree.Element) -> None:
    name, text = part.tag.rsplit("}", 1)[-1], part.text or ""
    assert len(part) or text.strip(), f"{name} is empty"
    for names, form in FORMS.items():
        if not len(part) and re.fullmatch(names, name):
            assert re.fullmatch(form, text), f"{name}: {text}"
    if "Ccy" in part.attrib:
        assert re.fullmatch("[A-Z]{3}", part.attrib["Ccy"]), part.attrib
    if name in ("CreDt", "CreDtTm"):
        assert datetime.fromisoformat(text).tzinfo is not None, text


def valid(xml: bytes) -> None:
    """By its schema and its header's, where these are at hand."""
    message = Message(xml)
    for kind, node in ((message.kind, message.document), (HEADER, message.header)):
        found = schema(kind) if node is not None else None
        if found is not None:
            found.validate(node)
            checked[kind] += 1


@cache
def schema(kind: str):
    path = VECTORS / f"xsd/{kind}.xsd"
    if not path.exists():
        print(f"SKIPPED: no schema at {path}; {kind} is held against no schema", file=sys.stderr)
        return None
    import xmlschema

    return xmlschema.XMLSchema(path)


@cache
def code_set(name: str) -> frozenset[str] | None:
    path = VECTORS / f"external-code-sets/external_{name}_code.json"
    if not path.exists():
        print(f"SKIPPED: no codes at {path}; reasons are held against no code set", file=sys.stderr)
        return None
    return frozenset(json.loads(path.read_text())["codes"])


def report() -> None:
    """Past the test runner, which says nothing of what went well."""
    for kind, count in sorted(checked.items()):
        print(f"xmlschema: {count} of {kind} against {kind}.xsd", file=sys.stderr)
