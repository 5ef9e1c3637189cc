"""Cryptograms of versions that no vectors are published of, compared with pyemv for random transactions."""

import json
import random
import subprocess
import unittest

from pyemv import cvn

TRANSACTIONS = 50

# Bytes of each tag before the issuer's data, in the order of the cryptogram.
TAGS = {
    "9F02": 6, "9F03": 6, "9F1A": 2, "95": 5, "5F2A": 2, "9A": 3, "9C": 1, "9F37": 4, "82": 2, "9F36": 2,
}  # fmt: skip


def visa_22(source: random.Random) -> tuple[dict[str, bytes], bytes]:
    """pyemv's arguments, and tag 9F10."""
    data = bytes([6, 1, 22]) + source.randbytes(source.randint(4, 29))
    return {"tag_9f10": data}, data


def mastercard_20(source: random.Random) -> tuple[dict[str, bytes], bytes]:
    results = source.randbytes(6)
    return {"cvr": results}, bytes([1, 20]) + results + source.randbytes(2)


def mastercard_21(source: random.Random) -> tuple[dict[str, bytes], bytes]:
    results, counters = source.randbytes(6), source.randbytes(8)
    return {"cvr": results, "counters": counters}, bytes([1, 21]) + results + source.randbytes(2) + counters


VERSIONS = {
    "visa-22": (cvn.VisaCVN22, visa_22),
    "mastercard-20": (cvn.MasterCardCVN20, mastercard_20),
    "mastercard-21": (cvn.MasterCardCVN21, mastercard_21),
}


def gateway(parameters: list[dict[str, str]]) -> list[dict[str, object]]:
    lines = "".join(json.dumps(one) + "\n" for one in parameters)
    done = subprocess.run(
        ["causeway-gateway", "crypto", "arqc"], input=lines, capture_output=True, text=True, check=False
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


class Cryptograms(unittest.TestCase):
    def test_those_of_pyemv_are_the_gateways(self) -> None:
        source = random.Random(22)
        for version, (card, issuer_data) in VERSIONS.items():
            parameters = []
            for _ in range(TRANSACTIONS):
                key, pan = source.randbytes(16), "".join(source.choices("0123456789", k=source.randint(12, 19)))
                psn = f"{source.randint(0, 99):02}"
                tags = {tag: source.randbytes(size) for tag, size in TAGS.items()}
                own, tag_9f10 = issuer_data(source)
                of_pyemv = card(key, key, key, pan, psn).generate_ac(
                    **{f"tag_{tag.lower()}": value for tag, value in tags.items()}, **own
                )
                given = {"issuer_key": key, "9F10": tag_9f10, "cryptogram": of_pyemv} | tags
                texts = {"version": version, "pan": pan, "psn": psn}
                parameters.append(texts | {name: value.hex() for name, value in given.items()})
            with self.subTest(version):
                answers = gateway(parameters)
                self.assertEqual(len(answers), TRANSACTIONS)
                self.assertEqual([answer.get("matches") for answer in answers], [True] * TRANSACTIONS)


if __name__ == "__main__":
    unittest.main()
