import json
import tomllib
import unittest
from pathlib import Path

from causeway_peer.audit import refuses_every_change
from causeway_peer.proof import Refused, Trust, verify

VECTORS = Path(__file__).parent / "vectors"


class Proof(unittest.TestCase):
    """Against proofs that a demo wrote once: the format may not drift away from them."""

    def setUp(self):
        self.genesis = tomllib.loads((VECTORS / "genesis.toml").read_text())
        self.trusted = Trust(self.genesis)

    def load(self, name: str) -> dict:
        return json.loads((VECTORS / f"{name}.json").read_text())

    def test_a_payment_and_a_refusal_are_proved(self):
        self.assertEqual(verify(self.load("payment"), self.trusted).outcome, "applied")
        refused = verify(self.load("refusal"), self.trusted).outcome["rejected"]
        self.assertEqual(refused["action"], 0)

    def test_nothing_in_a_proof_can_be_changed(self):
        for name in ("payment", "refusal"):
            self.assertGreater(refuses_every_change(self.load(name), self.trusted), 40)

    def test_another_genesis_is_another_network(self):
        other = Trust({**self.genesis, "time_ms": self.genesis["time_ms"] + 1})
        with self.assertRaises(Refused):
            verify(self.load("payment"), other)

    def test_too_few_validators_prove_nothing(self):
        proof = self.load("payment")
        certificate = proof["block"]["certificate"]
        certificate["signatures"] = certificate["signatures"][:2]
        with self.assertRaises(Refused):
            verify(proof, self.trusted)

    def test_a_trust_lapses(self):
        self.trusted.as_of -= 31 * 86_400_000
        with self.assertRaises(Refused):
            verify(self.load("payment"), self.trusted)
