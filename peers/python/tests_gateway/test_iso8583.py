"""Card messages that pyiso8583 writes, read by the gateway, in both variants; and a link to the trial's issuer."""

import json
import random
import socket
import subprocess
import sys
import unittest
from pathlib import Path
from typing import Any

import iso8583
from iso8583.specs import default_ascii

from card_host import DIGITS, FIELDS, TYPES, Line, network, numbered, purchase, reversal, variant_b
from card_holder import Holder
from trial import PLACES

MESSAGES = 100


def message(source: random.Random) -> dict[str, str]:
    made = {"t": source.choice(TYPES)}
    for name, (characters, least, most) in FIELDS.items():
        if source.random() < 0.7:
            made[name] = "".join(source.choices(characters or DIGITS, k=source.randint(least, most)))
    if "7" in made:
        made["7"] = f"{source.randint(1, 12):02}{source.randint(1, 28):02}{source.randint(0, 23):02}{source.randint(0, 59):02}00"
    return made


def inspect(variant: str, lines: list[str]) -> list[dict[str, Any]]:
    command = ["causeway-gateway", "inspect", "iso8583", "--variant", variant]
    done = subprocess.run(command, input="\n".join(lines) + "\n", capture_output=True, text=True, check=False)
    return [json.loads(line) for line in done.stdout.splitlines()]


class Messages(unittest.TestCase):
    def check(self, variant: str, spec: dict[str, Any]) -> None:
        source = random.Random(8583)
        made = [message(source) for _ in range(MESSAGES)]
        found = inspect(variant, [iso8583.encode(one.copy(), spec)[0].hex() for one in made])
        self.assertEqual(len(found), MESSAGES)
        for wanted, read in zip(made, found, strict=True):
            self.assertTrue(read["valid"], read)
            fields = {str(field["field"]): field["value"] for field in read["fields"]}
            self.assertEqual({"t": read["message_type"], **fields}, wanted)

    def test_variant_a_is_default_ascii(self) -> None:
        self.check("a", default_ascii)

    def test_variant_b_is_packed(self) -> None:
        self.check("b", variant_b())

    def test_what_is_cut_short_or_of_an_unknown_type_is_not_valid(self) -> None:
        whole = iso8583.encode({"t": "0800", "11": "000001", "70": "301"}, default_ascii)[0]
        unknown = b"0900" + whole[4:]
        found = inspect("a", [whole.hex(), whole[:-1].hex(), unknown.hex()])
        codes = [[violation["code"] for violation in read["violations"]] for read in found]
        self.assertEqual(codes, [[], ["truncated"], ["unknown_message_type"]])


class Link(unittest.TestCase):
    def test_it_signs_on_echoes_and_signs_off_in_both_variants(self) -> None:
        for variant in "ab":
            with self.subTest(variant), Line(variant) as line:
                for trace, code in [("000001", "001"), ("000002", "301"), ("000003", "002")]:
                    answer = line.ask(network(code, trace))
                    self.assertEqual(
                        (answer["t"], answer["7"], answer["11"], answer["70"], answer["39"]),
                        ("0810", "1130011500", trace, code, "00"),
                    )

    def test_nothing_is_paid_before_sign_on_or_after_sign_off(self) -> None:
        with Line("a") as line:
            self.assertEqual(line.ask(purchase("100001"))["39"], "91")
            line.ask(network("001"))
            line.ask(network("002"))
            answer = line.ask(purchase("100001"))
            self.assertEqual((answer["t"], answer["11"], answer["39"]), ("0210", "100001", "91"))

    def test_a_card_that_nobody_has_is_14_and_one_of_another_issuer_15_and_its_repeat_the_same(self) -> None:
        for number, (variant, card, code) in enumerate(
            (variant, numbered(digits), code)
            for variant in "ab"
            for digits, code in [("990000000000001", "14"), ("990001000000001", "14"), ("412370999900002", "15")]
        ):
            with self.subTest((variant, card)), Line(variant) as line:
                line.ask(network("001"))
                asked = purchase(f"20000{number}", card)
                answer = line.ask(asked)
                self.assertEqual((answer["t"], answer["4"], answer["39"]), ("0210", asked["4"], code))
                self.assertNotIn("38", answer)
                self.assertEqual(line.ask(asked | {"t": "0201"})["39"], code)
                self.assertEqual(line.ask(asked | {"4": "000000009999"})["39"], "94")

    def test_a_reversal_of_what_never_came_is_25_and_its_original_12_from_then_on(self) -> None:
        with Line("a") as line:
            line.ask(network("001"))
            asked = purchase("300001")
            undo = reversal("300002", asked)
            answer = line.ask(undo)
            self.assertEqual((answer["t"], answer["39"]), ("0430", "25"))
            self.assertEqual(line.ask(asked)["39"], "12")

    def test_a_message_without_its_fields_is_30(self) -> None:
        with Line("a") as line:
            line.ask(network("001"))
            asked = purchase("400001")
            del asked["49"]
            self.assertEqual(line.ask(asked)["39"], "30")
            whole = line.encoded(purchase("400002"))
            line.write(whole[:-1])
            answer = line.read()
            self.assertEqual((answer["t"], answer["39"]), ("0210", "30"))
            answer = line.ask(purchase("400003") | {"4": "00000000125x"})
            self.assertEqual((answer["t"], answer["11"], answer["39"], answer.get("4")), ("0210", "400003", "30", None))

    def test_an_empty_frame_is_answered_by_one(self) -> None:
        for variant in "ab":
            with self.subTest(variant), Line(variant) as line:
                line.write(b"")
                self.assertEqual(line.bytes(2), b"\0\0")
                self.assertEqual(line.ask(network("301"))["39"], "00")

    def test_what_cannot_be_a_message_ends_the_connection_and_no_other(self) -> None:
        whole = iso8583.encode(network("301"), default_ascii)[0]
        streams = {
            "unknown type": b"\0\x28" + (b"0900" + whole[4:])[:40].ljust(40, b"0"),
            "no type": b"\0\x03abc",
            "too long": (4097).to_bytes(2) + b"0" * 4097,
            "longest": b"\xff\xff",
        }
        with Line("a") as other:
            for what, stream in streams.items():
                with self.subTest(what), Line("a") as line:
                    line.socket.sendall(stream)
                    self.assertEqual(line.bytes(1), b"")
            self.assertEqual(other.ask(network("001"))["39"], "00")

    def test_a_frame_that_stops_is_not_answered(self) -> None:
        with Line("a") as line:
            line.socket.sendall(b"\x01\x00" + b"0800")
            line.socket.shutdown(socket.SHUT_WR)
            self.assertEqual(line.bytes(1), b"")

    def test_a_frame_of_which_nothing_more_comes_ends_the_connection_when_it_was_idle_for_long(self) -> None:
        with Line("b") as line:
            line.socket.sendall(b"\x01\x00" + b"\x08\x00")
            self.assertEqual(line.bytes(1), b"")

    def test_frames_may_come_in_pieces_and_together(self) -> None:
        with Line("a") as line:
            wires = [line.encoded(network("301", f"00000{number}")) for number in range(5)]
            stream = b"".join(len(wire).to_bytes(2) + wire for wire in wires)
            for start in range(0, len(stream), 7):
                line.socket.sendall(stream[start : start + 7])
            self.assertEqual([line.read()["11"] for _ in wires], [f"00000{number}" for number in range(5)])

    def test_the_client_of_the_documents_buys_and_takes_it_back(self) -> None:
        page = (Path(__file__).parents[3] / "docs" / "acquiring.md").read_text()
        program = page.split("```python\n")[1].split("```")[0]
        holder = Holder()

        def run(card: str) -> list[str]:
            arguments = [PLACES["issuer_a"], card, holder.expiry]
            done = subprocess.run([sys.executable, "-", *arguments], input=program, capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            return [line.strip() for line in done.stdout.splitlines()]

        bought = run(holder.number)
        self.assertEqual(bought[:2], ["sign-on 0810 00", "echo 0810 00"])
        self.assertRegex(bought[2], "^purchase 0210 00 [2-9A-Z]{6}$")
        self.assertRegex(bought[3], "^reversal 0430 00 [2-9A-Z]{6}$")
        declined = run(numbered("990000000000001"))
        self.assertEqual(declined[2:], ["purchase 0210 14", "reversal 0430 00"])


if __name__ == "__main__":
    unittest.main()
