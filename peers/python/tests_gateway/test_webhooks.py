"""A receiver of webhooks that verifies them with another library, and their proofs with the reader of this folder."""

import http.server
import threading
import tomllib
import unittest
from pathlib import Path

import trial
from causeway_peer.proof import Trust, verify
from standardwebhooks.webhooks import Webhook, WebhookVerificationError


class Receiver(http.server.ThreadingHTTPServer):
    """Keeps what comes to each path, and answers with the status that the path begins with."""

    def __init__(self) -> None:
        host, port = trial.PLACES["hooks"].split(":")
        super().__init__((host, int(port)), Handler)
        self.came: list[tuple[str, dict[str, str], bytes]] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def at(self, path: str) -> list[tuple[dict[str, str], bytes]]:
        return [(headers, body) for where, headers, body in list(self.came) if where == path]


class Handler(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.came.append((self.path, {name.lower(): it for name, it in self.headers.items()}, body))
        self.send_response(int(self.path.split("/")[1]))
        self.send_header("location", "/200/elsewhere")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class Webhooks(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.receiver = Receiver()
        cls.client = trial.add_client("a")
        cls.account = trial.payer(cls.client)
        cls.payee = trial.payee(trial.add_client("b"), "HOOKED")

    @classmethod
    def tearDownClass(cls) -> None:
        cls.receiver.shutdown()
        cls.receiver.server_close()

    def endpoint(self, path: str, **more) -> dict:
        return self.client.post("/v1/webhooks", {"url": f"http://{trial.PLACES['hooks']}{path}", **more})

    def came(self, path: str, count: int) -> list[tuple[dict[str, str], bytes]]:
        return trial.until(lambda: self.receiver.at(path), lambda found: len(found) >= count)

    def completed(self) -> dict:
        remittance = trial.remit(self.client, self.account, self.payee)
        return trial.becomes(self.client, remittance, "completed")

    def test_what_comes_is_signed_and_has_a_proof(self) -> None:
        endpoint = self.endpoint("/200/all", events=["remittance.completed"])
        remittance = self.completed()
        [(headers, body)] = self.came("/200/all", 1)
        event = Webhook(endpoint["secret"]).verify(body, headers)
        self.assertEqual(event["type"], "remittance.completed")
        self.assertEqual(event["id"], headers["webhook-id"])
        self.assertEqual(event["data"]["id"], remittance["id"])
        self.assertEqual(event, self.client.get(f"/v1/events/{event['id']}"))
        trusted = Trust(tomllib.loads(Path(trial.PLACES["genesis"]).read_text()))
        payment = verify(event["data"]["proof"], trusted)
        self.assertEqual((payment.id, payment.outcome), (remittance["ledger"]["posting"], "applied"))
        for changed in (
            (body.replace(b"completed", b"cancelled", 1), headers),
            (body, headers | {"webhook-id": "evt_1"}),
            (body, headers | {"webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)}),
        ):
            with self.assertRaises(WebhookVerificationError):
                Webhook(endpoint["secret"]).verify(*changed)
        self.client.call("DELETE", f"/v1/webhooks/{endpoint['id']}")

    def test_after_a_rotation_both_secrets_sign(self) -> None:
        endpoint = self.endpoint("/200/rotated", events=["remittance.completed"])
        new = self.client.post(f"/v1/webhooks/{endpoint['id']}/rotate", {})
        self.assertNotEqual(new["secret"], endpoint["secret"])
        self.completed()
        [(headers, body)] = self.came("/200/rotated", 1)
        for secret in (endpoint["secret"], new["secret"]):
            Webhook(secret).verify(body, headers)
        resent = Webhook(new["secret"]).verify(body, headers)["id"]
        self.assertEqual(self.client.call("POST", f"/v1/events/{resent}/resend", {}).status, 202)
        self.assertEqual(self.came("/200/rotated", 2)[1][0]["webhook-id"], resent)
        self.client.call("DELETE", f"/v1/webhooks/{endpoint['id']}")

    def test_redirects_are_not_followed_and_410_is_the_end(self) -> None:
        moved = self.endpoint("/302/moved", events=["remittance.completed"])
        gone = self.endpoint("/410/gone", events=["remittance.completed"])
        self.completed()
        # Tried again after five seconds, at the same place.
        self.came("/302/moved", 2)
        self.assertEqual(self.receiver.at("/200/elsewhere"), [])
        tried = self.client.get(f"/v1/webhooks/{moved['id']}/deliveries")["data"][0]
        self.assertEqual((tried["done"], tried["attempts"][0]["status"]), (False, 302))
        now = {one["id"]: one for one in self.client.get("/v1/webhooks")["data"]}
        self.assertEqual((now[gone["id"]]["disabled"], now[moved["id"]]["disabled"]), (True, False))
        self.assertEqual(len(self.receiver.at("/410/gone")), 1)
        for one in (moved, gone):
            self.client.call("DELETE", f"/v1/webhooks/{one['id']}")

    def test_nothing_goes_to_this_machine_or_network(self) -> None:
        hosts = """127.0.0.1 127.1 127.0.0.1:1 localhost 2130706433 0x7f000001 0177.0.0.1 0.0.0.0 10.0.0.1 172.16.0.1
            192.168.1.1 169.254.169.254 100.64.0.1 224.0.0.1 255.255.255.255 [::1] [::] [::ffff:127.0.0.1]
            [::ffff:10.0.0.1] [fe80::1] [fc00::1] [64:ff9b::7f00:1] [2002:7f00:1::]"""
        _, port = trial.PLACES["hooks"].split(":")
        elsewhere = [f"http://localhost:{port}/", f"http://127.0.0.1:{int(port) + 1}/", f"http://127.0.0.2:{port}/"]
        refused, sent = [], []
        for url in [f"https://{host}/" for host in hosts.split()] + elsewhere:
            answer = self.client.call("POST", "/v1/webhooks", {"url": url, "events": ["remittance.cancelled"]})
            if answer.status == 201:
                sent.append(answer.json["id"])
            else:
                self.assertEqual((answer.status, answer.code, answer.json["param"]), (400, "1004", "url"), url)
                refused.append(url)
        self.assertEqual(refused[-3:], elsewhere)
        remittance = trial.remit(self.client, self.account, trial.payee(trial.TEST_MODE, "TESTIGNORE"))
        self.client.post(f"/v1/remittances/{remittance['id']}/cancel", {})
        for webhook in sent:
            target = f"/v1/webhooks/{webhook}/deliveries"
            tried = trial.until(lambda: self.client.get(target)["data"], lambda data: data and data[0]["attempts"])
            first = tried[0]["attempts"][0]
            self.assertNotIn("status", first)
            self.assertRegex(first["outcome"], "address", webhook)
            self.client.call("DELETE", f"/v1/webhooks/{webhook}")


if __name__ == "__main__":
    unittest.main()
