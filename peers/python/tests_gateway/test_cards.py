"""Cards: refused by their codes, where a gateway has none and where a card's state does not allow it."""

import unittest

import trial


class Cards(unittest.TestCase):
    def test_a_gateway_without_cards_says_so_and_a_lost_card_stays_lost(self) -> None:
        client = trial.add_client("a", trial.all_scopes())
        account = client.post("/v1/customers", {"party": {"name": "Anna Schmidt"}})["accounts"][0]["id"]
        limit = {"currency": "EUR", "value": "50.00"}
        made = client.call("POST", "/v1/cards", {"account": account, "limit_payment": limit, "limit_day": limit})
        if made.status >= 500:
            self.assertEqual((made.status, made.code), (501, "2008"), made)
            return
        self.assertEqual(made.status, 201, made)
        card = f"/v1/cards/{made.json['id']}"
        client.post(f"{card}/lost", {})
        refused = client.call("POST", f"{card}/unblock", {})
        self.assertEqual((refused.status, refused.code), (409, "3017"), refused)
