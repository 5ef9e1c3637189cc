"""The page on which a remittance is followed, in a real browser."""

import json
import shutil
import subprocess
import tempfile
import unittest
from urllib.parse import urlsplit

import trial

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def shown(url: str) -> str:
    """The document as the browser has it in the end."""
    with tempfile.TemporaryDirectory() as profile:
        command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}", "--dump-dom", url]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


@unittest.skipUnless(BROWSER, "no Chromium here; make test-peers installs it where it may")
class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.client = trial.add_client("a")
        cls.account = trial.payer(cls.client)
        cls.payee = trial.payee(trial.add_client("b"), "FOLLOWED")
        sent = trial.remit(cls.client, cls.account, cls.payee)
        cls.remittance = trial.becomes(cls.client, sent, "completed")

    def test_what_has_happened_is_told_without_names(self) -> None:
        page = shown(self.remittance["tracking_url"])
        self.assertIn("Completed", page)
        target = self.remittance["target"]
        self.assertIn(f"{target['value']} {target['currency']}", page)
        heights = [moment["height"] for moment in self.remittance["timeline"] if "height" in moment]
        for height in heights:
            self.assertIn(f"final in block {height}", page)
        for party in (self.remittance["sender"], self.remittance["beneficiary"]):
            self.assertNotIn(party["name"], page)
        self.assertNotIn("<script", page)

    def test_nobody_learns_of_it_by_the_way(self) -> None:
        url = urlsplit(self.remittance["tracking_url"])
        answer = trial.request(self.client.url, "GET", url.path, {})
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["referrer-policy"], "no-referrer")
        self.assertEqual(answer.headers["cache-control"], "no-store")
        self.assertTrue(answer.headers["content-security-policy"].startswith("default-src 'none'"))

    def test_the_proof_is_the_remittances(self) -> None:
        path = urlsplit(self.remittance["tracking_url"]).path + "/proof"
        proof = trial.request(self.client.url, "GET", path, {}).json
        self.assertEqual(json.dumps(proof, sort_keys=True), json.dumps(self.remittance["proof"], sort_keys=True))

    def test_other_addresses_are_none(self) -> None:
        for token in ("AAAAAAAAAAAAAAAAAAAAAA", "x", "..%2f..", "A" * 500):
            answer = trial.request(self.client.url, "GET", f"/track/{token}", {})
            self.assertEqual(answer.status, 404, token)


if __name__ == "__main__":
    unittest.main()
