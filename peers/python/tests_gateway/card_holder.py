"""A customer of the trial's issuer with money, a card, and a phone that stands for it."""

import os

from pyemv import ac

import trial

LIMIT = {"currency": "EUR", "value": "50.00"}
DAY = {"currency": "EUR", "value": "90.00"}


class Holder:
    def __init__(self, euros: str = "40.00", **more: object) -> None:
        self.client = trial.add_client("b", trial.all_scopes())
        self.account = trial.payer(self.client, euros)
        asked = {"account": self.account["id"], "limit_payment": LIMIT, "limit_day": DAY, "manual_entry": True}
        self.card = self.client.post("/v1/cards", asked | more)["id"]
        shown = self.client.post(f"/v1/cards/{self.card}/reveal", {})
        self.number, self.expiry = shown["number"], shown["expiry"]

    def balance(self) -> str:
        """What is there, in the currency's largest unit."""
        account = self.client.get(f"/v1/accounts/{self.account['id']}")
        return next(balance["available"]["value"] for balance in account["balances"] if balance["available"]["currency"] == "EUR")

    def phone(self) -> "Phone":
        return Phone(self.client.post(f"/v1/cards/{self.card}/devices", {}))


class Phone:
    """Pays with the keys that its issuer has given it, one a payment: Visa's cryptogram version 18."""

    def __init__(self, given: dict) -> None:
        self.token, self.expiry, self.keys = given["token"], given["expiry"], list(given["keys"])

    def tap(self, cents: int) -> tuple[dict[str, str], bytes, bytes]:
        """Fields of a purchase, and the key and the cryptogram by which its answer is known."""
        key = self.keys.pop(0)
        session = bytes.fromhex(key["key"])
        counter = key["atc"].to_bytes(2)
        tags = {
            "9F02": bytes.fromhex(f"{cents:012}"), "9F03": bytes(6), "9F1A": b"\x02\x76", "95": bytes(5), "5F2A": b"\x09\x78",
            "9A": b"\x26\x11\x30", "9C": b"\0", "9F37": os.urandom(4), "82": b"\0\0", "9F36": counter,
            "9F10": bytes.fromhex("06011203A00000"),
        }  # fmt: skip
        cryptogram = ac.generate_ac(session, b"".join(tags.values()), ac.PaddingType.EMV)
        tags |= {"9F26": cryptogram, "9F27": b"\x80"}
        chip = b"".join(bytes.fromhex(tag) + bytes([len(value)]) + value for tag, value in tags.items())
        fields = {"2": self.token, "14": self.expiry, "22": "071", "4": f"{cents:012}", "55": chip.hex().upper()}
        return fields, session, cryptogram
