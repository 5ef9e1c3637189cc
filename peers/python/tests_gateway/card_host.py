"""Links to the trial's issuer, as pyiso8583 writes them in both variants, and sealed as psec does it."""

import socket
import string
from copy import deepcopy
from types import TracebackType
from typing import Any, Self

import iso8583
from iso8583.specs import default_ascii
from psec.mac import generate_retail_mac

from trial import PLACES

DIGITS, ALPHANUMERIC = string.digits, string.digits + string.ascii_letters

# Fields that the gateway shows as they are: their characters, and how many at least and at most.
FIELDS = {
    "3": (DIGITS, 6, 6), "4": (DIGITS, 12, 12), "7": (None, 10, 10), "11": (DIGITS, 6, 6),
    "22": (DIGITS, 3, 3), "32": (DIGITS, 1, 11), "37": (ALPHANUMERIC, 12, 12), "39": (ALPHANUMERIC, 2, 2),
    "41": (ALPHANUMERIC, 8, 8), "42": (ALPHANUMERIC, 15, 15), "49": (DIGITS, 3, 3), "70": (DIGITS, 3, 3),
}  # fmt: skip
# Packed in variant B, and shown in another way than they are written: how many digits at most.
DIGITS_MAX = {"2": 19, "12": 6, "13": 4, "14": 4, "18": 4, "90": 42}
VARIABLE = ["2", "32"]
# Codes of eight bytes, and chip data.
BYTES_MAX = {"55": 999, "64": 8, "128": 8}
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
    for name, most in BYTES_MAX.items():
        spec[name] |= {"data_enc": "b", "max_len": most}
    for name in ("48", "55"):
        spec[name] |= {"len_enc": "bcd", "len_type": 2}
    return spec


class Line:
    """One connection to the issuer: frames of two bytes of length and a message."""

    def __init__(self, variant: str, place: str = "issuer", key: bytes | None = None) -> None:
        host, port = PLACES[f"{place}_{variant}"].split(":")
        self.spec = {"a": default_ascii, "b": variant_b()}[variant]
        self.key = key
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
        answer = dict(iso8583.decode(wire, self.spec)[0])
        if self.key is not None:
            code = answer.get("64") or answer["128"]
            assert code.upper() == self.code(wire[: -self.code_bytes()]).hex().upper(), "the answer is sealed with another key"
        return answer

    def encoded(self, asked: dict[str, str]) -> bytes:
        """With an authentication code, if there is a key: in 128 if a field after 64 is there."""
        if self.key is None:
            return bytes(iso8583.encode(asked.copy(), self.spec)[0])
        field = "128" if any(name.isdigit() and int(name) > 64 for name in asked) else "64"
        wire = bytes(iso8583.encode(asked | {field: "0" * 16}, self.spec)[0])
        covered = wire[: -self.code_bytes()]
        code = self.code(covered)
        return covered + (code if self.code_bytes() == 8 else code.hex().upper().encode())

    def code_bytes(self) -> int:
        return int(self.spec["64"]["max_len"])

    def code(self, covered: bytes) -> bytes:
        """ISO 9797-1 algorithm 3 with padding method 1."""
        assert self.key is not None
        return generate_retail_mac(self.key[:8], self.key[8:], covered, 1)

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


def reversal(trace: str, of: dict[str, str]) -> dict[str, str]:
    """Names the original, and nothing of the card."""
    repeated = {name: of[name] for name in ("3", "4", "7", "12", "13", "32", "41", "49")}
    return repeated | {"t": "0420", "11": trace, "90": original_data(of)}


def original_data(of: dict[str, str]) -> str:
    """Field 90: type, 11, 7, 32 and 33, these with zeros before."""
    return f"{of['t']}{of['11']}{of['7']}{of['32']:0>11}{'':0>11}"
