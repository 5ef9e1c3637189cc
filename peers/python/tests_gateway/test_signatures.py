"""Requests that another library has signed (RFC 9421) instead of showing a token, and other operators' requests."""

import datetime
import hashlib
import json
import time
import unittest
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import trial
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from http_message_signatures import HTTPMessageSigner, HTTPSignatureKeyResolver, algorithms


@dataclass
class Message:
    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Signer:
    key: Ed25519PrivateKey
    key_id: str
    url: str

    def signed(self, method: str, target: str, body: bytes = b"", age: int = 0, **changed) -> Message:
        message = Message(method, self.url + target)
        covered = ["@method", "@target-uri"]
        if body:
            message.headers["content-type"] = "application/json"
            covered.append("content-type")
        if method == "POST" and "/network/" not in target:
            message.headers["idempotency-key"] = str(uuid.uuid4())
            covered.append("idempotency-key")
        terms = {
            "key_id": self.key_id,
            "nonce": uuid.uuid4().hex,
            "created": datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=age),
            "covered_component_ids": covered,
        } | changed
        resolver = Resolver(self.key)
        signer = HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=resolver)
        signer.sign(message, **terms, **({"body": body} if body else {}))
        return message

    def send(self, message: Message, body: bytes = b"") -> trial.Answer:
        target = message.url.removeprefix(self.url)
        return trial.request(self.url, message.method, target, message.headers, body or None)


@dataclass
class Resolver(HTTPSignatureKeyResolver):
    key: Ed25519PrivateKey

    def resolve_private_key(self, key_id: str) -> Ed25519PrivateKey:
        return self.key


def hexadecimal(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes_raw().hex()


CUSTOMER = json.dumps({"party": {"name": "Signed Person"}}).encode()


class Signatures(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.client = trial.add_client("a", "customers:write accounts:read")
        key = Ed25519PrivateKey.generate()
        added = ["causeway-gateway", "clients", "key", "--config", "a.toml", cls.client.id, hexadecimal(key)]
        cls.signer = Signer(key, json.loads(trial.run(*added))["key_id"], cls.client.url)

    def refused(self, message: Message, body: bytes = b"", code: str = "1011") -> None:
        answer = self.signer.send(message, body)
        self.assertEqual((answer.status, answer.code), (401 if code == "1011" else 403, code), answer)

    def test_a_signed_request_is_its_clients(self) -> None:
        made = self.signer.send(self.signer.signed("POST", "/v1/customers", CUSTOMER), CUSTOMER)
        self.assertEqual(made.status, 201, made)
        # By a token it is there too.
        self.client.get(f"/v1/customers/{made.json['id']}")
        self.assertEqual(self.signer.send(self.signer.signed("GET", "/v1/accounts?limit=3")).status, 200)
        self.refused(self.signer.signed("GET", "/v1/events"), code="1012")

    def test_a_nonce_is_good_once(self) -> None:
        message = self.signer.signed("GET", "/v1/accounts")
        self.assertEqual(self.signer.send(message).status, 200)
        self.refused(message)

    def test_what_was_altered_is_refused(self) -> None:
        def altered(**changes: str) -> Message:
            message = self.signer.signed("POST", "/v1/customers", CUSTOMER)
            message.headers |= {name.replace("_", "-"): value for name, value in changes.items()}
            return message

        self.refused(altered(idempotency_key="another"), CUSTOMER)
        self.refused(altered(content_type="application/json; charset=utf-8"), CUSTOMER)
        self.refused(altered(), CUSTOMER.replace(b"Signed", b"Zigned"))
        digest = hashlib.sha256(CUSTOMER).hexdigest()
        self.refused(altered(content_digest=f"sha-256=:{digest}:"), CUSTOMER)
        longer = self.signer.signed("GET", "/v1/accounts?limit=3")
        longer.url += "0"
        self.refused(longer)
        other = self.signer.signed("GET", "/v1/customers")
        other.url = other.url.replace("customers", "accounts")
        self.refused(other)

    def test_what_is_missing_is_missed(self) -> None:
        get = ("GET", "/v1/accounts")
        self.refused(self.signer.signed(*get, age=400))
        self.refused(self.signer.signed(*get, age=-400))
        self.refused(self.signer.signed(*get, nonce=None))
        self.refused(self.signer.signed(*get, key_id="key_0000000000000000"))
        self.refused(self.signer.signed(*get, covered_component_ids=["@method"]))
        self.refused(self.signer.signed(*get, covered_component_ids=["@target-uri"]))
        part = ["@method", "@target-uri", "content-type"]
        self.refused(self.signer.signed("POST", "/v1/customers", CUSTOMER, covered_component_ids=part), CUSTOMER)
        mine = Signer(Ed25519PrivateKey.generate(), self.signer.key_id, self.client.url)
        self.refused(mine.signed(*get))


class Operators(unittest.TestCase):
    """BANKA's key on the ledger, used by somebody who has it and no gateway."""

    @classmethod
    def setUpClass(cls) -> None:
        seed = bytes.fromhex(Path(trial.PLACES["bank_a_key"]).read_text().strip())
        key = Ed25519PrivateKey.from_private_bytes(seed)
        cls.signer = Signer(key, f"ed25519:{hexadecimal(key)}", trial.PLACES["b"])
        cls.payee = trial.payee(trial.add_client("b"), "SHOP1")

    def post(self, path: str, body: object) -> trial.Answer:
        raw = json.dumps(body).encode()
        return self.signer.send(self.signer.signed("POST", f"/v1/network/{path}", raw), raw)

    def order(self, **changed) -> dict:
        lookup = {"alias": {"kind": "merchant", "value": self.payee}, "name": "Nok Srisai"}
        found = self.post("aliases/resolve", lookup)
        self.assertEqual(found.status, 200, found)
        self.assertEqual(found.json["name_match"], "match")
        return {
            "uetr": str(uuid.uuid4()),
            "sender_operator": "BANKA",
            "beneficiary_operator": "BANKB",
            "sender": {"name": "Anna Schmidt"},
            "sender_account": found.json["deliver_to"],
            "beneficiary": {"name": "Nok Srisai"},
            "beneficiary_account": f"merchant:{self.payee}",
            "deliver_to": found.json["deliver_to"],
            "source": {"value": "1.00", "currency": "EUR"},
            "target": {"value": "1.00", "currency": "EUR"},
            "reserve_until": int(time.time()) + 60,
            "hold_seconds": 60,
        } | changed

    def test_an_order_is_taken_once_by_its_text(self) -> None:
        order = self.order()
        self.assertEqual(self.post("remittances", order).status, 201)
        self.assertEqual(self.post("remittances", order).status, 200)
        answer = self.post("remittances", order | {"reference": "another"})
        self.assertEqual((answer.status, answer.code), (409, "3009"))
        facts = f"remittances/{order['uetr']}/beneficiary/facts"
        self.assertEqual(self.post(facts, {"number": 0, "fact": "withdrawn"}).json["state"], "cancelled")
        self.assertEqual(self.post(facts, {"number": 0, "fact": "withdrawn"}).status, 200)
        answer = self.post(facts, {"number": 1, "fact": "paid_out"})
        self.assertEqual((answer.status, answer.code), (409, "3005"))

    def test_what_is_not_so_is_refused(self) -> None:
        order = self.order()
        foreign = order["deliver_to"][:-1] + ("q" if order["deliver_to"][-1] != "q" else "p")
        for changed, expected in (
            ({"beneficiary_account": "merchant:NOBODY"}, (422, "5001")),
            ({"sender_operator": "BANKB"}, (400, "1001")),
            ({"beneficiary_operator": "BANKC"}, (400, "1001")),
            ({"deliver_to": foreign}, (400, "1001")),
            ({"deliver_to": self.address_of_operator()}, (422, "5003")),
            ({"uetr": "1"}, (400, "1004")),
            ({"beneficiary": {"name": ""}}, (400, "1004")),
            ({"source": {"value": "1.00", "currency": "XXX"}}, (422, "1016")),
            ({"source": {"value": "1.001", "currency": "EUR"}}, (422, "1017")),
            ({"reference": "x" * 16_384}, (400, "1001")),
            ({"more": 1}, (400, "1001")),
        ):
            with self.subTest(changed):
                answer = self.post("remittances", order | {"uetr": str(uuid.uuid4())} | changed)
                self.assertEqual((answer.status, answer.code), expected, answer)

    def address_of_operator(self) -> str:
        external = trial.payee(trial.add_client("b"), "SHOP2", True)
        return self.post("aliases/resolve", {"alias": {"kind": "merchant", "value": external}}).json["deliver_to"]

    def test_facts_are_about_what_is_there_and_from_who_may_tell(self) -> None:
        for target in (f"remittances/{uuid.uuid4()}/beneficiary/facts", f"remittances/{uuid.uuid4()}/other/facts"):
            answer = self.post(target, {"number": 0, "fact": "withdrawn"})
            self.assertEqual((answer.status, answer.code), (404, "1014"))
        stranger = Ed25519PrivateKey.generate()
        for key_id in (f"ed25519:{hexadecimal(stranger)}", self.signer.key_id, "ed25519:00", "BANKA"):
            signer = Signer(stranger, key_id, self.signer.url)
            lookup = b'{"alias":{"kind":"merchant","value":"SHOP1"}}'
            answer = signer.send(signer.signed("POST", "/v1/network/aliases/resolve", lookup), lookup)
            self.assertEqual((answer.status, answer.code), (401, "1011"))


if __name__ == "__main__":
    unittest.main()
