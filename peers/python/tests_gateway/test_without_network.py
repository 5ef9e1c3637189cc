"""What a gateway answers when its network is gone. Last by its name: no network comes back."""

import unittest

import trial


class WithoutNetwork(unittest.TestCase):
    def test_nothing_is_made_up(self) -> None:
        client = trial.add_client("a")
        account = trial.payer(client)
        shop = trial.payee(trial.add_client("b"), "ALONE")
        trial.run("causeway-devnet", "down")
        answer = client.call("GET", f"/v1/accounts/{account['id']}")
        self.assertEqual((answer.status, answer.code), (503, "2003"), answer)
        self.assertIn("retry-after", answer.headers)
        opening = client.post("/v1/customers", {"party": {"name": "Too Late"}})["accounts"][0]
        self.assertEqual(opening["state"], "opening")
        sides = {"source": {"currency": "EUR", "value": "1.00"}, "target": {"currency": "EUR"}}
        quoted = client.post("/v1/quotes", {"account": opening["id"]} | sides)
        answer = client.call("POST", "/v1/remittances", trial.remittance_to(shop, quoted))
        self.assertEqual((answer.status, answer.code), (409, "4002"), answer)
        # What it knows itself, it still says.
        client.get("/health")
        self.assertEqual(len(client.get("/v1/accounts")["data"]), 2)


if __name__ == "__main__":
    unittest.main()
