"""Checks a payment proof against a genesis file (docs/format.md, "Payment proofs")."""

import copy
import hashlib
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from . import types
from .encoding import Malformed, public_key, unhex

TRUST_MS = 30 * 86_400_000

PROTOCOL_VERSIONS = (1, 2)


class Refused(Exception):
    """The proof shows nothing, and why."""


@dataclass
class Payment:
    id: str
    outcome: Any
    height: int
    time_ms: int
    block: str


# What a bad proof may raise, from the bytes of its file on: it shows nothing; it is no JSON, or a value
# in it is none of its type (Malformed is a ValueError); something is missing; something is another kind
# of value; it is nested too deeply to be read.
BAD = (Refused, ValueError, KeyError, TypeError, RecursionError)


def require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Refused(otherwise)


def big_endian(value: Any, length: int) -> bytes:
    """An unsigned integer of so many bytes, as votes hold it."""
    good = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << (8 * length)
    if not good:
        raise Malformed(f"{value!r} is no unsigned number of {8 * length} bits")
    return value.to_bytes(length, "big")


def digest(domain: str, *parts: bytes) -> bytes:
    return hashlib.sha256(domain.encode() + b"".join(parts)).digest()


class Validators:
    """A set of validators in the order that certificates refer to: ascending by id."""

    def __init__(self, entries: list[dict]):
        require(0 < len(entries) <= 256, "a validator set has 1 to 256 members")
        by_id = {digest("causeway/validator/1", public_key(one["key"]))[:20]: one for one in entries}
        require(len(by_id) == len(entries), "a validator appears twice")
        members = [by_id[key] for key in sorted(by_id)]
        self.members = [{"key": one["key"], "power": one["power"]} for one in members]
        require(all(one["power"] > 0 for one in self.members), "a validator has no power")
        self.total = sum(one["power"] for one in self.members)

    def hash(self) -> bytes:
        return digest("causeway/validators/1", types.VALIDATORS(self.members))


def signed(key: str, domain: str, message: bytes, signature: str) -> bool:
    """Strict Ed25519 (RFC 8032): narrower than the ledger's rule, and equal to it for honest signers."""
    try:
        verifier = Ed25519PublicKey.from_public_bytes(public_key(key)[1:])
        verifier.verify(unhex(signature), domain.encode() + message)
    except (InvalidSignature, ValueError):
        return False
    return True


def root_by_path(leaf: bytes, path: dict) -> bytes:
    """RFC 9162, section 2.1.3.2."""
    index, leaves = path["index"], path["leaves"]
    require(0 <= index < leaves, "the path's index is outside its tree")
    siblings = [unhex(one) for one in path["siblings"]]
    require(all(len(one) == 32 for one in siblings), "a node of the path has not 32 bytes")
    at, last, node = index, leaves - 1, hashlib.sha256(b"\0" + leaf).digest()
    for sibling in siblings:
        require(last > 0, "the path is too long for its tree")
        if at % 2 == 1 or at == last:
            node = hashlib.sha256(b"\1" + sibling + node).digest()
            while at % 2 == 0 and at != 0:
                at, last = at // 2, last // 2
        else:
            node = hashlib.sha256(b"\1" + node + sibling).digest()
        at, last = at // 2, last // 2
    require(last == 0, "the path is too short for its tree")
    return node


class Trust:
    """The validators that are believed, and since when."""

    def __init__(self, genesis: dict):
        self.genesis = digest("causeway/genesis/1", types.GENESIS(genesis))
        self.validators = Validators(genesis["validators"])
        self.as_of = genesis["time_ms"]
        self.since = 0

    def check_final(self, certified: dict) -> bytes:
        """The block id of a header that a quorum of the trusted validators has made final."""
        header, certificate = certified["header"], certified["certificate"]
        require(unhex(header["genesis"]) == self.genesis, "made on another network")
        require(header["version"] in PROTOCOL_VERSIONS, "made by a protocol version that is not known: update this")
        block = digest("causeway/block/1", types.HEADER(header))
        same = unhex(certificate["block"]) == block and certificate["height"] == header["height"]
        require(same, "the certificate is for another block")
        require(unhex(header["validators_hash"]) == self.validators.hash(), "decided by other validators")
        signers = [one["signer"] for one in certificate["signatures"]]
        require(signers == sorted(set(signers)), "signers are not ascending")
        members = self.validators.members
        require(all(0 <= signer < len(members) for signer in signers), "a signer is not in the set")
        power = sum(members[signer]["power"] for signer in signers)
        require(3 * power > 2 * self.validators.total, "not more than two thirds of the power signed")
        message = (
            self.genesis
            + b"\2"
            + big_endian(certificate["height"], 8)
            + big_endian(certificate["round"], 4)
            + b"\1"
            + block
        )
        for one in certificate["signatures"]:
            key = members[one["signer"]]["key"]
            require(signed(key, "causeway/vote/1", message, one["signature"]), "a validator's signature is not good")
        require(header["time_ms"] - self.as_of <= TRUST_MS, "the trust has lapsed")
        return block

    def follow(self, handover: dict) -> None:
        self.check_final(handover["last"])
        following = Validators(handover["next"])
        last = handover["last"]["header"]
        require(last["height"] > self.since, "the changes of validators are not in their order")
        require(following.hash() == unhex(last["next_validators_hash"]), "the next set is another one")
        self.validators, self.as_of, self.since = following, last["time_ms"], last["height"]


def verify(proof: dict, trusted: Trust) -> Payment:
    """What a proof shows. Raises one of BAD for any other."""
    require(proof["version"] == 1, "a version that is not known")
    trust = copy.copy(trusted)
    for handover in proof.get("handovers", []):
        trust.follow(handover)
    block = trust.check_final(proof["block"])

    body, signatures = proof["transaction"]["transaction"], proof["transaction"]["signatures"]
    require(body["version"] == 1, "a transaction version that is not known")
    require(unhex(body["genesis"]) == trust.genesis[:8], "the transaction is for another network")
    require(len(body["actions"]) >= 1, "a transaction without actions")
    payment = digest("causeway/tx/1", types.TRANSACTION(body))
    keys = [public_key(one["key"]) for one in signatures]
    require(1 <= len(keys) <= 16 and keys == sorted(set(keys)), "the payer's keys are not ascending")
    for one in signatures:
        require(signed(one["key"], "causeway/tx/1", payment, one["signature"]), "a payer's signature is not good")

    receipt, header = proof["receipt"], proof["block"]["header"]
    require(receipt["subject"] == {"transaction": payment.hex()}, "the receipt is for another transaction")
    in_place = proof["path"]["index"] == receipt["index"]
    root = root_by_path(types.RECEIPT(receipt), proof["path"])
    require(in_place and root == unhex(header["receipts_root"]), "the receipt is not in the block")
    return Payment(payment.hex(), receipt["outcome"], header["height"], header["time_ms"], block.hex())
