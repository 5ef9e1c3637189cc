"""Card messages that pyiso8583 writes, read by the gateway, in both variants; and a link to the trial's issuer."""

import json
import random
import socket
import string
import subprocess
import sys
import unittest
from copy import deepcopy
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import iso8583
from iso8583.specs import default_ascii

from trial import PLACES

MESSAGES = 100
DIGITS, ALPHANUMERIC = string.digits, string.digits + string.ascii_letters

# Fields that the gateway shows as they are: their characters, and how many at least and at most.
FIELDS = {
    "3": (DIGITS, 6, 6), "4": (DIGITS, 12, 12), "7": (None, 10, 10), "11": (DIGITS, 6, 6),
    "22": (DIGITS, 3, 3), "32": (DIGITS, 1, 11), "37": (ALPHANUMERIC, 12, 12), "39": (ALPHANUMERIC, 2, 2),
    "41": (ALPHANUMERIC, 8, 8), "42": (ALPHANUMERIC, 15, 15), "49": (DIGITS, 3, 3), "70": (DIGITS, 3, 3),
}  # fmt: skip
# Packed in variant B, and shown in another way than they are written: how many digits at most.
DIGITS_MAX = {"2": 19, "12": 6, "13": 4, "14": 4}
VARIABLE = ["2", "32"]
TYPES = ["0100", "0110", "0200", "0201", "0210", "0220", "0400", "0420", "0421", "0430", "0800", "0810"]


def variant_b() -> dict[str, Any]:
    """Packed numbers, each in whole bytes; a binary bitmap; packed lengths, which count digits."""
    spec = deepcopy(default_ascii)
    spec["t"] |= {"data_enc": "b", "max_len": 2}
    for bitmap in ("p", "1"):
        spec[bitmap] |= {"data_enc": "b", "max_len": 8}
    numbers = {name: most for name, (characters, _, most) in FIELDS.items() if characters in (DIGITS, None) and name != "49"}
    for name, most in (numbers | DIGITS_MAX).items():
        packed = {"data_enc": "b", "len_enc": "b", "len_count": "nibbles", "left_pad": "0", "max_len": most}
        spec[name] |= packed | ({"len_enc": "bcd", "len_type": 1} if name in VARIABLE else {})
    return spec


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


class Line:
    """One connection to the issuer: frames of two bytes of length and a message."""

    def __init__(self, variant: str) -> None:
        host, port = PLACES[f"issuer_{variant}"].split(":")
        self.spec = {"a": default_ascii, "b": variant_b()}[variant]
        # Only so that a host that neither answers nor closes fails a test.
        self.socket = socket.create_connection((host, int(port)), timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.socket.close()

    def write(self, wire: bytes) -> None:
        self.socket.sendall(len(wire).to_bytes(2) + wire)

    def bytes(self, count: int) -> bytes:
        """Fewer if the host has closed the connection."""
        read = b""
        while len(read) < count:
            try:
                piece = self.socket.recv(count - len(read))
            except ConnectionResetError:
                break
            if not piece:
                break
            read += piece
        return read

    def read(self) -> dict[str, str]:
        wire = self.bytes(int.from_bytes(self.bytes(2)))
        return dict(iso8583.decode(wire, self.spec)[0])

    def encoded(self, asked: dict[str, str]) -> bytes:
        return bytes(iso8583.encode(asked.copy(), self.spec)[0])

    def ask(self, asked: dict[str, str]) -> dict[str, str]:
        self.write(self.encoded(asked))
        return self.read()


def network(code: str, trace: str = "000001") -> dict[str, str]:
    return {"t": "0800", "7": "1130011500", "11": trace, "70": code}


def numbered(digits: str) -> str:
    """With its check digit (ISO/IEC 7812-1, annex B)."""
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(digits))]
    return digits + str(-sum(value // 10 + value % 10 for value in doubled) % 10)


def purchase(trace: str, card: str = "") -> dict[str, str]:
    """Keyed in: 22 = 01."""
    return {
        "t": "0200", "2": card or numbered("990000000000001"), "3": "000000", "4": "000000001250", "7": "1130011500",
        "11": trace, "12": "011500", "13": "1130", "14": "3112", "22": "010", "32": "12345",
        "37": f"000000{trace}", "41": "TERM0001", "42": "MERCHANT0000001", "49": "978",
    }  # fmt: skip


def original_data(of: dict[str, str]) -> str:
    """Field 90: type, 11, 7, 32 and 33, these with zeros before."""
    return f"{of['t']}{of['11']}{of['7']}{of['32']:0>11}{'':0>11}"


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
            fields = ("3", "4", "7", "12", "13", "32", "41", "49")
            undo = {"t": "0420", "11": "300002", "90": original_data(asked)} | {name: asked[name] for name in fields}
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

    def test_the_client_of_the_documents_is_answered(self) -> None:
        page = (Path(__file__).parents[3] / "docs" / "acquiring.md").read_text()
        program = page.split("```python\n")[1].split("```")[0]
        arguments = [PLACES["issuer_a"], numbered("990000000000001"), "3112"]
        done = subprocess.run([sys.executable, "-", *arguments], input=program, capture_output=True, text=True, check=False)
        expected = ["sign-on 0810 00", "echo 0810 00", "purchase 0210 14", "reversal 0430 00"]
        self.assertEqual([line.strip() for line in done.stdout.splitlines()], expected, done.stderr)


if __name__ == "__main__":
    unittest.main()
