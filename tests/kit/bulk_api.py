"""A customer with a domain, for tests that import and export through the public API."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import httpx2

from deploy.local.roles import LARGE_IMPORT_TENANT
from deploy.local.stack import Stack
from tests.kit.waiting import eventually

CATCH_UP_S = 30.0
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Customer:
    """A tenant of its own with one active domain, and what it can order."""

    def __init__(self, http: httpx2.Client, tenant: str, domain: str) -> None:
        self.http = http
        self.tenant = tenant
        self.domain = domain
        self.position: str | None = None

    def add_domain(self, domain: str) -> None:
        """Register and activate a domain."""
        self.post("/v1/domains", json={"domain": domain})
        self.post(f"/v1/domains/{domain}:activate")

    def post(self, path: str, **request: Any) -> dict[str, Any]:
        """Order something; anything but success fails the test."""
        answer = self.try_post(path, **request)
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    def patch(self, path: str, **fields: Any) -> None:
        """Change fields of something; anything but success fails the test."""
        answer = self.http.patch(path, json=fields)
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text}"
        self._position = answer.headers["Postfach-Position"]

    def try_post(self, path: str, **request: Any) -> httpx2.Response:
        """Order something that may be refused."""
        headers = {"Idempotency-Key": str(uuid4()), **request.pop("headers", {})}
        answer = self.http.post(path, headers=headers, **request)
        self.position = answer.headers.get("Postfach-Position", self.position)
        return answer

    def get(self, path: str, **parameters: Any) -> dict[str, Any]:
        """Ask for something that is there, as it is after what was ordered last."""
        headers = {} if self.position is None else {"Postfach-After": self.position}

        def caught_up() -> httpx2.Response | None:
            answer = self.http.get(path, params=parameters, headers=headers)
            return None if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE else answer

        answer = eventually(caught_up, CATCH_UP_S)
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    def upload(self, workbook: bytes, **options: Any) -> str:
        """Begin an import of a workbook, or of csv text, and give its job id."""
        kind = XLSX if workbook.startswith(b"PK") else "text/csv"
        operation = self.post("/v1/imports", content=workbook, params=options, headers={"Content-Type": kind})
        return operation["name"].removeprefix("operations/")

    def ended(self, kind: str, job_id: str, within_s: float = 60.0) -> dict[str, Any]:
        """Wait for the end of a job and give it."""

        def job() -> dict[str, Any]:
            answer = self.http.get(f"/v1/{kind}/{job_id}")
            if answer.status_code == 404:
                return {}
            assert answer.is_success, answer.text
            return answer.json() if answer.json()["done"] else {}

        return eventually(job, within_s)

    def imported(self, workbook: bytes, within_s: float = 60.0, **options: Any) -> dict[str, Any]:
        """Import a workbook and give the ended job."""
        return self.ended("imports", self.upload(workbook, **options), within_s)

    def exported(self, **order: Any) -> tuple[dict[str, Any], bytes]:
        """Export, and give the ended job and its file."""
        operation = self.post("/v1/exports", json=order)
        job = self.ended("exports", operation["name"].removeprefix("operations/"))
        assert job["state"] == "finished", job
        file = self.http.get(f"/v1/exports/{job['job_id']}/file")
        assert file.is_success, file.text
        return job, file.content

    def count(self, condition: str = "") -> int:
        """Count the customer's mailboxes that are not deleted."""
        not_deleted = "status != deleted"
        wanted = f"({condition}) AND {not_deleted}" if condition else not_deleted
        return self.get("/v1/mailboxes", filter=wanted, page_size=1)["total_size"]

    def mailbox(self, address: str) -> dict[str, Any]:
        """Give one mailbox by its address."""
        (found,) = self.get("/v1/mailboxes", filter=f'address = "{address}"')["mailboxes"]
        return found


@contextmanager
def a_customer(stack: Stack) -> Iterator[Customer]:
    """Onboard a tenant with one active domain of its own."""
    tenant, domain = str(uuid4()), f"t{uuid4().hex[:12]}.example"
    headers = {"Authorization": f"Bearer {stack.secret('operator.key')}", "Postfach-Tenant": tenant}
    with httpx2.Client(base_url=stack.url, headers=headers, timeout=30.0) as http:
        customer = Customer(http, tenant, domain)
        customer.post("/v1/tenants", json={"title": "A test", "tenant": tenant})
        customer.add_domain(domain)
        yield customer


@contextmanager
def a_large_customer(stack: Stack) -> Iterator[Customer]:
    """Give a new domain of the one tenant that may import beyond the page's limits."""
    headers = {
        "Authorization": f"Bearer {stack.secret('operator.key')}",
        "Postfach-Tenant": LARGE_IMPORT_TENANT,
    }
    with httpx2.Client(base_url=stack.url, headers=headers, timeout=60.0) as http:
        customer = Customer(http, LARGE_IMPORT_TENANT, f"t{uuid4().hex[:12]}.example")
        onboarded = customer.try_post("/v1/tenants", json={"title": "Large", "tenant": LARGE_IMPORT_TENANT})
        assert onboarded.status_code in (201, 409), onboarded.text
        customer.add_domain(customer.domain)
        yield customer


def timed(action: Callable[[], Any]) -> float:
    """Do something and give how many seconds it took."""
    started = time.monotonic()
    action()
    return time.monotonic() - started
