"""Card messages that pyiso8583 writes, read by the gateway, in both variants."""

import json
import random
import string
import subprocess
import unittest
from copy import deepcopy
from typing import Any

import iso8583
from iso8583.specs import default_ascii

MESSAGES = 100
DIGITS, ALPHANUMERIC = string.digits, string.digits + string.ascii_letters

# Fields that the gateway shows as they are: their characters, and how many at least and at most.
FIELDS = {
    "3": (DIGITS, 6, 6), "4": (DIGITS, 12, 12), "7": (None, 10, 10), "11": (DIGITS, 6, 6),
    "22": (DIGITS, 3, 3), "32": (DIGITS, 1, 11), "37": (ALPHANUMERIC, 12, 12), "39": (ALPHANUMERIC, 2, 2),
    "41": (ALPHANUMERIC, 8, 8), "42": (ALPHANUMERIC, 15, 15), "49": (DIGITS, 3, 3), "70": (DIGITS, 3, 3),
}  # fmt: skip
TYPES = ["0100", "0110", "0200", "0201", "0210", "0220", "0400", "0420", "0421", "0430", "0800", "0810"]


def variant_b() -> dict[str, Any]:
    """Packed numbers, each in whole bytes; a binary bitmap; packed lengths, which count digits."""
    spec = deepcopy(default_ascii)
    spec["t"] |= {"data_enc": "b", "max_len": 2}
    for bitmap in ("p", "1"):
        spec[bitmap] |= {"data_enc": "b", "max_len": 8}
    for name, (characters, _, most) in FIELDS.items():
        if characters in (DIGITS, None) and name != "49":
            packed = {"data_enc": "b", "len_enc": "b", "len_count": "nibbles", "left_pad": "0", "max_len": most}
            spec[name] |= packed | ({"len_enc": "bcd", "len_type": 1} if name == "32" else {})
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


if __name__ == "__main__":
    unittest.main()
