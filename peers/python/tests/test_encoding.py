import unittest
from pathlib import Path

from causeway_peer import encoding, types
from causeway_peer.encoding import Malformed, varint


GOLDEN = Path(__file__).parents[3] / "contracts/src/codec/tests/golden.txt"


class Encoding(unittest.TestCase):
    def test_integers_take_the_shortest_form(self):
        for value, expected in [
            (0, "00"),
            (250, "fa"),
            (251, "fbfb00"),
            (65_535, "fbffff"),
            (65_536, "fc00000100"),
            (2**32, "fd0000000001000000"),
            (2**64 - 1, "fdffffffffffffffff"),
        ]:
            self.assertEqual(varint(value).hex(), expected)
        for value in (-1, 2**64):
            with self.assertRaises(Malformed):
                varint(value)

    def test_one_byte_integers_are_no_varints(self):
        self.assertEqual(encoding.u8(255), b"\xff")

    def test_text_and_codes(self):
        self.assertEqual(encoding.text(8)("né"), b"\x03n\xc3\xa9")
        self.assertEqual(types.CURRENCY("CNY"), b"CNY\0\0\0\0\0")
        for bad in ("cny", "CN", "CNYCNYCNY", "C Y"):
            with self.assertRaises(Malformed):
                types.CURRENCY(bad)

    def test_variants_by_place(self):
        outcome = {"rejected": {"action": 2, "reason": "insufficient_funds"}}
        receipt = {"subject": {"transaction": "00" * 32}, "index": 300, "outcome": outcome, "trades": []}
        self.assertEqual(types.RECEIPT(receipt), b"\0" + bytes(32) + b"\xfb\x2c\x01" + b"\1\2\x09\0")

    def test_reasons_are_those_of_the_golden_bytes(self):
        lines = (line.split() for line in GOLDEN.read_text().splitlines())
        reasons = {name: reason for name, reason in lines if name.startswith("rejection.")}
        self.assertEqual(reasons, {f"rejection.{place}": name for place, name in enumerate(types.REASONS)})

    def test_actions_about_purses_are_those_of_the_golden_bytes(self):
        golden = dict(line.split() for line in GOLDEN.read_text().splitlines())
        account, bank = "01" * 20, {"operator": "BANKA"}
        written = golden["action.offline.grant"]
        message = written[4 + 40 + 2 :]
        rows = {
            "open_currency": {"currency": "CNY", "fund": account},
            "withdraw_service_key": {"currency": "CNY", "key": message[4:12]},
            "grant": {"by": account, "grant": message},
        }
        for name, fields in rows.items():
            action = {"offline": {name: fields}}
            self.assertEqual(types.ACTION(action).hex(), golden[f"action.offline.{name}"])
        for by in ({"owner": account}, bank, {"issuer": "CNY"}):
            action = {"offline": {"revoke_purse": {"by": by, "purse": "01" * 8}}}
            self.assertEqual(types.ACTION(action).hex(), golden[f"action.offline.revoke_purse.{list(by)[0]}"])

    def test_evidence_is_that_of_the_golden_bytes(self):
        golden = dict(line.split() for line in GOLDEN.read_text().splitlines())
        for kind in ("prevotes", "precommits", "proposals"):
            written = golden[f"evidence.{kind}"]
            validator, rest = written[2:42], written[42:]
            self.assertEqual(rest[:8], "fb2c0102")
            # Each ends with the signature; between the two stand the second's optional field and its block.
            second = {"signature": written[-128:], "block": "07" * 32}
            first = {"lock_round": None, "block": "07" * 32, "signature": rest[76:204]}
            if kind == "proposals":
                second["lock_round"] = 1
            else:
                first = {"block": None, "signature": rest[12:140]}
            conflict = {kind: {"first": first, "second": second}}
            evidence = {"version": 1, "validator": validator, "height": 300, "round": 2, "conflict": conflict}
            self.assertEqual(types.EVIDENCE(evidence).hex(), written)
            if kind == "proposals":
                reporter = golden["action.report_evidence"][2:42]
                action = {"report_evidence": {"reporter": reporter, "evidence": evidence}}
                self.assertEqual(types.ACTION(action).hex(), golden["action.report_evidence"])

    def test_contracts_are_those_of_the_golden_bytes(self):
        golden = dict(line.split() for line in GOLDEN.read_text().splitlines())
        one, two = "01" * 20, "02" * 20
        later = 1_900_000_000
        # Keys are written after their algorithm's byte; none of these is on the curve.
        keys = ["ed25519:" + "01" * 32, "ed25519:" + "02" * 32]
        shown = {"all": [{"preimage": "04" * 32}, {"before": later}]}
        escrow = {
            "payer": one,
            "payee": two,
            "currency": "EUR",
            "amount": "100",
            "release_when": {"any": [{"signed_by": {"keys": keys, "threshold": 2}}, shown]},
            "refund_when": {"at_least": {"count": 1, "of": [{"after": later}]}},
            "expires_at": later,
            "on_expiry": "release",
        }
        quote = {
            "genesis": "05" * 8,
            "id": "06" * 16,
            "maker": two,
            "taker": one,
            "sell": "EUR",
            "buy": "THB",
            "rate": "36.42",
            "min": "100",
            "max": "1000000",
            "fee": "25",
            "expires_at": later,
            "hold_seconds_max": 600,
        }
        exchange = {
            "quote": {"quote": quote, "signatures": [{"key": keys[1], "signature": "07" * 64}]},
            "taker": one,
            "amount": {"deliver": "5000"},
            "held": {
                "deliver_to": "08" * 20,
                "post_by": ["08" * 20],
                "void_by": [one],
                "expires_at": later,
                "fees": [{"to": "09" * 20, "amount": "3"}],
            },
        }
        for name, action in (("escrow", {"escrow": escrow}), ("exchange_held", {"exchange": exchange})):
            self.assertEqual(types.ACTION({"settle": action}).hex(), golden[f"action.settle.{name}"])
        system = {"system": {"contract": "03" * 20, "how": "expired"}}
        receipt = {"subject": system, "index": 1, "outcome": "applied", "trades": []}
        self.assertEqual(types.RECEIPT(receipt).hex(), golden["receipt.system"])
        traded = {"action": 2, "sold": "300", "bought": "70000"}
        receipt = {"subject": {"transaction": "08" * 32}, "index": 300, "outcome": "applied", "trades": [traded]}
        self.assertEqual(types.RECEIPT(receipt).hex(), golden["receipt.traded"])

    def test_unknown_and_missing_fields_are_refused(self):
        transfer = {"from": "11" * 20, "to": "22" * 20, "currency": "CNY", "amount": "5"}
        types.ACTION({"transfer": transfer})
        with self.assertRaises(Malformed):
            types.ACTION({"transfer": {**transfer, "fee": "1"}})
        del transfer["to"]
        with self.assertRaises(Malformed):
            types.ACTION({"transfer": transfer})
