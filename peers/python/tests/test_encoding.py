import unittest
from pathlib import Path

from causeway_peer import encoding, types
from causeway_peer.encoding import Malformed, varint


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
        receipt = {"subject": {"transaction": "00" * 32}, "index": 300, "outcome": outcome}
        self.assertEqual(types.RECEIPT(receipt), b"\0" + bytes(32) + b"\xfb\x2c\x01" + b"\1\2\x09")

    def test_reasons_have_the_numbers_that_are_frozen(self):
        golden = Path(__file__).parents[3] / "contracts/src/codec/tests/golden.txt"
        lines = [line.split() for line in golden.read_text().splitlines() if line.startswith("rejection.")]
        frozen = {reason: int(name.removeprefix("rejection.")) for name, reason in lines}
        self.assertGreater(len(frozen), 20)
        for reason, number in frozen.items():
            self.assertEqual(types.REJECTION(reason), bytes([number]), reason)
        with self.assertRaises(Malformed):
            types.REJECTION("no_reason")

    def test_unknown_and_missing_fields_are_refused(self):
        transfer = {"from": "11" * 20, "to": "22" * 20, "currency": "CNY", "amount": "5"}
        types.ACTION({"transfer": transfer})
        with self.assertRaises(Malformed):
            types.ACTION({"transfer": {**transfer, "fee": "1"}})
        del transfer["to"]
        with self.assertRaises(Malformed):
            types.ACTION({"transfer": transfer})
