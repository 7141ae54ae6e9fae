"""Bulk actions through the public API, as a script of a customer would ask for them."""

import csv
import io
from typing import Any

import httpx2

from tests.kit.bulk_api import Customer
from tests.kit.waiting import eventually

Answer = dict[str, Any]


class BulkActions:
    """The bulk actions of one customer."""

    def __init__(self, customer: Customer) -> None:
        self.customer = customer

    def preview(self, action: str, selection: Answer, **plan: Any) -> Answer:
        """Ask what an action would do."""
        body = {"action": action, "selection": selection, **plan}
        return self.customer.post("/v1/bulk-actions:preview", json=body)

    def order(self, action: str, selection: Answer, **order: Any) -> httpx2.Response:
        """Order an action, which may be refused."""
        body = {"action": action, "selection": selection, "reason": "a test", **order}
        return self.customer.try_post("/v1/bulk-actions", json=body)

    def begin(self, action: str, selection: Answer, **order: Any) -> str:
        """Order an action for as many mailboxes as there are, confirmed, and give the job's id."""
        plan = {name: order[name] for name in ("note", "drop_targets") if name in order}
        count = self.preview(action, selection, **plan)["count"]
        confirmed = {"expected_count": count, "confirmation": {"count": count, "word": action}, **order}
        answer = self.order(action, selection, **confirmed)
        assert answer.status_code == 202, answer.text
        return answer.json()["name"].removeprefix("operations/")

    def done(self, action: str, selection: Answer, **order: Any) -> Answer:
        """Order an action, and give the ended job."""
        return self.ended(self.begin(action, selection, **order))

    def ended(self, job_id: str, within_s: float = 60.0) -> Answer:
        """Wait for a job's end and give it."""
        return self.customer.ended("bulk-actions", job_id, within_s)

    def in_state(self, job_id: str, state: str) -> Answer:
        """Wait until a job is in a state and give it."""

        def job() -> Answer:
            answer = self.customer.http.get(f"/v1/bulk-actions/{job_id}")
            return answer.json() if answer.is_success and answer.json()["state"] == state else {}

        return eventually(job, 60.0)

    def undone(self, job_id: str) -> tuple[Answer, Answer]:
        """Undo a job; give the preview and the ended job."""
        preview = self.customer.post(f"/v1/bulk-actions/{job_id}:previewUndo")
        body = {
            "reason": "a mistake",
            "expected_count": preview["count"],
            "confirmation": {"count": preview["count"]},
        }
        operation = self.customer.post(f"/v1/bulk-actions/{job_id}:undo", json=body)
        return preview, self.ended(operation["name"].removeprefix("operations/"))

    def result(self, job_id: str) -> dict[str, tuple[str, str]]:
        """Give what happened to each address, and the code, from the result's csv."""
        answer = self.customer.http.get(f"/v1/bulk-actions/{job_id}/result", params={"format": "csv"})
        assert answer.is_success, answer.text
        rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
        assert rows[0] == ["Email", "Action", "Result", "Code"]
        return {email: (result, code) for email, _, result, code in rows[1:]}
