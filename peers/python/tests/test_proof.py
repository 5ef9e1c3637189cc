import contextlib
import copy
import io
import json
import tempfile
import tomllib
import unittest
from pathlib import Path

from causeway_peer.__main__ import main
from causeway_peer.audit import refuses_every_change
from causeway_peer.encoding import Malformed
from causeway_peer.proof import BAD, Refused, Trust, verify

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

    def test_a_round_that_no_vote_can_hold_is_malformed(self):
        for number in (2**32, -1, "0", 0.0, False, None):
            proof = self.load("payment")
            proof["block"]["certificate"]["round"] = number
            with self.assertRaises(Malformed):
                verify(proof, self.trusted)

    def test_odd_values_anywhere_end_in_one_of_the_errors_that_are_told(self):
        def places(value, path=()):
            yield path
            items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
            for key, inner in items:
                yield from places(inner, (*path, key))

        whole, refused = self.load("payment"), 0
        for *path, last in filter(None, places(whole)):
            for odd in (None, -1, 2**32, 2**64, 2**70, 1.5, float("inf"), "", "\ud800", [[]], {"a": 1}):
                proof = copy.deepcopy(whole)
                at = proof
                for key in path:
                    at = at[key]
                at[last] = odd
                try:
                    verify(proof, self.trusted)
                except BAD:
                    refused += 1
        self.assertGreater(refused, 500)


class Program(unittest.TestCase):
    """`python -m causeway_peer`: one bad file does not keep the others from being checked."""

    def run_on(self, *files: Path) -> tuple[int, list[str]]:
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            status = main([str(VECTORS / "genesis.toml"), *map(str, files)])
        return status, said.getvalue().splitlines()

    def test_bad_files_are_told_one_by_one(self):
        payment = json.loads((VECTORS / "payment.json").read_text())
        payment["block"]["certificate"]["round"] = 2**32
        bad = {
            "round": json.dumps(payment).encode(),
            "words": b"not JSON",
            "empty": b"",
            "bytes": b"\xff\xfe\xfd",
            "list": b"[]",
            "deep": b"[" * 200_000,
        }
        with tempfile.TemporaryDirectory() as folder:
            files = [Path(folder) / name for name in bad]
            for file, content in zip(files, bad.values()):
                file.write_bytes(content)
            files.append(Path(folder) / "absent")
            status, lines = self.run_on(*files, VECTORS / "payment.json")
        self.assertEqual(status, 1)
        *told, proved, last = lines
        for file, line in zip(files, told, strict=True):
            self.assertTrue(line.startswith(f"{file}: not valid: "), line)
        self.assertIn('"applied" at height', proved)
        self.assertEqual(last, "1 proofs valid, 7 not")

    def test_good_files_alone_are_status_0(self):
        status, lines = self.run_on(VECTORS / "payment.json", VECTORS / "refusal.json")
        self.assertEqual((status, lines[-1]), (0, "2 proofs valid, 0 not"))
