"""Bodies at the path of messages that are none, or mean harm: refused, and nothing of them is expanded or fetched."""

import socket
import unittest
from urllib.parse import urlsplit

import iso20022
import trial
from iso20022 import Transfer, merchant

MESSAGES = "/v1/iso20022/messages"

BODY_BYTES_MAX = 10 * 1024 * 1024

GOOD = Transfer("BANKDEFF", "<Id><Othr><Id>7</Id></Othr></Id>", merchant("NOBODY")).message()


def with_type(declaration: str, entity: str) -> bytes:
    """A good message with a document type, and an entity for the creditor's name."""
    return f"<!DOCTYPE Envelope [{declaration}]>".encode() + GOOD.replace(b"Nok Srisai", f"&{entity};".encode())


def laughs() -> str:
    """A billion of them."""
    levels = (f'<!ENTITY l{at} "{f"&l{at - 1};" * 10}">' for at in range(1, 10))
    return '<!ENTITY l0 "ha">' + "".join(levels)


REFUSED = {
    "nothing": b"",
    "no XML": b"{}",
    "not closed": GOOD[:-12],
    "closed in another order": b"<a><b></a></b>",
    "two roots": GOOD + GOOD,
    "text after the root": GOOD + b"x",
    "an attribute twice": GOOD.replace(b'<IntrBkSttlmAmt Ccy="EUR"', b'<IntrBkSttlmAmt Ccy="EUR" Ccy="USD"'),
    "a prefix of nothing": GOOD.replace(b"<Cdtr>", b"<x:Cdtr>").replace(b"</Cdtr>", b"</x:Cdtr>"),
    "an ampersand": GOOD.replace(b"Nok Srisai", b"Nok & Srisai"),
    "an entity of nothing": GOOD.replace(b"Nok Srisai", b"&nok;"),
    "a character that is none": GOOD.replace(b"Nok Srisai", b"&#0;"),
    "a surrogate": GOOD.replace(b"Nok Srisai", b"&#xD800;"),
    "not UTF-8": GOOD.replace(b"Nok Srisai", b"Nok \xff"),
    "another encoding": b'<?xml version="1.0" encoding="ISO-8859-1"?>' + GOOD.replace(b"Nok Srisai", b"Nok \xe9"),
    "half of UTF-16": GOOD.decode().encode("utf-16")[:-1],
    "a document type": b"<!DOCTYPE Envelope>" + GOOD,
    "an entity": with_type('<!ENTITY name "Nok">', "name"),
    "a billion laughs": with_type(laughs(), "l9"),
    "a long entity, often": with_type(f'<!ENTITY a "{"x" * 50_000}">', "a;" + "&a;" * 5_000 + "&a"),
    "a file": with_type('<!ENTITY file SYSTEM "file:///etc/passwd">', "file"),
    "an address": with_type(f'<!ENTITY far SYSTEM "http://{trial.PLACES["hooks"]}/">', "far"),
    "a parameter entity": with_type('<!ENTITY % far SYSTEM "file:///etc/passwd"> %far;', "name"),
    "a document type from elsewhere": b'<!DOCTYPE Envelope SYSTEM "file:///etc/passwd">' + GOOD,
    "a document type in UTF-16": with_type('<!ENTITY name "Nok">', "name").decode().encode("utf-16"),
    "very deep": b"<a>" * 100_000 + b"</a>" * 100_000,
    "very many elements": b"<a>" + b"<b/>" * 2_000_000 + b"</a>",
    "very many attributes": b"<a " + b" ".join(b'a%d="1"' % at for at in range(100_000)) + b"/>",
    "a very long attribute": b'<a b="' + b"x" * 9_000_000 + b'"/>',
    "a very long name": b"<" + b"a" * 9_000_000 + b"/>",
    "a comment without an end": b"<a><!--" + b"-" * 1_000_000,
    "CDATA without an end": b"<a><![CDATA[" + b"]" * 1_000_000,
    "another message": GOOD.replace(b"pacs.008.001.08", b"pacs.009.001.08"),
    "no message of ISO's": GOOD.replace(iso20022.NAMESPACE.encode(), b"urn:example:"),
    "no header": GOOD[GOOD.index(b"<Document") : GOOD.index(b"</Envelope>")],
    "a header that names nobody": GOOD.replace(b"<BICFI>BANKDEFF</BICFI>", b"", 1),
    "no id": GOOD.replace(b"<MsgId>", b"<MsgIdent>").replace(b"</MsgId>", b"</MsgIdent>"),
}


class Xml(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.client = trial.add_client("a", "iso20022:write remittances:read")

    def post(self, body, kind: str | None = "application/xml") -> trial.Answer:
        return self.client.call("POST", MESSAGES, body, {"Content-Type": kind, "Idempotency-Key": None})

    def refused(self, answer: trial.Answer, status: int, code: str) -> None:
        self.assertEqual((answer.status, answer.code), (status, code), answer)
        self.assertTrue(answer.json["detail"])
        self.assertNotIn(b"root:", answer.body)
        self.assertLess(len(answer.body), 2_000)

    def test_what_is_no_message(self) -> None:
        for what, body in REFUSED.items():
            with self.subTest(what):
                self.assertLessEqual(len(body), BODY_BYTES_MAX)
                self.refused(self.post(body), 400, "1001")
        # It was these changes that made them so: as it is, it is answered by a message.
        self.assertEqual(self.post(GOOD).status, 200)
        # Nothing has become of any.
        self.assertEqual(self.client.get("/v1/remittances")["data"], [])
        self.assertEqual(trial.request(self.client.url, "GET", "/health", {}).status, 200)

    def test_a_document_type_is_named_as_what_is_wrong(self) -> None:
        answer = self.post(REFUSED["a billion laughs"])
        self.refused(answer, 400, "1001")
        self.assertIn("document type", answer.json["detail"])
        self.assertEqual(answer.json["details"], {"line": 1, "column": 1})

    def test_the_same_text_in_another_encoding_is_the_same_message(self) -> None:
        text = Transfer("BANKDEFF", "<Id><Othr><Id>7</Id></Othr></Id>", merchant("NOBODY")).message().decode()
        answer = self.post(f'<?xml version="1.0" encoding="UTF-16"?>{text}'.encode("utf-16"))
        self.assertEqual((answer.status, answer.headers["content-type"]), (200, "application/xml"), answer)

    def test_other_types(self) -> None:
        for kind in ("application/json", "text/csv", "text/plain", "", None):
            self.refused(self.post(GOOD, kind), 415, "1003")
        for kind in ("text/xml", "application/xml; charset=utf-8", "Application/XML"):
            self.assertEqual(self.post(GOOD, kind).status, 200)

    def test_a_body_that_is_too_long(self) -> None:
        filled = GOOD.replace(b"</Envelope>", b" " * (BODY_BYTES_MAX - len(GOOD)) + b"</Envelope>")
        self.assertEqual((len(filled), self.post(filled).status), (BODY_BYTES_MAX, 200))
        # One byte more, whether it was said before or not; and no more of it is read.
        self.assertIn(b'"1002"', self.begun(f"Content-Length: {BODY_BYTES_MAX + 9}", b" " * (BODY_BYTES_MAX + 1)))
        megabyte = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
        self.assertIn(b'"1002"', self.begun("Transfer-Encoding: chunked", megabyte * 10 + b"1\r\n \r\n"))

    def begun(self, length: str, body: bytes) -> bytes:
        """The answer to a request that is not sent to its end."""
        place = urlsplit(self.client.url)
        head = (
            f"POST {MESSAGES} HTTP/1.1\r\nHost: {place.netloc}\r\nAuthorization: Bearer {self.client.token()}\r\n"
            f"Content-Type: application/xml\r\n{length}\r\n\r\n"
        )
        with socket.create_connection((place.hostname, place.port), timeout=30) as connection:
            connection.sendall(head.encode() + body)
            answer = connection.recv(4096)
        self.assertTrue(answer.startswith(b"HTTP/1.1 413 "), answer)
        return answer


if __name__ == "__main__":
    unittest.main()
