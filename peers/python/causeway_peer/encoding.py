"""The canonical encoding (docs/format.md, "Encoding"): values become bytes; nothing is decoded here,
since proofs travel as JSON and only hashes and signatures need bytes.

A type is a function from a JSON-like value to bytes.
"""

from typing import Any, Callable

Type = Callable[[Any], bytes]


class Malformed(ValueError):
    """A value that its type cannot hold."""


def varint(value: int) -> bytes:
    if value < 0:
        raise Malformed(f"{value} is negative")
    if value < 251:
        return bytes([value])
    for tag, width in ((251, 2), (252, 4), (253, 8)):
        if value < 1 << (8 * width):
            return bytes([tag]) + value.to_bytes(width, "little")
    raise Malformed(f"{value} has more than 64 bits")


def unsigned(bits: int) -> Type:
    """An integer: one byte as it is, wider ones as varints. Text in JSON where 64 bits matter."""

    def encode(value: Any) -> bytes:
        if isinstance(value, str) and value.isascii() and value.isdigit():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << bits:
            raise Malformed(f"{value!r} is no unsigned number of {bits} bits")
        return bytes([value]) if bits == 8 else varint(value)

    return encode


u8, u16, u32, u64 = (unsigned(bits) for bits in (8, 16, 32, 64))


def boolean(value: Any) -> bytes:
    if not isinstance(value, bool):
        raise Malformed(f"{value!r} is neither true nor false")
    return b"\1" if value else b"\0"


def raw(length: int) -> Type:
    """Bytes of a fixed length: hexadecimal in JSON, themselves on the wire, no length before them."""

    def encode(value: Any) -> bytes:
        data = unhex(value)
        if len(data) != length:
            raise Malformed(f"{value!r} has not {length} bytes")
        return data

    return encode


def unhex(value: Any) -> bytes:
    if not isinstance(value, str) or value != value.lower():
        raise Malformed(f"{value!r} is not hexadecimal in small letters")
    try:
        return bytes.fromhex(value)
    except ValueError as error:
        raise Malformed(f"{value!r} is not hexadecimal") from error


def blob(longest: int) -> Type:
    """Bytes whose number is not fixed: hexadecimal in JSON, their count before them on the wire."""

    def encode(value: Any) -> bytes:
        data = unhex(value)
        if len(data) > longest:
            raise Malformed(f"{len(data)} bytes, and at most {longest} are allowed")
        return varint(len(data)) + data

    return encode


def text(longest: int) -> Type:
    def encode(value: Any) -> bytes:
        if not isinstance(value, str) or len(value.encode()) > longest:
            raise Malformed(f"{value!r} is no text of at most {longest} bytes")
        return varint(len(value.encode())) + value.encode()

    return encode


def code(shortest: int, longest: int) -> Type:
    """A-Z and 0-9, left-aligned in `longest` bytes, padded with zeros."""

    def encode(value: Any) -> bytes:
        good = isinstance(value, str) and value.isascii() and value.isalnum() and value == value.upper()
        if not good or not shortest <= len(value) <= longest:
            raise Malformed(f"{value!r} has not {shortest} to {longest} characters of A-Z and 0-9")
        return value.encode().ljust(longest, b"\0")

    return encode


def public_key(value: Any) -> bytes:
    if not isinstance(value, str) or not value.startswith("ed25519:"):
        raise Malformed(f"{value!r} is no Ed25519 key")
    return b"\1" + raw(32)(value.removeprefix("ed25519:"))


def optional(item: Type) -> Type:
    return lambda value: b"\0" if value is None else b"\1" + item(value)


def sequence(item: Type, longest: int) -> Type:
    def encode(value: Any) -> bytes:
        if not isinstance(value, list) or len(value) > longest:
            raise Malformed(f"not a list of at most {longest} items")
        return varint(len(value)) + b"".join(item(one) for one in value)

    return encode


REQUIRED = object()


def record(*fields: tuple) -> Type:
    """Fields in order: (name, type), or (name, type, default) if it may be left out."""

    def encode(value: Any) -> bytes:
        if not isinstance(value, dict):
            raise Malformed(f"{value!r} has no fields")
        unknown = set(value) - {field[0] for field in fields}
        if unknown:
            raise Malformed(f"unknown fields {sorted(unknown)}")
        parts = []
        for name, item, *default in fields:
            if name not in value and not default:
                raise Malformed(f"{name} is missing")
            parts.append(item(value[name] if name in value else default[0]))
        return b"".join(parts)

    return encode


def variants(*cases: tuple) -> Type:
    """One of several, by its place in this list: (name,) in JSON is the name, (name, type) an object
    of one member."""

    def encode(value: Any) -> bytes:
        for index, (name, *content) in enumerate(cases):
            if not content and value == name:
                return varint(index)
            if content and isinstance(value, dict) and list(value) == [name]:
                return varint(index) + content[0](value[name])
        raise Malformed(f"{value!r} is none of {[case[0] for case in cases]}")

    return encode
