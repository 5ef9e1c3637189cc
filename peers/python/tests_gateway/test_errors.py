"""Every error that a client can bring about, by its code and status."""

import socket
import threading
import time
import unittest
import uuid
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import trial


class Errors(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.client = trial.add_client("a")
        cls.account = trial.payer(cls.client)
        cls.quoted = trial.quote(cls.client, cls.account)
        cls.asked_at = time.monotonic()
        there = trial.add_client("b")
        cls.shop = trial.payee(there, "ERRORS")
        cls.ignoring = trial.payee(trial.TEST_MODE, "TESTIGNORE")

    def refused(self, answer: trial.Answer, status: int, code: str, **more: str) -> None:
        self.assertEqual((answer.status, answer.code), (status, code), answer)
        told = answer.json
        self.assertEqual(told["status"], status)
        self.assertEqual(told["request_id"], answer.headers["x-request-id"])
        self.assertTrue(told["type"].startswith("urn:causeway:problem:") and told["title"] and told["detail"])
        for name, value in more.items():
            self.assertEqual(told.get(name), value, answer)

    def post(self, target: str, body: object, headers: dict | None = None) -> trial.Answer:
        return self.client.call("POST", target, body, headers)

    def quote_of(self, **changed: object) -> trial.Answer:
        body = {
            "account": self.account["id"],
            "source": {"currency": "EUR", "value": "1.00"},
            "target": {"currency": "EUR"},
        }
        return self.post("/v1/quotes", body | changed)

    def remit(self, **changed: object) -> trial.Answer:
        """At a quote without an exchange, which needs no liquidity provider."""
        return self.post("/v1/remittances", trial.remittance_to(self.shop, self.quote_of().json) | changed)

    def test_requests_that_are_not_as_they_should_be(self) -> None:
        party = {"party": {"name": "A B"}}
        customers = "/v1/customers"
        for body in (b"", b"{", b"[]", b'"x"', b"\xff", {"party": {"name": "A B"}, "more": 1}, {}):
            self.refused(self.post(customers, body), 400, "1001")
        self.refused(self.post(customers, party, {"Content-Type": "text/plain"}), 415, "1003")
        self.refused(self.post(customers, party, {"Content-Type": None}), 415, "1003")
        self.refused(self.post(customers, {"party": {"name": ""}}), 400, "1004", param="party.name")
        self.refused(self.post(customers, party | {"iban": "DE89370400440532013001"}), 400, "1004", param="iban")
        self.refused(self.client.call("GET", "/v1/nothing"), 404, "1005")
        answer = self.client.call("PUT", "/v1/quotes", b"{}")
        self.refused(answer, 405, "1006")
        self.assertEqual(answer.headers["allow"], "POST")
        self.refused(self.post(customers, party, {"Idempotency-Key": None}), 400, "1008")
        for key in ("", "x" * 65, "a b", "\xe9"):
            with self.subTest(key):
                answer = self.post(customers, party, {"Idempotency-Key": key})
                self.assertIn(answer.code, ("1008", "1009"))
        self.refused(self.post(customers, party, {"Idempotency-Key": "x" * 65}), 400, "1009")
        for query in ("limit=0", "limit=101", "limit=x", "more=1", "cursor=" + "x" * 65, "cursor=%00"):
            self.refused(self.client.call("GET", f"{customers}?{query}"), 400, "1010")
        self.refused(self.client.call("GET", "/v1/events?after=x"), 400, "1010")

    def test_bodies_are_bounded_in_length(self) -> None:
        body = b'{"party":{"name":"' + b"x" * 70_000 + b'"}}'
        self.refused(self.post("/v1/customers", body), 413, "1002")
        chunked = (body[at : at + 1000] for at in range(0, len(body), 1000))
        self.refused(self.post_chunks(chunked), 413, "1002")
        # What is read at all is read before anyone is known.
        self.refused(trial.request(self.client.url, "POST", "/oauth/token", {}, b"x" * 70_000), 413, "1002")

    def post_chunks(self, chunks) -> trial.Answer:
        fields = {"Authorization": f"Bearer {self.client.token()}", "Content-Type": "application/json"}
        return trial.request(self.client.url, "POST", "/v1/customers", fields | {"Idempotency-Key": "chunks"}, chunks)

    def test_bodies_are_bounded_in_time(self) -> None:
        place = urlsplit(self.client.url)
        with socket.create_connection((place.hostname, place.port), timeout=30) as connection:
            head = f"POST /oauth/token HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Length: 100\r\n\r\nslow"
            connection.sendall(head.encode())
            answer = connection.recv(4096)
        self.assertTrue(answer.startswith(b"HTTP/1.1 408 "), answer)
        self.assertIn(b'"1007"', answer)

    def test_who_asks_and_whether_they_may(self) -> None:
        self.refused(trial.request(self.client.url, "GET", "/v1/accounts", {}), 401, "1011")
        self.refused(self.client.call("GET", "/v1/accounts", scope="events:read"), 403, "1012")
        self.refused(self.client.call("GET", "/v1/accounts/acc_1"), 404, "1014")

    def test_a_client_that_asks_too_often_is_told_when_to_come_back(self) -> None:
        often = trial.add_client("c")
        often.token()
        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda _: often.call("GET", "/v1/accounts"), range(20)))
        self.assertEqual({answer.headers["ratelimit-policy"] for answer in answers}, {'"client";q=6;w=3'})
        refused = [answer for answer in answers if answer.status != 200]
        self.assertTrue(refused)
        for answer in refused:
            self.refused(answer, 429, "1013")
        time.sleep(max(int(answer.headers["retry-after"]) for answer in refused))
        self.assertEqual(often.call("GET", "/v1/accounts").status, 200)

    def test_amounts_and_quotes(self) -> None:
        def side(currency: str, value: str | None = None) -> dict:
            return {"currency": currency} | ({} if value is None else {"value": value})

        self.refused(self.quote_of(source=side("XXX", "1")), 422, "1016", param="source")
        self.refused(self.quote_of(target=side("XXX")), 422, "1016", param="target")
        for value in ("1.001", "0.00", "-1", "x", "1e3", "", "18446744073709551616", "1" * 60):
            self.refused(self.quote_of(source=side("EUR", value)), 422, "1017")
        self.refused(self.quote_of(source=side("EUR", "184467440737095516.15")), 422, "1017")
        self.refused(self.quote_of(source=side("EUR")), 400, "1004")
        self.refused(self.quote_of(target=side("EUR", "1.00")), 400, "1004")
        self.refused(self.quote_of(account="acc_1"), 422, "4001", param="account")
        self.refused(self.quote_of(target=side("KWD")), 503, "2005")

    def test_a_gateway_without_a_bic(self) -> None:
        # That gateway has no BIC, by which a statement would name it.
        without = trial.add_client("c")
        account = without.post("/v1/customers", {"party": {"name": "Anna Schmidt"}})["accounts"][0]
        statement = f"/v1/accounts/{account['id']}/statement?currency=EUR&date=2026-01-01"
        self.refused(without.call("GET", statement), 501, "2006")

    def test_keys_are_for_one_request(self) -> None:
        party = {"party": {"name": "Key Holder"}}
        key = {"Idempotency-Key": str(uuid.uuid4())}
        first: list[trial.Answer] = []
        running = threading.Thread(target=lambda: first.append(self.post("/v1/customers", party, key)))
        running.start()
        second = self.post("/v1/customers", party, key)
        running.join()
        # Opening an account takes longer than asking.
        one, other = sorted([first[0], second], key=lambda answer: answer.status)
        self.assertEqual(one.status, 201)
        self.refused(other, 409, "3002")
        again = self.post("/v1/customers", party, key)
        self.assertEqual((again.status, again.body, again.headers["idempotency-hit"]), (201, one.body, "true"))
        self.refused(self.post("/v1/customers", {"party": {"name": "Another"}}, key), 422, "3001")

    def test_quotes_are_used_once_and_in_time(self) -> None:
        quoted = self.quote_of().json
        order = trial.remittance_to(self.shop, quoted)
        made = self.client.post("/v1/remittances", order)
        self.refused(self.post("/v1/remittances", order), 409, "3003", param="quote")
        self.assertEqual(self.client.get(f"/v1/quotes/{quoted['id']}")["remittance"], made["id"])
        late = trial.remittance_to(self.shop, self.quoted)
        time.sleep(max(0.0, 21 - (time.monotonic() - self.asked_at)))
        self.refused(self.post("/v1/remittances", late), 409, "3004", param="quote")
        self.refused(self.remit(quote="quote_1"), 404, "1014", param="quote")

    def test_payees(self) -> None:
        nobody = {"party": {"name": "Nok"}, "account": {"merchant": "NOBODY"}, "operator": "BANKB"}
        self.refused(self.remit(beneficiary=nobody), 422, "5001", param="beneficiary.account")
        self.refused(self.remit(beneficiary=nobody | {"operator": "BANKX"}), 422, "5002", param="beneficiary.operator")
        lookup = {"account": {"merchant": "NOBODY"}, "name": "Nok"}
        self.refused(self.post("/v1/aliases/resolve", lookup), 422, "5001", param="account")
        away = trial.add_client("c").call("POST", "/v1/aliases/resolve", lookup | {"operator": "BANKC"})
        self.refused(away, 503, "2004")

    def test_what_is_taken(self) -> None:
        uetr = str(uuid.uuid4())
        self.assertEqual(self.remit(uetr=uetr).status, 201)
        self.refused(self.remit(uetr=uetr), 409, "3007", param="uetr")
        alias = {"party": {"name": "A B"}, "aliases": [{"kind": "email", "value": f"{uetr}@example.com"}]}
        self.client.post("/v1/customers", alias)
        self.refused(self.post("/v1/customers", alias), 409, "3008")
        many = trial.add_client("a", "webhooks:write")
        url = {"url": "https://example.com/"}
        for _ in range(100):
            many.post("/v1/webhooks", url)
        self.refused(many.call("POST", "/v1/webhooks", url), 409, "3010")

    def test_states_that_do_not_allow_it(self) -> None:
        done = trial.becomes(self.client, self.remit().json, "completed")
        at = f"/v1/remittances/{done['id']}"
        self.refused(self.post(f"{at}/cancel", {}), 409, "3006")
        self.refused(self.post(f"{at}/accept", {}), 409, "3005")
        self.refused(self.post(f"{at}/answers", {"answers": {"a": "b"}}), 409, "3005")
        copy = trial.incoming(trial.TEST_MODE, self.ignored()["uetr"], "reserved")
        self.refused(trial.TEST_MODE.call("POST", f"/v1/remittances/{copy['id']}/cancel", {}), 409, "3005")

    def ignored(self) -> dict:
        return self.client.post("/v1/remittances", trial.remittance_to(self.ignoring, self.quote_of().json))


if __name__ == "__main__":
    unittest.main()
