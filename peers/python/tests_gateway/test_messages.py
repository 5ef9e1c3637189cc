"""Messages of ISO 20022 over HTTP: each kind that is taken, each that answers, and what is refused with which code."""

import re
import sqlite3
import unittest
from contextlib import closing
from datetime import UTC, datetime, timedelta

import iso20022
import outside
import trial
from iso20022 import Line, Transfer, merchant, own

BANK = "BANKDEFF"
BANK_THERE = "BANKTHBK"

tearDownModule = outside.report


def post(client: trial.Client, xml: bytes) -> trial.Answer:
    headers = {"Content-Type": "application/xml", "Idempotency-Key": None}
    return client.call("POST", "/v1/iso20022/messages", xml, headers)


def order(client: trial.Client, xml: bytes) -> outside.Message:
    """One that is as it should be, and is answered by a message."""
    outside.valid(xml)
    answer = trial.until(lambda: post(client, xml), lambda answer: answer.status != 503)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/xml"), answer
    return outside.emitted(answer.body)


def messages(client: trial.Client, remittance: str) -> list[outside.Message]:
    """All about a remittance, in order."""
    found = []
    for listed in client.get(f"/v1/remittances/{remittance}/messages")["data"]:
        answer = client.call("GET", f"/v1/remittances/{remittance}/messages/{listed['number']}")
        assert (answer.status, answer.headers["content-type"]) == (200, "application/xml"), answer
        message = outside.emitted(answer.body)
        assert message.kind == listed["kind"], listed
        found.append(message)
    return found


def kinds(found: list[outside.Message]) -> list[tuple[str, ...]]:
    """With the state that a status report gives."""
    return [(message.kind[:8], *message.all("TxInfAndSts/TxSts")) for message in found]


def by_uetr(client: trial.Client, uetr: str) -> dict:
    page = client.get("/v1/remittances?limit=100")["data"]
    return next(one for one in page if one["uetr"] == uetr)


class Messages(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.bank = trial.add_client("a", trial.ALL, "--bic", BANK)
        cls.there = trial.add_client("b", trial.ALL, "--bic", BANK_THERE)
        cls.account = trial.payer(cls.bank)
        cls.shop = trial.payee(cls.there, "MESSAGES")

    def transfer(self, shop: str | None = None, **more) -> Transfer:
        return Transfer(BANK, own(self.account), merchant(shop or self.shop), **more)

    def sent(self, transfer: Transfer, state: str) -> dict:
        answer = order(self.bank, transfer.message())
        self.assertEqual(kinds([answer]), [("pacs.002", "ACCP")], answer.reasons)
        return trial.becomes(self.bank, by_uetr(self.bank, transfer.uetr), state)

    def refused(self, answer: outside.Message, kind: str, reason: str) -> None:
        self.assertEqual((answer.kind[:8], answer.reasons), (kind, [reason]))
        if kind == "pacs.002":
            self.assertEqual(answer.one("TxInfAndSts/TxSts"), "RJCT")

    def test_a_payment_is_reported_to_both_sides(self) -> None:
        transfer = self.transfer()
        first = order(self.bank, transfer.message())
        original = "TxInfAndSts/OrgnlGrpInf"
        self.assertEqual(first.one(f"{original}/OrgnlMsgId"), transfer.id)
        self.assertEqual(first.one("TxInfAndSts/OrgnlUETR"), transfer.uetr)
        self.assertEqual(first.one("TxInfAndSts/InstdAgt/FinInstnId/BICFI"), BANK)
        done = trial.becomes(self.bank, by_uetr(self.bank, transfer.uetr), "completed")
        found = messages(self.bank, done["id"])
        told = [("pacs.002", "ACCP"), ("pacs.002", "ACSP"), ("pacs.008",), ("pacs.002", "ACSC")]
        self.assertEqual(kinds(found), told)
        ids = [message.one("GrpHdr/MsgId") for message in found]
        self.assertEqual((len(set(ids)), ids[0]), (4, first.one("GrpHdr/MsgId")))
        there = trial.incoming(self.there, transfer.uetr, "completed")
        passed, credited = messages(self.there, there["id"])
        self.assertEqual(kinds([passed, credited]), [("pacs.008",), ("camt.054",)])
        payment = "CdtTrfTxInf"
        self.assertEqual(passed.one(f"{payment}/PmtId/UETR"), transfer.uetr)
        self.assertEqual(passed.one(f"{payment}/PmtId/EndToEndId"), f"E-{transfer.id}")
        self.assertEqual(passed.one(f"{payment}/IntrBkSttlmAmt"), "10.00")
        self.assertEqual(passed.one(f"{payment}/RmtInf/Ustrd"), "Invoice 7")
        details = "Ntfctn/Ntry/NtryDtls/TxDtls"
        self.assertEqual(credited.one("Ntfctn/Ntry/CdtDbtInd"), "CRDT")
        self.assertEqual(credited.one("Ntfctn/Ntry/Amt"), "10.00")
        self.assertEqual(credited.one(f"{details}/Refs/UETR"), transfer.uetr)
        self.assertEqual(credited.one(f"{details}/RltdPties/Dbtr/Pty/Nm"), "Anna Schmidt")

    def test_a_payment_with_an_exchange(self) -> None:
        transfer = self.transfer(amount=("THB", "300.00"), instructed=("EUR", "20.00"))
        done = self.sent(transfer, "completed")
        passed = next(message for message in messages(self.bank, done["id"]) if message.kind.startswith("pacs.008"))
        settled, sent, rate = (
            float(passed.one(f"CdtTrfTxInf/{name}")) for name in ("IntrBkSttlmAmt", "InstdAmt", "XchgRate")
        )
        self.assertEqual(sent, float(done["source"]["value"]))
        self.assertAlmostEqual(sent * rate, settled, places=2)
        # What is sent has whole cents: one fewer would not do.
        self.assertGreaterEqual(settled, 300)
        self.assertLess(settled, 300 + 0.01 * rate)
        # What would take more than the debtor has ordered is not sent.
        dear = self.transfer(amount=("THB", "300.00"), instructed=("EUR", "1.00"))
        self.refused(order(self.bank, dear.message()), "pacs.002", "AM09")

    def test_the_same_message_has_the_same_answer_and_another_with_its_id_is_refused(self) -> None:
        transfer = self.transfer()
        message = transfer.message()
        first, again = post(self.bank, message), post(self.bank, message)
        self.assertEqual((first.status, again.status, again.body), (200, 200, first.body))
        other = self.transfer(id=transfer.id)
        self.refused(order(self.bank, other.message()), "pacs.002", "DU01")
        self.refused(order(self.bank, self.transfer(uetr=transfer.uetr).message()), "pacs.002", "DU03")
        paid = [one for one in self.bank.get("/v1/remittances?limit=100")["data"] if one["uetr"] == other.uetr]
        self.assertEqual(paid, [])

    def test_what_is_refused_has_its_reason(self) -> None:
        tomorrow = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
        good = self.transfer().message().decode()
        rows = [
            # What is replaced by what, and why it is refused.
            (">10.00<", ">0.00<", "AM01"),
            (">10.00<", ">10.001<", "CH20"),
            ('Ccy="EUR">10.00</IntrBk', 'Ccy="XAU">10.00</IntrBk', "FF01"),
            ("<IntrBkSttlmDt>", f"<IntrBkSttlmDt>{tomorrow}</IntrBkSttlmDt><!--", "DT01"),
            (own(self.account), "<Id><Othr><Id>00000000000000000000000000000000</Id></Othr></Id>", "AC02"),
            (own(self.account), "<Id><IBAN>DE00370400440532013000</IBAN></Id>", "FF01"),
            (f">{self.shop}<", ">NOBODYHASTHIS<", "AC03"),
            ("merchant", "cheque", "AC03"),
            (iso20022.agent("CdtrAgt", iso20022.BANK_B), iso20022.agent("CdtrAgt", "DEUTDEFF"), "RC04"),
            (iso20022.agent("InstdAgt", iso20022.BANK_A), iso20022.agent("InstdAgt", "DEUTDEFF"), "FF01"),
            ("<NbOfTxs>1<", "<NbOfTxs>2<", "AM18"),
            ("<Cdtr><Nm>Nok Srisai</Nm></Cdtr>", "", "CH21"),
            ("<Dbtr>", "<UltmtDbtr><Nm>Carl Example</Nm></UltmtDbtr><Dbtr>", "AG03"),
            ("<Ctry>DE</Ctry>", "<Ctry>XX</Ctry>", "FF01"),
            (iso20022.BANK_A, "DEUTDEFF", "AGNT"),
            ("<MsgDefIdr>pacs.008", "<MsgDefIdr>pacs.009", "FF01"),
        ]
        for old, new, reason in rows:
            with self.subTest(f"{old} {new}"):
                fresh = self.transfer()
                text = good.replace(re.search("<MsgId>(.*?)<", good)[1], fresh.id)
                text = re.sub("<UETR>.*?<", f"<UETR>{fresh.uetr}<", text)
                self.assertIn(old, text)
                text = text.replace(old, new) if "<!--" not in new else re.sub(f"{old}.*?<", f"{new[:-4]}<!---->", text)
                answer = post(self.bank, text.encode())
                self.assertEqual(answer.status, 200, answer)
                told = outside.emitted(answer.body)
                self.refused(told, "pacs.002", reason)
                self.assertEqual(told.one("TxInfAndSts/OrgnlGrpInf/OrgnlMsgId"), fresh.id)

    def test_a_payment_that_the_other_side_refuses(self) -> None:
        transfer = self.transfer(trial.payee(trial.TEST_MODE, "TESTREFUSE"))
        last = messages(self.bank, self.sent(transfer, "refunded")["id"])[-1]
        self.refused(last, "pacs.002", "AC04")

    def test_a_payment_that_compliance_holds(self) -> None:
        transfer = self.transfer(creditor="Zebulon Quimblethorpe")
        held = self.sent(transfer, "compliance_hold")
        self.assertEqual(kinds(messages(self.bank, held["id"])), [("pacs.002", "ACCP"), ("pacs.002", "PDNG")])
        officer = trial.add_client("a", "admin")
        officer.post(f"/v1/remittances/{held['id']}/compliance", {"decision": "refuse"})
        trial.becomes(self.bank, held, "failed")
        last = messages(self.bank, held["id"])[-1]
        self.assertEqual((last.one("TxInfAndSts/TxSts"), len(last.reasons)), ("RJCT", 1))

    def test_a_recall(self) -> None:
        transfer = self.transfer(trial.payee(trial.TEST_MODE, "TESTIGNORE"))
        sent = self.sent(transfer, "reserved")
        request = iso20022.recall(transfer)
        answer = order(self.bank, request)
        self.assertEqual((answer.kind, answer.one("Sts/Conf")), ("camt.029.001.09", "CNCL"))
        self.assertEqual(answer.one("CxlDtls/TxInfAndSts/OrgnlUETR"), transfer.uetr)
        self.assertRegex(answer.one("CxlDtls/TxInfAndSts/RslvdCase/Id"), "^C-")
        self.assertEqual(trial.becomes(self.bank, sent, "cancelled")["state"], "cancelled")
        self.assertEqual(kinds(messages(self.bank, sent["id"]))[-1], ("camt.029",))
        self.assertEqual(post(self.bank, request).body, post(self.bank, request).body)

    def test_a_recall_that_is_too_late_or_of_nothing(self) -> None:
        transfer = self.transfer()
        self.sent(transfer, "completed")
        for recalled, reason in ((transfer, "AGNT"), (self.transfer(), "NOOR")):
            answer = order(self.bank, iso20022.recall(recalled))
            self.assertEqual(answer.one("Sts/Conf"), "RJCR")
            self.refused(answer, "camt.029", reason)

    def test_a_payment_that_comes_back(self) -> None:
        transfer = self.transfer(trial.payee(trial.TEST_MODE, "TESTRETURN", external=True))
        returned = messages(self.bank, self.sent(transfer, "returned")["id"])[-1]
        self.refused(returned, "pacs.004", "AC06")
        self.assertEqual(returned.one("TxInf/RtrdIntrBkSttlmAmt"), "10.00")
        self.assertEqual(returned.one("TxInf/OrgnlUETR"), transfer.uetr)

    def test_a_bank_sends_a_payment_back(self) -> None:
        transfer = self.transfer(trial.payee(self.there, "MESSAGESAWAY", external=True))
        sent = self.sent(transfer, "paying_out")
        there = trial.incoming(self.there, transfer.uetr, "paying_out")
        part = order(self.there, iso20022.payment_return(BANK_THERE, transfer, ("EUR", "9.00")))
        self.refused(part, "pacs.002", "AM09")
        unknown = order(self.there, iso20022.payment_return(BANK_THERE, self.transfer()))
        self.refused(unknown, "pacs.002", "AG09")
        answer = order(self.there, iso20022.payment_return(BANK_THERE, transfer))
        self.assertEqual(answer.one("TxInfAndSts/TxSts"), "ACSP")
        trial.becomes(self.bank, sent, "returned")
        for client, id in ((self.bank, sent["id"]), (self.there, there["id"])):
            self.refused(messages(client, id)[-1], "pacs.004", "AC04")

    def test_a_payment_that_has_arrived_does_not_come_back(self) -> None:
        transfer = self.transfer()
        done = self.sent(transfer, "completed")
        trial.incoming(self.there, transfer.uetr, "completed")
        self.refused(order(self.there, iso20022.payment_return(BANK_THERE, transfer)), "pacs.002", "FF12")
        self.assertEqual(self.bank.get(f"/v1/remittances/{done['id']}")["state"], "completed")

    def test_many_orders_in_one_message(self) -> None:
        lines = [Line(merchant(self.shop), f"{at + 1}.00") for at in range(3)]
        answer = order(self.bank, iso20022.initiation(own(self.account), lines))
        self.assertEqual(answer.kind, "pain.002.001.10")
        self.assertEqual(answer.one("OrgnlGrpInfAndSts/GrpSts"), "ACCP")
        bulk = f"/v1/bulk/bulk_{answer.one('GrpHdr/MsgId')[:32]}"
        trial.until(lambda: self.bank.get(bulk), lambda now: now["state"] == "completed")
        made = self.bank.get(f"{bulk}/lines")["data"]
        self.assertEqual([line["end_to_end_id"] for line in made], [f"E-{line.id}" for line in lines])
        self.assertEqual([line["target"]["value"] for line in made], ["1.00", "2.00", "3.00"])
        for line in made:
            trial.becomes(self.bank, {"id": line["remittance"]}, "completed")

    def test_orders_of_which_some_are_refused_and_all(self) -> None:
        good, bad = Line(merchant(self.shop)), Line(merchant(self.shop), operator="DEUTDEFF")
        answer = order(self.bank, iso20022.initiation(own(self.account), [good, bad]))
        self.assertEqual(answer.one("OrgnlGrpInfAndSts/GrpSts"), "PART")
        told = "OrgnlPmtInfAndSts/TxInfAndSts"
        self.assertEqual(answer.one(f"{told}/OrgnlEndToEndId"), f"E-{bad.id}")
        self.refused(answer, "pain.002", "RC04")
        answer = order(self.bank, iso20022.initiation(own(self.account), [bad]))
        self.assertEqual((answer.one("OrgnlGrpInfAndSts/GrpSts"), answer.reasons), ("RJCT", ["RC04"]))
        wrong = iso20022.initiation(own(self.account), [good]).replace(b"<CtrlSum>1.00<", b"<CtrlSum>2.00<")
        answer = order(self.bank, wrong)
        self.assertEqual((answer.one("OrgnlGrpInfAndSts/GrpSts"), answer.reasons), ("RJCT", ["AM10"]))

    def test_a_bank_speaks_for_itself_only(self) -> None:
        transfer = Transfer("DEUTDEFF", own(self.account), merchant(self.shop))
        answer = post(self.bank, transfer.message())
        self.assertEqual((answer.status, answer.code), (403, "1012"), answer)
        # A client without a BIC may send for any bank, and pays from its own accounts.
        other = trial.add_client("a")
        self.refused(order(other, transfer.message()), "pacs.002", "AC02")

    def test_no_kind_is_left_out(self) -> None:
        """Those that the gateway's sources write, each of which is held against its schema by some test here."""
        sources = (outside.REPOSITORY / "gateway/src/iso20022/payments").glob("*.rs")
        implemented = re.compile(r'impl Outgoing for \w+ \{\s+const MESSAGE: &\'static str = "([^"]+)"')
        written = {kind for path in sources for kind in implemented.findall(path.read_text())}
        written |= {"camt.053.001.08"}
        self.assertEqual(written | {outside.HEADER}, set(outside.MANDATORY))


class Statements(unittest.TestCase):
    """Both sides' accounts, by camt.054 entry by entry and by camt.053 of a day."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.bank = trial.add_client("a", trial.ALL, "--bic", BANK)
        cls.there = trial.add_client("b", trial.ALL, "--bic", BANK_THERE)
        cls.account = trial.payer(cls.bank, "100.00")
        shop = trial.payee(cls.there, "STATEMENTS")
        cls.shop = cls.there.get("/v1/accounts")["data"][0]
        cls.transfer = Transfer(BANK, own(cls.account), merchant(shop))
        order(cls.bank, cls.transfer.message())
        trial.becomes(cls.bank, by_uetr(cls.bank, cls.transfer.uetr), "completed")
        # Both gateways follow the ledger for themselves.
        trial.until(lambda: len(cls.entries(cls.bank, cls.account)), lambda count: count == 3)
        trial.until(lambda: len(cls.entries(cls.there, cls.shop)), lambda count: count == 1)

    @staticmethod
    def entries(client: trial.Client, account: dict) -> list[dict]:
        return client.get(f"/v1/accounts/{account['id']}/entries")["data"]

    def test_each_entry_has_its_notification(self) -> None:
        for client, account, expected in (
            (self.bank, self.account, {("CRDT", "100.00"), ("DBIT", "10.00"), ("DBIT", "1.01")}),
            (self.there, self.shop, {("CRDT", "10.00")}),
        ):
            told = set()
            for entry in self.entries(client, account):
                answer = client.call("GET", f"/v1/accounts/{account['id']}/notifications/{entry['id']}")
                self.assertEqual((answer.status, answer.headers["content-type"]), (200, "application/xml"), answer)
                found = outside.emitted(answer.body)
                self.assertEqual(found.kind, "camt.054.001.08")
                told.add((found.one("Ntfctn/Ntry/CdtDbtInd"), found.one("Ntfctn/Ntry/Amt")))
            self.assertEqual(told, expected)

    def statement(self, client: trial.Client, account: dict, day: str) -> outside.Message:
        answer = client.call("GET", f"/v1/accounts/{account['id']}/statement?currency=EUR&date={day}")
        self.assertEqual((answer.status, answer.headers["content-type"]), (200, "application/xml"), answer)
        found = outside.emitted(answer.body)
        self.assertEqual(found.kind, "camt.053.001.08")
        return found

    def balances(self, found: outside.Message) -> dict[str, str]:
        kinds, amounts = found.all("Stmt/Bal/Tp/CdOrPrtry/Cd"), found.all("Stmt/Bal/Amt")
        return dict(zip(kinds, amounts, strict=True))

    def test_a_day_with_nothing_in_it(self) -> None:
        found = self.statement(self.bank, self.account, "2026-01-01")
        self.assertEqual(self.balances(found), {"OPBD": "0.00", "CLBD": "0.00"})
        self.assertEqual(found.all("Stmt/Ntry"), [])

    def date_back(self, database: str, first: dict) -> str:
        """Sets all that was booked for an account, of which this is the first entry, back to a noon that is over."""
        noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=2)
        time_ms, place = (int(half, 16) for half in (first["id"][4:16], first["id"][16:]))
        with closing(sqlite3.connect(trial.FOLDER / database, timeout=30)) as file, file:
            at = (time_ms, place)
            ((account,),) = file.execute("SELECT account FROM entries WHERE time_ms = ? AND place = ?", at).fetchall()
            back = (time_ms - int(noon.timestamp() * 1000), account)
            file.execute("UPDATE entries SET time_ms = time_ms - ? WHERE account = ?", back)
        return noon.date().isoformat()

    def test_a_day_that_is_over_has_all_its_entries(self) -> None:
        """No test waits for midnight: in the databases, what was booked is dated back."""
        rows = (
            ("a.db", self.bank, self.account, "88.99", ["CRDT 100.00", "DBIT 1.01", "DBIT 10.00"]),
            ("b.db", self.there, self.shop, "10.00", ["CRDT 10.00"]),
        )
        for database, client, account, closing_balance, booked in rows:
            with self.subTest(database):
                day = self.date_back(database, self.entries(client, account)[0])
                found = self.statement(client, account, day)
                self.assertEqual(self.balances(found), {"OPBD": "0.00", "CLBD": closing_balance})
                entries = zip(found.all("Stmt/Ntry/CdtDbtInd"), found.all("Stmt/Ntry/Amt"), strict=True)
                self.assertEqual(sorted(map(" ".join, entries)), booked)
                self.assertIn(self.transfer.uetr, found.all("Stmt/Ntry/NtryDtls/TxDtls/Refs/UETR"))
                again = self.statement(client, account, day)
                self.assertEqual(again.one("GrpHdr/MsgId"), found.one("GrpHdr/MsgId"))
                after = (datetime.fromisoformat(day) + timedelta(days=1)).date().isoformat()
                later = self.statement(client, account, after)
                self.assertEqual(self.balances(later), {"OPBD": closing_balance, "CLBD": closing_balance})


if __name__ == "__main__":
    unittest.main()
