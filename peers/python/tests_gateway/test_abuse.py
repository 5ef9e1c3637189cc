"""What comes from those who mean harm: never a fault of the gateway's own, and nothing of it in an answer unescaped."""

import json
import socket
import re
import unittest
from urllib.parse import quote, urlsplit

import trial
from test_access import body, routes

TEXTS = [
    "' OR '1'='1",
    "'; DROP TABLE remittances; --",
    '" UNION SELECT * FROM clients --',
    "$1",
    "%",
    "_",
    "\\",
    "\x00",
    "\r\nX-Injected: 1",
    "../../../../etc/passwd",
    "..",
    ".",
    "{id}",
    "*",
    "<script>alert(1)</script>",
    '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    "{{7*7}}",
    "${jndi:ldap://127.0.0.1/a}",
    "\u202e\u0000\uffff",
    "😀" * 50,
    "\ud7ff",
    "A" * 5000,
    "-1",
    "9" * 40,
    "NaN",
    "true",
    "rem_" + "f" * 32,
]

BODIES = [
    b"",
    b"null",
    b"[]",
    b"[" * 20_000,
    b'{"a":' * 10_000,
    b"{" + b'"a":1,' * 5_000 + b'"a":1}',
    b'{"party":{"name":"\\ud800"}}',
    b"\xff\xfe{\x00}\x00",
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
    b'{"account":1e999}',
    b'{"account":' + b"9" * 10_000 + b"}",
    b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--x--",
]


class Abuse(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.client = trial.add_client("a", trial.all_scopes())

    def harmless(self, answer: trial.Answer, said: str = "") -> None:
        self.assertLess(answer.status, 500, answer)
        self.assertEqual(answer.headers["x-content-type-options"], "nosniff")
        self.assertNotIn("x-injected", answer.headers)
        if "<script" in said and "json" not in answer.headers["content-type"]:
            self.assertNotIn(b"<script", answer.body)

    def test_in_paths_and_queries(self) -> None:
        for method, path, _ in routes():
            if "{" in path:
                for text in TEXTS:
                    part = quote(text, safe="", errors="surrogatepass")
                    target = re.sub(r"{\w+}", lambda _: part, path)
                    with self.subTest(f"{method} {target[:200]}"):
                        answer = self.client.call(method, target, body(method, path))
                        self.harmless(answer, text)
                        self.assertGreaterEqual(answer.status, 400, answer)
            elif method == "GET" and path.startswith("/v1/"):
                for text in TEXTS:
                    for name in ("cursor", "limit", "after", "state", "more"):
                        part = quote(text, safe="", errors="surrogatepass")
                        self.harmless(self.client.call("GET", f"{path}?{name}={part}"), text)

    def test_in_bodies(self) -> None:
        for method, path, scope in routes():
            if method != "POST":
                continue
            target = path.replace("{id}", "rem_1").replace("{uetr}", "1").replace("{side}", "sender")
            for raw in BODIES:
                with self.subTest(f"{target} {raw[:40]}"):
                    for kind in ("application/json", "application/x-www-form-urlencoded", "application/xml"):
                        answer = self.client.call(method, target, raw, {"Content-Type": kind})
                        self.harmless(answer)
                        self.assertGreaterEqual(answer.status, 400, answer)

    def test_in_fields_of_bodies(self) -> None:
        account = {"address": "x"}
        for text in TEXTS:
            shapes = [
                ("/v1/customers", {"party": {"name": text}}),
                ("/v1/customers", {"party": {"name": "A"}, "iban": text}),
                ("/v1/customers", {"party": {"name": "A"}, "aliases": [{"kind": text, "value": text}]}),
                ("/v1/customers", {"party": {"name": "A", "address": {"town": text, "country": text}}}),
                (
                    "/v1/quotes",
                    {"account": text, "source": {"currency": text, "value": text}, "target": {"currency": "EUR"}},
                ),
                (
                    "/v1/quotes",
                    {"account": text, "source": {"currency": "EUR", "value": text}, "target": {"currency": "EUR"}},
                ),
                (
                    "/v1/remittances",
                    {"quote": text, "beneficiary": {"party": {"name": text}, "account": account, "operator": "BANKB"}},
                ),
                (
                    "/v1/remittances",
                    {
                        "quote": "x",
                        "beneficiary": {"party": {"name": "A"}, "account": {"iban": text}, "operator": text},
                    },
                ),
                ("/v1/aliases/resolve", {"account": {"merchant": text}, "name": "A"}),
                ("/v1/aliases/resolve", {"account": {"address": text}, "name": "A", "operator": "BANKB"}),
                ("/v1/webhooks", {"url": text}),
                ("/v1/webhooks", {"url": f"https://{text}/", "events": [text]}),
                ("/v1/remittances/rem_1/answers", {"answers": {text: text}}),
                ("/v1/remittances/rem_1/question", {"text": text, "fields": [text]}),
                ("/v1/remittances/rem_1/cancel", {"reason": {"code": text, "text": text}}),
            ]
            for target, fields in shapes:
                with self.subTest(f"{target} {text[:40]!r}"):
                    self.harmless(self.client.call("POST", target, json.dumps(fields).encode()), text)

    def test_in_headers(self) -> None:
        for text in (
            "x" * 6000,
            "' OR 1=1",
            "\xff\xfe",
            "Bearer",
            "Bearer a.b.c",
            "Basic !!!",
            "Basic Og==",
            "Bearer " + "x" * 5000,
        ):
            for name in (
                "Authorization",
                "Idempotency-Key",
                "Content-Type",
                "Signature-Input",
                "Signature",
                "Content-Digest",
            ):
                with self.subTest(f"{name}: {text[:40]!r}"):
                    self.harmless(self.client.call("POST", "/v1/customers", b"{}", {name: text}))
                    self.harmless(
                        self.client.call("POST", "/oauth/token", b"grant_type=client_credentials", {name: text})
                    )

    def test_what_is_no_http(self) -> None:
        place = urlsplit(self.client.url)
        for raw in (
            b"GET /../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET http://127.0.0.1/v1/accounts HTTP/1.1\r\nHost: a\r\n\r\n",
            b"POST /oauth/token HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
            b"POST /oauth/token HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy",
            b"POST /oauth/token HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
            b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 5000 + b"\r\n",
            b"\x16\x03\x01\x00\xa5\x01\x00\x00",
            b"\x00" * 100,
        ):
            with (
                self.subTest(raw[:60]),
                socket.create_connection((place.hostname, place.port), timeout=20) as connection,
            ):
                connection.sendall(raw)
                connection.shutdown(socket.SHUT_WR)
                try:
                    answer = connection.recv(4096)
                except ConnectionResetError:
                    continue
                self.assertRegex(answer or b"HTTP/1.1 400", rb"^HTTP/1\.1 4\d\d")
        self.assertEqual(trial.request(self.client.url, "GET", "/health", {}).status, 200)


if __name__ == "__main__":
    unittest.main()
