"""python -m causeway_peer GENESIS.toml PROOF.json... : verifies proofs; exit status 1 if one is bad."""

import json
import sys
import tomllib
from pathlib import Path

from .proof import BAD, Trust, verify


def main(arguments: list[str]) -> int:
    if len(arguments) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    trusted = Trust(tomllib.loads(Path(arguments[0]).read_text()))
    bad = 0
    for name in arguments[1:]:
        try:
            payment = verify(json.loads(Path(name).read_bytes()), trusted)
        except (*BAD, OSError) as error:
            print(f"{name}: not valid: {error}")
            bad += 1
        else:
            print(f"{payment.id} {json.dumps(payment.outcome)} at height {payment.height}")
    print(f"{len(arguments) - 1 - bad} proofs valid, {bad} not")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
