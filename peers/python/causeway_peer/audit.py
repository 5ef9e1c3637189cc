"""python -m causeway_peer.audit FOLDER : checks what a demo wrote, with nothing of the Rust code.

Every receipt must verify against the genesis file, together they must be the payroll's lines, each
once, to the addresses of the contacts; and a receipt with anything changed must be refused.
"""

import copy
import csv
import json
import sys
import tomllib
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any, Iterator

from .address import decode
from .proof import BAD, Trust, verify


def changes(value: Any) -> Iterator[Any]:
    """The value with one leaf changed, for each leaf."""
    if isinstance(value, dict):
        for key in value:
            for changed in changes(value[key]):
                yield {**value, key: changed}
    elif isinstance(value, list):
        for index in range(len(value)):
            for changed in changes(value[index]):
                yield value[:index] + [changed] + value[index + 1 :]
        if value:
            yield value[:-1]
    elif isinstance(value, str):
        digit = value[-1:]
        yield value[:-1] + ("0" if digit != "0" else "1")
    elif isinstance(value, int):
        yield value + 1


def refuses_every_change(proof: dict, trusted: Trust) -> int:
    """How many changed proofs were refused. A changed one that verifies is an error."""
    count = 0
    for changed in changes(proof):
        try:
            verify(changed, trusted)
        except BAD:
            count += 1
        else:
            if is_harmless(proof, changed):
                continue
            raise SystemExit(f"audit: a changed proof was believed: {json.dumps(changed)}")
    return count


def is_harmless(proof: dict, changed: dict) -> bool:
    """A certificate with a signature more than it needs stays good without it; and a path may fit
    trees of several sizes, but leads to this leaf at this index in each."""
    restored = copy.deepcopy(changed)
    restored["block"]["certificate"]["signatures"] = proof["block"]["certificate"]["signatures"]
    restored["path"]["leaves"] = proof["path"]["leaves"]
    fewer = len(changed["block"]["certificate"]["signatures"]) < len(proof["block"]["certificate"]["signatures"])
    return restored == proof and (fewer or changed["path"]["leaves"] != proof["path"]["leaves"])


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    folder = Path(arguments[0])
    genesis = tomllib.loads((folder / "network" / "genesis.toml").read_text())
    trusted = Trust(genesis)
    report = json.loads((folder / "demo.json").read_text())
    exponents = {one["code"]: one["exponent"] for one in genesis["currencies"]}
    names = {}
    for row in csv.DictReader((folder / "contacts.csv").open()):
        prefix, account = decode(row["address"])
        if prefix != genesis["address_prefix"]:
            raise SystemExit(f"audit: {row['address']} is an address of another network")
        names[account.hex()] = row["name"]

    proved: Counter = Counter()
    outcomes: Counter = Counter()
    sample = None
    for path in sorted((folder / "receipts").glob("*.json")):
        proof = json.loads(path.read_text())
        try:
            payment = verify(proof, trusted)
        except BAD as error:
            raise SystemExit(f"audit: {path.name}: not valid: {error}") from error
        if payment.id != path.stem:
            raise SystemExit(f"audit: {path.name} proves {payment.id}")
        body = proof["transaction"]["transaction"]
        (action,) = body["actions"]
        transfer = action["transfer"]
        amount = Decimal(transfer["amount"]).scaleb(-exponents[transfer["currency"]])
        proved[(names[transfer["to"]], amount, transfer["currency"], body["memo"])] += 1
        refused = payment.outcome != "applied"
        outcomes[payment.outcome["rejected"]["reason"] if refused else "applied"] += 1
        # One with a path and a reason has the most that can be changed.
        if sample is None or (refused and proof["path"]["siblings"]):
            sample = proof

    rows = csv.DictReader((folder / "payroll.csv").open())
    asked = Counter((row["beneficiary"], Decimal(row["amount"]), row["currency"], row["reference"]) for row in rows)
    if proved != asked:
        odd = list((asked - proved).items())[:3] + list((proved - asked).items())[:3]
        raise SystemExit(f"audit: the receipts are not the payroll's lines: {odd}")
    told = Counter(report["payroll"]["refused"]) + Counter(applied=report["payroll"]["applied"])
    if outcomes != told:
        raise SystemExit(f"audit: the receipts prove {dict(outcomes)}, and the demo says {dict(told)}")
    count = refuses_every_change(sample, trusted)
    print(f"{proved.total()} receipts valid, one for each line: {dict(outcomes)}")
    print(f"{len(names)} addresses decoded; {count} changed receipts refused")
    print("audit: ok")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
