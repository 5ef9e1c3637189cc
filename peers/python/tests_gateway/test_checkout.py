"""The checkout page in Chromium: seen, scanned from the screen by a wallet, paid, and told of it by the gateway.

Pictures of the page go to the folder that CAUSEWAY_SCREENSHOTS names, for whoever wants to look at them.
"""

import json
import os
import pathlib
import shutil
import tempfile
import unittest
from contextlib import contextmanager

import trial
from playwright.sync_api import Page, expect, sync_playwright

SHOP = {"name": "Noodles & Co", "city": "Bangkok", "country": "TH", "category": "5812"}
PHONE = {"width": 360, "height": 740}
# The gateway knows of a payment when its block is final; expiry waits for a block too.
SOON = 30_000


class Checkout(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        program = shutil.which("chromium")
        assert program, "there is no chromium to open the page with: apt-get install chromium"
        cls.client = trial.add_client("a")
        cls.merchant = cls.client.post("/v1/merchants", SHOP)["id"]
        playwright = sync_playwright().start()
        cls.addClassCleanup(playwright.stop)
        # Chromium's sandbox does not work for root, and the pages are our own.
        cls.browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        cls.addClassCleanup(cls.browser.close)
        place = os.environ.get("CAUSEWAY_SCREENSHOTS") or cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.place = pathlib.Path(place)

    def order(self, **more: object) -> dict:
        amount = {"currency": "THB", "value": "42.00"}
        return self.client.post("/v1/orders", {"merchant": self.merchant, "amount": amount} | more)

    @contextmanager
    def opened(self, order: dict, **how: object):
        """The order's page. Nothing of it fails, is refused by its policy, or is wider than the screen."""
        context = self.browser.new_context(**{"viewport": PHONE, "device_scale_factor": 3} | how)
        try:
            page = context.new_page()
            faults: list[str] = []
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
            page.goto(order["checkout_url"])
            yield page
            self.assertEqual(faults, [])
        finally:
            context.close()

    def picture(self, page: Page, name: str) -> pathlib.Path:
        width = page.viewport_size["width"]
        self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), width, name)
        path = self.place / f"{name}.png"
        page.screenshot(path=path, full_page=True)
        return path

    def scan(self, picture: pathlib.Path, *more: str) -> dict:
        return json.loads(trial.run("causeway", "scan", str(picture), "--home", "provider.wallet", "--json", *more))

    def status_is(self, page: Page, text: str) -> None:
        expect(page.get_by_role("status")).to_have_text(text, timeout=SOON)

    def test_what_the_screen_shows_is_paid_and_the_page_is_told(self) -> None:
        order = self.order(description="Two bowls of soup", reference="A-17")
        with self.opened(order) as page:
            streams, loads = [], []
            page.on("response", lambda answer: streams.append(answer) if answer.url.endswith("/events") else None)
            page.on("load", lambda: loads.append(page.url))
            page.reload()
            self.status_is(page, "Waiting for the payment")
            self.assertRegex(page.locator("#left").inner_text(), r"^1[45]:[0-5][0-9]$")
            before = self.picture(page, "created-360")
            scanned = self.scan(before)
            self.assertEqual((scanned["amount"], scanned["memo"]), ("42.00", order["memo"]))
            trial.run("causeway", "scan", str(before), "--home", "provider.wallet", "--pay", "provider")
            self.status_is(page, "Paid")
            self.picture(page, "paid-360")
            self.assertEqual(streams[0].headers["content-type"], "text/event-stream")
            # Told once by the stream, and not asked for again and again.
            self.assertEqual(len(loads), 2)
            with page.expect_download() as receipt:
                page.get_by_role("link", name="Download the proof of the payment").click()
            proof = receipt.value.path()
            trial.run("causeway", "verify", "--home", "provider.wallet", str(proof))
            expect(page.get_by_role("img")).to_have_count(0)

    def test_the_code_is_read_from_a_dark_page_of_any_width(self) -> None:
        order = self.order()
        for width in (320, 360, 1280):
            how = {"viewport": {"width": width, "height": 740}, "color_scheme": "dark"}
            # Phones have more pixels.
            how["device_scale_factor"] = 3 if width < 500 else 1
            with self.opened(order, **how) as page:
                picture = self.picture(page, f"created-dark-{width}")
                self.assertEqual(self.scan(picture)["memo"], order["memo"])

    def test_a_page_sees_that_its_order_is_cancelled_or_over(self) -> None:
        cancelled, over = self.order(), self.order(expires_in=30)
        with self.opened(cancelled) as page, self.opened(over, color_scheme="dark") as late:
            self.client.post(f"/v1/orders/{cancelled['id']}/cancel", {})
            self.status_is(page, "Cancelled")
            self.picture(page, "cancelled-360")
            expect(late.get_by_role("status")).to_have_text("Expired", timeout=30_000 + SOON)
            self.picture(late, "expired-dark-360")
            for one in (page, late):
                expect(one.get_by_role("img")).to_have_count(0)

    def test_without_scripts_the_page_asks_again(self) -> None:
        order = self.order()
        with self.opened(order, java_script_enabled=False) as page:
            page.screenshot(path=self.place / "scriptless-360.png", full_page=True)
            self.client.post(f"/v1/orders/{order['id']}/cancel", {})
            self.status_is(page, "Cancelled")


if __name__ == "__main__":
    unittest.main()
