"""What no client can bring about: a day that is not over, and a database that another program has, or has damaged."""

import sqlite3
import threading
import time
import unittest
from contextlib import closing
from datetime import UTC, datetime, timedelta

import trial


class Faults(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.client = trial.add_client("c")
        cls.customer = cls.client.post("/v1/customers", {"party": {"name": "Anna Schmidt"}})

    def database(self) -> sqlite3.Connection:
        return sqlite3.connect(trial.FOLDER / "c.db", timeout=30, isolation_level=None)

    def test_a_day_that_is_not_over_has_no_statement(self) -> None:
        client = trial.add_client("a")
        account = client.post("/v1/customers", {"party": {"name": "Anna Schmidt"}})["accounts"][0]
        tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
        answer = client.call("GET", f"/v1/accounts/{account['id']}/statement?currency=EUR&date={tomorrow}")
        self.assertEqual((answer.status, answer.code), (409, "3020"), answer)
        followed = datetime.fromisoformat(answer.json["details"]["followed"])
        self.assertLess(followed, datetime.fromisoformat(f"{tomorrow}T00:00:00+00:00"))

    def test_a_fault_of_its_own_is_told_without_its_cause(self) -> None:
        id = self.customer["id"]
        at = f"/v1/customers/{id}"
        with closing(self.database()) as database:
            (kept,) = database.execute("SELECT body FROM customers WHERE id = ?", (id,)).fetchone()
            database.execute("UPDATE customers SET body = ? WHERE id = ?", ('{"damaged', id))
            self.addCleanup(self.restore, kept)
            answer = self.client.call("GET", at)
        self.assertEqual((answer.status, answer.code), (500, "2001"), answer)
        for word in (b"damaged", b"column", b"json", b"sql"):
            self.assertNotIn(word, answer.body.lower())
        # Who runs the gateway can find it.
        self.assertIn("a request failed", (trial.FOLDER / "c.log").read_text())
        self.restore(kept)
        self.assertEqual(self.client.get(at)["id"], id)

    def restore(self, body: str) -> None:
        with closing(self.database()) as database:
            database.execute("UPDATE customers SET body = ? WHERE id = ?", (body, self.customer["id"]))

    def test_a_database_that_another_program_has_is_busy(self) -> None:
        answers: list[trial.Answer] = []
        body, key = {"party": {"name": "Late Comer"}}, {"Idempotency-Key": "busy"}

        def ask() -> trial.Answer:
            return self.client.call("POST", "/v1/customers", body, key)

        asking = threading.Thread(target=lambda: answers.append(ask()))
        with closing(self.database()) as database:
            database.execute("BEGIN IMMEDIATE")
            asking.start()
            # As long as it takes: the gateway waits a while before it says so.
            asking.join(50)
            # What is only read, is.
            self.assertEqual(self.client.get(f"/v1/customers/{self.customer['id']}")["id"], self.customer["id"])
            database.execute("ROLLBACK")
        (answer,) = answers
        self.assertEqual((answer.status, answer.code), (503, "2002"), answer)
        time.sleep(int(answer.headers["retry-after"]))
        # The same request goes well then, and has one effect.
        made = trial.until(ask, lambda answer: answer.status == 201).json
        named = [one["id"] for one in self.client.get("/v1/customers")["data"] if one["party"]["name"] == "Late Comer"]
        self.assertEqual(named, [made["id"]])


if __name__ == "__main__":
    unittest.main()
