"""Payments by card that acquirers' programs ask the trial's issuer for: pyiso8583's, iso_8583's of Node.js, and one that seals."""

import json
import os
import subprocess
import unittest
from pathlib import Path

from psec import tr31
from pyemv import ac

from card_holder import Holder
from card_host import Line, network, numbered, purchase, reversal
from trial import FOLDER, PLACES


def bought(trace: str, holder: Holder, cents: int = 1250) -> dict[str, str]:
    return purchase(trace, holder.number) | {"14": holder.expiry, "4": f"{cents:012}", "18": "5812"}


class Payments(unittest.TestCase):
    def test_a_purchase_is_approved_and_taken_back_in_both_variants(self) -> None:
        holder = Holder()
        for number, variant in enumerate("ab"):
            with self.subTest(variant), Line(variant) as line:
                line.ask(network("001"))
                asked = bought(f"50000{number}", holder)
                answer = line.ask(asked)
                self.assertEqual((answer["t"], answer["39"], answer["37"]), ("0210", "00", asked["37"]))
                self.assertRegex(answer["38"], "^[2-9A-Z]{6}$")
                self.assertEqual(holder.balance(), "27.50")
                again = line.ask(asked | {"t": "0201"})
                self.assertEqual((again["39"], again["38"]), ("00", answer["38"]))
                undo = reversal(f"50001{number}", asked)
                self.assertEqual(line.ask(undo)["39"], "00")
                self.assertEqual(line.ask(undo | {"t": "0421"})["39"], "00")
                self.assertEqual(holder.balance(), "40.00")

    def test_what_is_declined_says_why(self) -> None:
        holder, closed = Holder(), Holder(manual_entry=False)
        with Line("a") as line:
            line.ask(network("001"))
            rows = {
                "51": bought("510001", holder, 4_500),
                "61": bought("510002", holder, 5_001),
                "54": bought("510003", holder) | {"14": "2001"},
                "14": bought("510004", holder) | {"2": numbered("990000000000001")},
                "13": bought("510005", holder, 0),
                "57": bought("510006", closed),
                "12": bought("510007", holder) | {"49": "999"},
            }
            for code, asked in rows.items():
                with self.subTest(code):
                    answer = line.ask(asked)
                    self.assertEqual((answer["39"], answer.get("38")), (code, None))
            self.assertEqual(holder.balance(), "40.00")
            holder.client.post(f"/v1/cards/{holder.card}/lost", {})
            self.assertEqual(line.ask(bought("510008", holder))["39"], "41")

    def test_a_phones_cryptogram_is_good_once_and_is_answered_in_both_variants(self) -> None:
        holder = Holder()
        phone = holder.phone()
        for number, variant in enumerate("ab"):
            with self.subTest(variant), Line(variant) as line:
                line.ask(network("001"))
                fields, key, cryptogram = phone.tap(700)
                answer = line.ask(bought(f"52000{number}", holder) | fields)
                self.assertEqual(answer["39"], "00")
                # Tag 91: four bytes of the answer's cryptogram, and what the card is to do.
                chip = bytes.fromhex(answer["55"])
                self.assertEqual(chip[:2], b"\x91\x08")
                update = chip[6:10]
                self.assertEqual(chip[2:6], ac.generate_arpc_2(key, cryptogram, update))
                replayed = line.ask(bought(f"52001{number}", holder) | fields)
                self.assertEqual((replayed["39"], replayed.get("55")), ("63", None))
                more, _, _ = phone.tap(700)
                self.assertEqual(line.ask(bought(f"52002{number}", holder) | more | {"4": "000000000701"})["39"], "13")
        self.assertEqual(holder.balance(), "26.00")


class OfNode(unittest.TestCase):
    def ask(self, messages: list[dict[str, str]]) -> list[dict[str, str]]:
        program = Path(__file__).with_name("iso8583.js")
        lines = "".join(json.dumps({"0": fields["t"], **{n: v for n, v in fields.items() if n != "t"}}) + "\n" for fields in messages)
        done = subprocess.run(
            ["node", str(program), PLACES["issuer_a"]], input=lines, capture_output=True, text=True, check=False, timeout=60
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_iso_8583_signs_on_echoes_buys_is_declined_and_takes_back(self) -> None:
        holder = Holder()
        asked = bought("600001", holder)
        answers = self.ask(
            [
                network("001", "600091"),
                network("301", "600092"),
                asked,
                bought("600002", holder, 4_500),
                reversal("600003", asked),
            ]
        )
        told = [(answer["0"], answer["11"], answer["39"]) for answer in answers]
        self.assertEqual(
            told,
            [
                ("0810", "600091", "00"),
                ("0810", "600092", "00"),
                ("0210", "600001", "00"),
                ("0210", "600002", "51"),
                ("0430", "600003", "00"),
            ],
        )
        self.assertRegex(answers[2]["38"], "^[2-9A-Z]{6}$")
        self.assertEqual(holder.balance(), "40.00")


def components() -> bytes:
    """The wrapping key that the two officers' files give."""
    first, second = (bytes.fromhex((FOLDER / file).read_text()) for file in ("one.component", "two.component"))
    return bytes(a ^ b for a, b in zip(first, second, strict=True))


# The links' keys, once one test has changed them.
CHANGED: dict[str, bytes] = {}


def shared(variant: str) -> bytes:
    if variant in CHANGED:
        return CHANGED[variant]
    header, key = tr31.unwrap(components(), (FOLDER / f"mac-{variant}.block").read_text().strip())
    assert (header.version_id, header.key_usage, header.algorithm, header.exportability) == ("D", "M3", "T", "N"), header
    return bytes(key)


class Sealed(unittest.TestCase):
    def test_what_is_sealed_is_answered_sealed_and_all_else_is_63(self) -> None:
        holder = Holder()
        for number, variant in enumerate("ab"):
            key = shared(variant)
            with self.subTest(variant), Line(variant, "sealed", key) as line:
                self.assertEqual(line.ask(network("001"))["39"], "00")
                asked = bought(f"70000{number}", holder)
                whole = line.encoded(asked)
                line.write(whole[:-1] + (b"0" if whole[-1:] != b"0" else b"1"))
                self.assertEqual(line.read()["39"], "63")
                line.key = None
                bare = line.encoded(asked)
                line.key = key
                line.write(bare)
                self.assertEqual(line.read()["39"], "63")
                self.assertEqual(line.ask(asked)["39"], "00")
                self.assertEqual(line.ask(reversal(f"70001{number}", asked))["39"], "00")
        self.assertEqual(holder.balance(), "40.00")

    def test_a_new_key_comes_in_a_block_and_is_used_from_then_on(self) -> None:
        for variant in "ab":
            old, new = shared(variant), os.urandom(16)
            with self.subTest(variant), Line(variant, "sealed", old) as line:
                line.ask(network("001"))
                header = tr31.Header("D", "M3", "T", "C", "00", "N")
                block = tr31.wrap(components(), header, new)
                self.assertEqual(line.ask(network("160", "000003") | {"48": "no block"})["39"], "30")
                forged = tr31.wrap(os.urandom(32), header, new)
                self.assertEqual(line.ask(network("160", "000004") | {"48": forged})["39"], "63")
                self.assertEqual(line.ask(network("160", "000005") | {"48": block})["39"], "00")
                self.assertEqual(line.ask(network("301", "000006"))["39"], "00")
                line.key = CHANGED[variant] = new
                self.assertEqual(line.ask(network("301", "000007"))["39"], "00")
                # The one that was replaced is still good, but comes back in no block and brings no other.
                again = tr31.wrap(components(), header, old)
                self.assertEqual(line.ask(network("160", "000008") | {"48": again})["39"], "94")
                other = tr31.wrap(components(), header, os.urandom(16))
                line.key = old
                self.assertEqual(line.ask(network("301", "000009"))["39"], "00")
                self.assertEqual(line.ask(network("160", "000010") | {"48": other})["39"], "63")
                line.key = new
                self.assertEqual(line.ask(network("301", "000011"))["39"], "00")


if __name__ == "__main__":
    unittest.main()
