"""Addresses: bech32m (BIP-350) over the 20 bytes of an account id."""

ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
BECH32M = 0x2BC830A3
PREFIXES = ("cw", "cwdev")
GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


class BadAddress(ValueError):
    pass


def _checksum(prefix: str, symbols: list[int]) -> int:
    """The remainder of the BCH code over the expanded prefix and the symbols."""
    expanded = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    remainder = 1
    for symbol in expanded + symbols:
        top = remainder >> 25
        remainder = (remainder & 0x1FFFFFF) << 5 ^ symbol
        for bit, generator in enumerate(GENERATORS):
            if top >> bit & 1:
                remainder ^= generator
    return remainder


def decode(address: str) -> tuple[str, bytes]:
    """Prefix and account id."""
    if address != address.lower() and address != address.upper():
        raise BadAddress("capital and small letters are mixed")
    prefix, separator, data = address.lower().rpartition("1")
    if not separator or prefix not in PREFIXES:
        raise BadAddress("it begins with neither cw1 nor cwdev1")
    if any(c not in ALPHABET for c in data):
        raise BadAddress("a character that addresses do not have")
    symbols = [ALPHABET.index(c) for c in data]
    if _checksum(prefix, symbols) != BECH32M:
        raise BadAddress("the checksum is wrong")
    bits = "".join(f"{symbol:05b}" for symbol in symbols[:-6])
    whole, rest = bits[: len(bits) // 8 * 8], bits[len(bits) // 8 * 8 :]
    if len(rest) > 4 or "1" in rest:
        raise BadAddress("padding that is not zero")
    account = int(whole or "0", 2).to_bytes(len(whole) // 8, "big")
    if len(account) != 20:
        raise BadAddress(f"{len(account)} bytes instead of 20")
    return prefix, account


def encode(prefix: str, account: bytes) -> str:
    bits = "".join(f"{byte:08b}" for byte in account)
    bits += "0" * (-len(bits) % 5)
    symbols = [int(bits[at : at + 5], 2) for at in range(0, len(bits), 5)]
    remainder = _checksum(prefix, symbols + [0] * 6) ^ BECH32M
    symbols += [remainder >> 5 * (5 - at) & 31 for at in range(6)]
    return prefix + "1" + "".join(ALPHABET[symbol] for symbol in symbols)
