"""Bulks over HTTP: each line for itself, or all of them by one transaction of the ledger, or none."""

import unittest
from decimal import Decimal

import trial

HEADER = "name,account_kind,account,operator,currency,amount,reference,end_to_end_id\n"


def line(shop: str, amount: str = "1.00", currency: str = "EUR", **more: str) -> str:
    fields = {"name": "Nok Srisai", "operator": "BANKB", "reference": "", "end_to_end_id": ""} | more
    return (
        f"{fields['name']},merchant,{shop},{fields['operator']},{currency},{amount},{fields['reference']},"
        f"{fields['end_to_end_id']}\n"
    )


class Bulk(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.client = trial.add_client("a")
        cls.there = trial.add_client("b")
        cls.account = trial.payer(cls.client)
        address = cls.account["address"]
        trial.run("causeway", "issue", "--home", "provider.wallet", address, "1000.00", "THB", "--key", "CBTHB")
        cls.shop = trial.payee(cls.there, "BULK")
        cls.payee = cls.there.get("/v1/accounts")["data"][0]

    def post(self, lines: str, query: str = "", **headers: str) -> trial.Answer:
        target = f"/v1/bulk?account={self.account['id']}{query}"
        return self.client.call("POST", target, (HEADER + lines).encode(), {"Content-Type": "text/csv"} | headers)

    def refused(self, answer: trial.Answer, status: int, code: str) -> dict:
        self.assertEqual((answer.status, answer.code), (status, code), answer)
        return answer.json

    def over(self, answer: trial.Answer) -> tuple[dict, list[dict]]:
        """The bulk when all is done, with the report of each line."""
        self.assertEqual(answer.status, 202, answer)
        at = f"/v1/bulk/{answer.json['id']}"
        bulk = trial.until(lambda: self.client.get(at), lambda now: now["state"] == "completed")
        page = self.client.get(f"{at}/lines?limit=100")
        self.assertEqual((len(page["data"]), page["has_more"]), (bulk["lines"]["total"], False))
        return bulk, page["data"]

    def balance(self, client: trial.Client, account: dict, currency: str) -> Decimal:
        balances = client.get(f"/v1/accounts/{account['id']}")["balances"]
        available = (one["available"] for one in balances)
        return sum((Decimal(one["value"]) for one in available if one["currency"] == currency), Decimal(0))

    def test_each_line_goes_its_own_way_and_is_reported(self) -> None:
        lines = line(self.shop, end_to_end_id="E-1", reference="Rent") + line("NOBODYHASTHIS") + line(self.shop, "2.50")
        bulk, told = self.over(self.post(lines))
        self.assertEqual(bulk["mode"], "best_effort")
        self.assertEqual(bulk["lines"], {"total": 3, "waiting": 0, "made": 2, "paid": 0, "failed": 1})
        self.assertEqual([one["number"] for one in told], [1, 2, 3])
        self.assertEqual([one["state"] for one in told], ["made", "failed", "made"])
        self.assertEqual(told[0]["end_to_end_id"], "E-1")
        self.assertEqual(told[1]["problem"]["code"], "5001")
        self.assertNotIn("remittance", told[1])
        for one, amount in ((told[0], "1.00"), (told[2], "2.50")):
            done = trial.becomes(self.client, {"id": one["remittance"]}, "completed")
            self.assertEqual(done["target"], {"value": amount, "currency": "EUR"})

    def test_lines_that_are_exchanged(self) -> None:
        bulk, told = self.over(self.post(line(self.shop, "320.00", "THB"), "&source=EUR"))
        self.assertEqual(bulk["lines"]["made"], 1, told)
        done = trial.becomes(self.client, {"id": told[0]["remittance"]}, "completed")
        self.assertEqual((done["source"]["currency"], done["target"]["currency"]), ("EUR", "THB"))

    def test_the_same_request_pays_once(self) -> None:
        key = {"Idempotency-Key": "bulk-once"}
        first = self.post(line(self.shop), **key)
        again = self.post(line(self.shop), **key)
        self.assertEqual((again.status, again.json["id"]), (202, first.json["id"]))
        self.assertEqual(again.headers["idempotency-hit"], "true")
        self.refused(self.post(line(self.shop, "2.00"), **key), 422, "3001")
        self.over(first)

    def test_bad_lines_are_named_and_none_is_taken(self) -> None:
        before = len(self.client.get("/v1/remittances?limit=100")["data"])
        good = line(self.shop)
        # By the number in the text, of which the header is the first.
        bad = {
            3: line(self.shop, "1.001"),
            5: line(self.shop, "0.00"),
            6: line(self.shop, operator="BANKX"),
            7: line(self.shop, currency="XXX"),
            9: line(self.shop, name=""),
            10: "Nok Srisai,merchant\n",
            11: line(self.shop, reference="x" * 141),
        }
        text = "".join(bad.get(number, good) for number in range(2, 13))
        told = self.refused(self.post(text), 400, "1001")["details"]
        self.assertEqual([one["line"] for one in told["lines"]], sorted(bad))
        self.assertTrue(all(one["detail"] for one in told["lines"]))
        self.assertEqual(told["left_out"], 0)
        # All of these are wrong, and a hundred are told.
        told = self.refused(self.post(line(self.shop, "-1") * 150), 400, "1001")["details"]
        self.assertEqual((len(told["lines"]), told["left_out"]), (100, 50))
        self.assertEqual(len(self.client.get("/v1/remittances?limit=100")["data"]), before)

    def test_as_many_lines_as_there_may_be(self) -> None:
        # The last of 10,000 alone is wrong, so that none is paid.
        full = line(self.shop) * 9_999 + line(self.shop, "x")
        told = self.refused(self.post(full), 400, "1001")["details"]
        self.assertEqual([one["line"] for one in told["lines"]], [10_001])
        told = self.refused(self.post(full + line(self.shop)), 400, "1001")
        self.assertIn("10000", told["detail"])
        self.refused(self.post(""), 400, "1001")
        self.refused(self.post(line(self.shop, reference="x" * 70_000) * 70), 413, "1002")

    def test_what_is_no_table(self) -> None:
        target = f"/v1/bulk?account={self.account['id']}"
        for body in (b"", b"\xff\xfe", b"name\nNok\n", b"[]", HEADER.encode() + b'"Nok'):
            answer = self.client.call("POST", target, body, {"Content-Type": "text/csv"})
            self.refused(answer, 400, "1001")
        self.refused(self.client.call("POST", target, {}), 415, "1003")
        self.refused(self.post(line(self.shop), "&mode=some"), 400, "1010")
        other = "/v1/bulk?account=acc_1"
        answer = self.client.call("POST", other, (HEADER + line(self.shop)).encode(), {"Content-Type": "text/csv"})
        self.refused(answer, 422, "4001")

    def test_all_lines_by_one_transaction(self) -> None:
        # As many as there may be, in a currency without fees.
        before, has = self.balance(self.there, self.payee, "THB"), self.balance(self.client, self.account, "THB")
        bulk, told = self.over(self.post(line(self.shop, "1.50", "THB") * 64, "&mode=atomic"))
        self.assertEqual(bulk["lines"], {"total": 64, "waiting": 0, "made": 0, "paid": 64, "failed": 0}, told[0])
        self.assertEqual(len({one["transaction"] for one in told}), 1)
        self.assertTrue(all("remittance" not in one for one in told))
        self.assertEqual(self.balance(self.client, self.account, "THB"), has - 96)
        self.assertEqual(self.balance(self.there, self.payee, "THB"), before + 96)
        # The fees of a currency are one action more.
        bulk, told = self.over(self.post(line(self.shop) * 63, "&mode=atomic"))
        self.assertEqual(bulk["lines"]["paid"], 63, told[0])

    def test_more_lines_than_one_transaction_has(self) -> None:
        for lines in (line(self.shop, "1.00", "THB") * 65, line(self.shop) * 64):
            told = self.refused(self.post(lines, "&mode=atomic"), 422, "1015")
            self.assertEqual(told["type"], "urn:causeway:problem:atomic_too_large")
        told = self.refused(self.post(line(self.shop), "&mode=atomic&source=THB"), 400, "1004")
        self.assertEqual(told["param"], "source")

    def nothing_is_paid(self, lines: str, code: str) -> None:
        before = self.balance(self.client, self.account, "THB")
        bulk, told = self.over(self.post(lines, "&mode=atomic"))
        self.assertEqual(bulk["lines"]["failed"], bulk["lines"]["total"], told)
        self.assertEqual({one["problem"]["code"] for one in told}, {code}, told)
        self.assertEqual(self.balance(self.client, self.account, "THB"), before)

    def test_all_lines_or_none(self) -> None:
        good = line(self.shop, "1.00", "THB")
        # More than there is: the ledger refuses the good one too.
        self.nothing_is_paid(good + line(self.shop, "5000.00", "THB"), "3011")
        self.nothing_is_paid(good + line("NOBODYHASTHIS", "1.00", "THB"), "5001")
        self.nothing_is_paid(good + line(self.shop, "1.00", "THB", name="Zebulon Quimblethorpe"), "6001")
        away = trial.payee(self.there, "BULKAWAY", external=True)
        self.nothing_is_paid(good + line(away, "1.00", "THB"), "5003")


if __name__ == "__main__":
    unittest.main()
