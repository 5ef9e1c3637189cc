"""Schemathesis makes requests of all kinds by the gateway's own description, and holds the answers against it."""

import json
import os
import re
import subprocess
import unittest
from pathlib import Path

import trial

# Well-formed by the description, and refused for what it cannot say: check digits of an IBAN, a name without a letter,
# a host in a URL, one of two amounts, an unknown scope, a NUL in a text, a day that no
# calendar has.
UNSAID = ["/v1/accounts/{id}/statement", "/v1/aliases/resolve", "/v1/bulk", "/v1/cards", "/v1/customers", "/v1/disputes", "/v1/iso20022/messages", "/v1/merchants", "/v1/merchants/{id}/terms", "/v1/orders", "/v1/orders/{id}/card", "/v1/orders/{id}/present", "/v1/quotes", "/v1/remittances", "/v1/settlements", "/v1/webhooks", "/oauth/token"]

# 422: of unknown accounts and operators, and of a key that was used for another body.
ACCEPTED = ["2xx", 401, 403, 404, 409, 422, 429]


class Schema(unittest.TestCase):
    def test_nothing_is_found(self) -> None:
        client = trial.add_client("a", trial.all_scopes())
        account = trial.payer(client)
        remittance = trial.remit(client, account, trial.payee(trial.add_client("b"), "SCHEMA"))
        trial.becomes(client, remittance, "completed")
        webhook = client.post("/v1/webhooks", {"url": f"http://{trial.PLACES['hooks']}/"})
        event = client.get("/v1/events?limit=1")["data"][0]
        ids = {
            "quotes": remittance["quote"],
            "remittances": remittance["id"],
            "customers": account["customer"],
            "accounts": account["id"],
            "events": event["id"],
        }
        settings = [f"checks.positive_data_acceptance.expected-statuses = {json.dumps(ACCEPTED)}"]
        loose = f"checks.positive_data_acceptance.expected-statuses = {json.dumps([*ACCEPTED, 400])}"
        for path in UNSAID:
            # The others are said with their ids below.
            if "{id}" not in path or path.split("/")[2] not in ids:
                settings += operation(path, loose)
        for kind, its in ids.items():
            for rest in rests(kind):
                path = f"/v1/{kind}/{{id}}{rest}"
                settings += operation(path, f'parameters = {{ "path.id" = "{its}" }}')
                settings += [loose] if path in UNSAID else []
        # Deleting goes by ids that nothing has.
        for rest in rests("webhooks"):
            if rest:
                settings += operation(f"/v1/webhooks/{{id}}{rest}", f'parameters = {{ "path.id" = "{webhook["id"]}" }}')
        told = run_schemathesis(client, settings, "examples,coverage,fuzzing", "--max-examples=15")
        self.assertRegex(told, r"Selected: (\d+)/\1\n +Tested: \1\n")

    def test_nothing_is_found_in_what_follows_what_was_made(self) -> None:
        """What one request has made is used by the next ones, and what was deleted is gone. Only of what is made by fields
        that the description says all about: the ids of quotes, remittances and bulks come of requests whose accounts must
        be there and have money, and Schemathesis makes none of these."""
        client = trial.add_client("a", trial.all_scopes())
        settings = [f"checks.positive_data_acceptance.expected-statuses = {json.dumps([*ACCEPTED, 400])}"]
        paths = "--include-path-regex=^/v1/(customers|accounts|webhooks|events|aliases)"
        told = run_schemathesis(client, settings, "stateful", "--max-examples=40", paths, hooks="fresh_keys")
        covered = re.search(r"API Links: +(\d+) covered", told)
        # Not so many if whatever is made is refused.
        self.assertGreaterEqual(int(covered[1]) if covered else 0, 8, told)


def run_schemathesis(client: trial.Client, settings: list[str], phases: str, *more: str, hooks: str = "") -> str:
    """What it says if it finds nothing."""
    config = trial.FOLDER / "schemathesis.toml"
    config.write_text("\n".join(settings))
    done = subprocess.run(
        ["schemathesis", f"--config-file={config}", "run", f"{client.url}/openapi.json", "--no-color"]
        + ["--header", f"Authorization: Bearer {client.token()}", "--checks=all", "--continue-on-failure"]
        + [f"--phases={phases}", f"--seed={os.environ.get('SCHEMATHESIS_SEED', '1')}", *more],
        cwd=trial.FOLDER,
        env=os.environ | ({"SCHEMATHESIS_HOOKS": hooks, "PYTHONPATH": str(Path(__file__).parent)} if hooks else {}),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def operation(path: str, setting: str) -> list[str]:
    return ["[[operations]]", f'include-path = "{path}"', setting]


def rests(kind: str) -> list[str]:
    """What may follow an object's id in a path."""
    paths = trial.request(trial.PLACES["a"], "GET", "/openapi.json", {}).json["paths"]
    start = f"/v1/{kind}/{{id}}"
    return [path.removeprefix(start) for path in paths if path.startswith(start)]


if __name__ == "__main__":
    unittest.main()
