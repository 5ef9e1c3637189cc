"""Merchants and orders: paid from a wallet, refunded, and refused by their codes."""

import unittest

import trial

SHOP = {"name": "Noodles", "city": "Bangkok", "country": "TH", "category": "5812"}


def baht(value: str) -> dict:
    return {"currency": "THB", "value": value}


class Orders(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.client = trial.add_client("a")
        cls.officer = trial.add_client("a", trial.all_scopes())
        cls.merchant = cls.client.post("/v1/merchants", SHOP)["id"]

    def refused(self, answer: trial.Answer, status: int, code: str) -> None:
        self.assertEqual((answer.status, answer.code), (status, code), answer)

    def order(self, **more: object) -> dict:
        return self.client.post("/v1/orders", {"merchant": self.merchant, "amount": baht("10.00")} | more)

    def pay(self, order: dict, value: str) -> None:
        memo = ["--memo", order["memo"]]
        trial.run("causeway", "pay", "--home", "provider.wallet", order["pay_to"], value, "THB", *memo)

    def becomes(self, order: dict, good) -> dict:
        return trial.until(lambda: self.client.get(f"/v1/orders/{order['id']}"), good)

    def test_an_order_is_paid_from_a_wallet_and_refunded(self) -> None:
        order = self.order(reference="A-1")
        self.pay(order, "10.00")
        paid = self.becomes(order, lambda now: now["state"] == "paid")
        refunds = f"/v1/orders/{order['id']}/refunds"
        self.client.post(refunds, {"amount": baht("4.00")})
        self.refused(self.client.call("POST", refunds, {"amount": baht("6.01")}), 409, "3014")
        self.becomes(order, lambda now: now["state"] == "partially_refunded")
        self.client.post(refunds, {})
        whole = self.becomes(order, lambda now: now["state"] == "refunded")
        self.assertEqual({one["state"] for one in whole["refunds"]}, {"settled"})
        self.refused(self.client.call("POST", refunds, {}), 409, "3012")
        place = paid["checkout_url"].removeprefix(self.client.url)
        page = trial.request(self.client.url, "GET", place, {})
        self.assertIn("10.00 THB", page.body.decode())
        receipt = trial.request(self.client.url, "GET", f"{place}/receipt", {})
        self.assertEqual(receipt.status, 200)
        proof = trial.FOLDER / f"{order['id']}.json"
        proof.write_bytes(receipt.body)
        shown = trial.run("causeway", "--json", "verify", "--home", "provider.wallet", str(proof))
        self.assertIn(paid["payment"]["transaction"], shown)

    def test_a_chargeback_goes_back_once(self) -> None:
        order = self.order()
        self.pay(order, "10.00")
        self.becomes(order, lambda now: now["state"] == "paid")
        asked = {"kind": "chargeback", "reason": "13.1", "amount": baht("10.00")}
        dispute = self.officer.post(f"/v1/orders/{order['id']}/disputes", asked)
        self.refused(self.client.call("POST", f"/v1/orders/{order['id']}/refunds", {}), 409, "3014")
        self.officer.post(f"/v1/disputes/{dispute['id']}/accept", {})
        self.refused(self.officer.call("POST", f"/v1/disputes/{dispute['id']}/reject", {}), 409, "3019")
        self.becomes(order, lambda now: now["state"] == "refunded")

    def test_another_amount_is_sent_back(self) -> None:
        order = self.order()
        self.pay(order, "9.99")
        stray = self.becomes(order, lambda now: [one["state"] for one in now["strays"]] == ["settled"])["strays"][0]
        self.assertEqual((stray["reason"], stray["amount"]), ("wrong_amount", baht("9.99")))

    def test_codes(self) -> None:
        orders = "/v1/orders"
        amount = baht("1.00")
        self.refused(self.client.call("POST", orders, {"merchant": "mer_1", "amount": amount}), 422, "5004")
        one = {"merchant": self.merchant, "amount": amount, "reference": "B-1"}
        self.client.post(orders, one)
        self.refused(self.client.call("POST", orders, one), 409, "3015")
        other = self.client.post("/v1/merchants", SHOP)["id"]
        self.refused(self.officer.call("POST", f"/v1/merchants/{other}/settle", {}), 409, "3018")
        self.officer.post(f"/v1/merchants/{other}/suspend", {})
        self.refused(self.client.call("POST", orders, {"merchant": other, "amount": amount}), 409, "3013")
        without = trial.add_client("c")
        self.refused(without.call("POST", "/v1/merchants", SHOP), 501, "2007")
        self.refused(without.call("POST", orders, {"merchant": other, "amount": amount}), 501, "2007")


if __name__ == "__main__":
    unittest.main()
