"""Who may do what, on each path: of the description, and of the table in the gateway's own tests."""

import re
import unittest
from pathlib import Path

import trial

TABLE = Path(__file__).parents[3] / "gateway/src/service/routes.txt"

# Of each path with a parameter, a body that is well-formed.
BODIES = {
    "/answers": {"answers": {"a": "b"}},
    "/question": {"text": "Why?"},
    "/payout": {"result": "completed"},
    "/compliance": {"decision": "release"},
    "/stores": {"name": "Main street"},
    "/terminals": {"label": "till 1"},
}


def routes() -> list[tuple[str, str, str]]:
    """Method, path and scope, `anyone` or `operators`."""
    line = re.compile(r"(\w+) (\S+): ([\w:]+)(?:, .*)?")
    return [line.fullmatch(text).groups() for text in TABLE.read_text().splitlines()]


def body(method: str, path: str) -> object:
    if method not in ("POST", "PUT"):
        return None
    return next((its for end, its in BODIES.items() if path.endswith(end)), {})


def shop_of(client: trial.Client) -> dict[str, str]:
    """A merchant with a store and an order."""
    merchant = {"name": "Noodles", "city": "Bangkok", "country": "TH", "category": "5812"}
    merchant = client.post("/v1/merchants", merchant)
    store = client.post(f"/v1/merchants/{merchant['id']}/stores", {"name": "Main street"})
    amount = {"currency": "THB", "value": "1.00"}
    order = client.post("/v1/orders", {"merchant": merchant["id"], "amount": amount})
    return {"merchants": merchant["id"], "stores": store["id"], "orders": order["id"]}


class Access(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.every = trial.all_scopes().split(" ")
        cls.client = trial.add_client("a", " ".join(cls.every))

    def refused(self, answer: trial.Answer, status: int, code: str) -> None:
        self.assertEqual((answer.status, answer.code), (status, code), answer)

    def test_the_description_has_the_paths_of_the_table(self) -> None:
        document = trial.request(self.client.url, "GET", "/openapi.json", {}).json
        described = {
            (method.upper(), path): operation.get("security", [{}])[0].get("oauth", ["anyone"])[0]
            for path, item in document["paths"].items()
            for method, operation in item.items()
        }
        # Neither for clients: what operators tell each other, and the description itself.
        table = {(method, path): scope for method, path, scope in routes() if scope != "operators"}
        # And pages for people.
        pages = [f"/checkout/{{token}}{end}" for end in ("", "/events", "/receipt", "/code.svg")]
        for path in ("/openapi.json", "/docs", "/track/{token}", "/track/{token}/proof", *pages):
            del table["GET", path]
        self.assertEqual(described, table)

    def test_nobody_comes_in_without_a_token_or_with_another_scope(self) -> None:
        for method, path, scope in routes():
            target = path.replace("{id}", "rem_1").replace("{uetr}", "1").replace("{side}", "sender")
            with self.subTest(f"{method} {path}"):
                bare = trial.request(
                    self.client.url,
                    method,
                    target,
                    {"Content-Type": "application/json"},
                    b"{}" if method in ("POST", "PUT") else None,
                )
                if scope == "anyone":
                    self.assertNotIn(bare.status, (401, 403)) if path != "/oauth/token" else None
                    continue
                self.refused(bare, 401, "1011")
                others = [one for one in self.every if one != scope]
                if scope == "operators":
                    self.refused(self.client.call(method, target, body(method, path)), 401, "1011")
                    continue
                answer = self.client.call(
                    method, target, body(method, path), scope=" ".join(others).replace(" ", "%20")
                )
                self.refused(answer, 403, "1012")

    def test_a_client_without_the_scope_gets_no_token_for_it(self) -> None:
        narrow = trial.add_client("a", "events:read")
        with self.assertRaisesRegex(AssertionError, "invalid_scope"):
            narrow.token("accounts:read")

    def test_anothers_objects_are_not_there(self) -> None:
        owner, there = trial.add_client("a"), trial.add_client("b")
        account = trial.payer(owner)
        shop = trial.payee(trial.TEST_MODE, "TESTIGNORE")
        remittance = trial.remit(owner, account, shop)
        copy = trial.incoming(trial.TEST_MODE, remittance["uetr"], "reserved")
        webhook = owner.post("/v1/webhooks", {"url": "https://example.com/"})
        lines = b"name,account_kind,account,operator,currency,amount,reference,end_to_end_id\n"
        lines += f"Nok Srisai,merchant,{shop},BANKB,EUR,1.00,,\n".encode()
        target = f"/v1/bulk?account={account['id']}&source=EUR"
        bulk = owner.call("POST", target, lines, {"Content-Type": "text/csv"}).json
        ids = {
            "quotes": remittance["quote"],
            "remittances": remittance["id"],
            "customers": account["customer"],
            "accounts": account["id"],
            "events": owner.get("/v1/events?limit=1")["data"][0]["id"],
            "webhooks": webhook["id"],
            "bulk": bulk["id"],
            **shop_of(owner),
        }
        tried = 0
        for method, path, scope in routes():
            kind = path.split("/")[2] if path.startswith("/v1/") else ""
            # What the operator's officers do, they do with any client's.
            if "{id}" not in path or scope == "admin":
                continue
            # Bodies that are looked at first; the gateway's own tests try these paths.
            if path.endswith(("/card", "/pin", "/present", "/terms")):
                continue
            # Of what nobody has here, there is nothing for anybody.
            its = ids.get(kind, "none")
            for client, its in ((self.client, its), (there, copy["id"] if kind == "remittances" else its)):
                with self.subTest(f"{method} {path}"):
                    target = path.replace("{id}", its)
                    if path.endswith("/statement"):
                        target += "?currency=EUR&date=2026-01-01"
                    self.refused(client.call(method, target, body(method, path)), 404, "1014")
                    tried += 1
        self.assertGreater(tried, 20)
        order = trial.remittance_to(shop, trial.quote(owner, account))
        self.refused(self.client.call("POST", "/v1/remittances", order), 404, "1014")
        sides = {"source": {"currency": "EUR", "value": "1.00"}, "target": {"currency": "EUR"}}
        self.refused(self.client.call("POST", "/v1/quotes", {"account": account["id"]} | sides), 422, "4001")
        for kind in ("customers", "accounts", "remittances", "events", "webhooks"):
            mine = [one["id"] for one in self.client.get(f"/v1/{kind}")["data"]]
            self.assertFalse(set(mine) & set(ids.values()), kind)
        # It is all still there, as it was.
        self.assertEqual(owner.get(f"/v1/remittances/{remittance['id']}")["state"], "reserved")
        owner.post(f"/v1/remittances/{remittance['id']}/cancel", {})


if __name__ == "__main__":
    unittest.main()
