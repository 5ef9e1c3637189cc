"""The network and the gateways that `scripts/gateway-trial` has started, and clients of them."""

import base64
import http.client
import itertools
import json
import os
import subprocess
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

ALL = "all"

T = TypeVar("T")

PLACES = json.loads(Path(os.environ["CAUSEWAY_TRIAL"]).read_text())
FOLDER = Path(PLACES["folder"])


def run(*command: str) -> str:
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command}: {done.stdout}{done.stderr}")
    return done.stdout


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """Of problem details; empty for everything else."""
        if self.headers.get("content-type") != "application/problem+json":
            return ""
        return self.json["code"]


def request(url: str, method: str, target: str, headers: dict[str, str], body: bytes | None = None) -> Answer:
    """As it is: the target is not made any better."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    try:
        connection.request(method, target, body, headers)
        answer = connection.getresponse()
        fields = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, fields, answer.read())
    finally:
        connection.close()


@dataclass(frozen=True)
class Client:
    """A program that has been registered at a gateway."""

    gateway: str
    id: str
    secret: str

    @property
    def url(self) -> str:
        return PLACES[self.gateway]

    @cache
    def token(self, scope: str = "") -> str:
        basic = base64.b64encode(f"{self.id}:{self.secret}".encode()).decode()
        headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
        form = f"grant_type=client_credentials&scope={scope}".encode()
        answer = request(self.url, "POST", "/oauth/token", headers, form)
        assert answer.status == 200, answer
        return answer.json["access_token"]

    def call(
        self,
        method: str,
        target: str,
        body: Any = None,
        headers: dict[str, str | None] | None = None,
        scope: str = "",
    ) -> Answer:
        """With a token, and a key of its own unless there is one. Bytes go as they are; None leaves a header out."""
        fields: dict[str, str | None] = {"Authorization": f"Bearer {self.token(scope)}"}
        if method == "POST":
            fields |= {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
        fields |= headers or {}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        return request(self.url, method, target, {name: it for name, it in fields.items() if it is not None}, body)

    def get(self, target: str) -> Any:
        answer = self.call("GET", target)
        assert answer.status == 200, answer
        return answer.json

    def post(self, target: str, body: Any) -> Any:
        answer = self.call("POST", target, body)
        assert answer.status < 300, answer
        return answer.json


def add_client(gateway: str, scopes: str = ALL, *more: str) -> Client:
    config = ["--config", f"{gateway}.toml", "--name", "trial", "--scopes", scopes]
    made = json.loads(run("causeway-gateway", "clients", "add", *config, *more))
    return Client(gateway, made["client_id"], made["client_secret"])


def all_scopes() -> str:
    """Those of the metadata: with admin."""
    answer = request(PLACES["a"], "GET", "/.well-known/oauth-authorization-server", {})
    return " ".join(answer.json["scopes_supported"])


numbers = itertools.count(1)


def payer(client: Client, euros: str = "20000.00") -> Any:
    """A customer's account with money in it."""
    customer = client.post("/v1/customers", {"party": {"name": "Anna Schmidt"}})
    account = customer["accounts"][0]
    run("causeway", "issue", "--home", "provider.wallet", account["address"], euros, "EUR", "--key", "CBEUR")
    return account


@cache
def payee(client: Client, merchant: str, external: bool = False) -> str:
    """A customer's merchant id: of test mode, there is one each."""
    aliases = [{"kind": "merchant", "value": merchant}]
    client.post("/v1/customers", {"party": {"name": "Nok Srisai"}, "aliases": aliases, "external": external})
    return merchant


def quote(client: Client, account: Any, target: str = "THB") -> Any:
    """Once the liquidity provider quotes: it has to wait for its own old promises first."""
    body = {
        "account": account["id"],
        "source": {"currency": "EUR", "value": "10.00"},
        "target": {"currency": target},
    }
    return until(lambda: client.call("POST", "/v1/quotes", body), lambda answer: answer.status == 201).json


def remittance_to(merchant: str, quoted: Any, **more: Any) -> Any:
    beneficiary = {"party": {"name": "Nok Srisai"}, "account": {"merchant": merchant}, "operator": "BANKB"}
    return {"quote": quoted["id"], "beneficiary": beneficiary, **more}


def remit(client: Client, account: Any, merchant: str) -> Any:
    return client.post("/v1/remittances", remittance_to(merchant, quote(client, account)))


def incoming(client: Client, uetr: str, state: str) -> Any:
    """The copy of the beneficiary's operator."""

    def find() -> Any:
        page = client.get("/v1/remittances?limit=100")
        return next((one for one in page["data"] if one["uetr"] == uetr), None)

    return until(find, lambda one: one is not None and one["state"] == state)


def becomes(client: Client, remittance: Any, state: str) -> Any:
    return until(lambda: client.get(f"/v1/remittances/{remittance['id']}"), lambda now: now["state"] == state)


def until(look: Callable[[], T], good: Callable[[T], bool], seconds: float = 60) -> T:
    end = time.monotonic() + seconds
    while not good(found := look()):
        assert time.monotonic() < end, found
        time.sleep(0.2)
    return found


# Whose the beneficiaries of test mode are: there can be one of each alias.
TEST_MODE = add_client("b")
