"""A gateway whose clock is shifted judges by it, says so in every answer, and does not turn anybody away for it."""

import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from deploy.local.site import Ports, Site
from deploy.local.stack import Stack
from deploy.local.time_machine import forward
from services.runtime.clock import utc_now
from tests.integration.gateway_house import problem
from tests.integration.test_gateway_keys import another_gateway
from tests.kit import workbooks
from tests.kit.archives_api import report
from tests.kit.bulk_api import Customer, a_customer
from tests.kit.waiting import eventually

EIGHT_DAYS = timedelta(days=8)
EIGHT_DAYS_S = int(EIGHT_DAYS.total_seconds())
SHIFT = "Postfach-Clock-Shift"


@pytest.fixture
def customer(stack: Stack) -> Iterator[Customer]:
    with a_customer(stack) as customer:
        customer.imported(workbooks.mailboxes(1, customer.domain))
        yield customer


def test_a_file_expires_by_the_shifted_clock_which_every_answer_tells_of(
    stack: Stack, customer: Customer, tmp_path: Path
) -> None:
    file = f"/v1/exports/{customer.exported(format='csv')[0]['job_id']}/file"
    site = Site("shifted", tmp_path, Ports(0))
    with (
        another_gateway(stack, POSTFACH_CLOCK_FILE=str(site.clock_file)) as url,
        httpx2.Client(base_url=url, headers=customer.http.headers, timeout=30) as http,
    ):
        there = http.get(file)
        assert there.status_code == 200
        assert SHIFT not in there.headers
        forward(site, EIGHT_DAYS)
        eventually(lambda: SHIFT in http.get("/healthz").headers)
        problem(http.get(file), 410, "file_expired")
        told = [http.get(path) for path in ("/v1/me", "/v1/mailboxes", "/v1/nothing", "/openapi.json")]
        assert [each.status_code for each in told] == [200, 200, 404, 200]
        assert {each.headers[SHIFT] for each in told} == {str(EIGHT_DAYS_S)}
        remarks = http.get("/readyz").json()["remarks"]
        assert remarks == {"clock": f"shifted by {EIGHT_DAYS_S} s for demonstration"}
    # The others of the house have another file, and none of that.
    assert customer.http.get(file).status_code == 200


def test_what_somebody_outside_signed_just_now_is_of_now_by_the_clock_of_the_machine(
    stack: Stack, tmp_path: Path
) -> None:
    site = Site("shifted", tmp_path, Ports(0))
    forward(site, EIGHT_DAYS)
    shifted = {
        "POSTFACH_CLOCK_FILE": str(site.clock_file),
        "POSTFACH_GATEWAY_PAYMENT_SECRET_FILE": str(stack.site.secrets / "payments.secret"),
    }
    with another_gateway(stack, **shifted) as url:
        heard = report(stack, {"type": "payment.disputed", "data": {}}, url=url)
        assert (heard.status_code, heard.headers[SHIFT]) == (202, str(EIGHT_DAYS_S)), heard.text
        later = report(stack, {"type": "payment.disputed", "data": {}}, url=url, at=utc_now() + EIGHT_DAYS)
        problem(later, 400, "signature_invalid")


def test_a_gateway_whose_clock_file_is_damaged_says_so_and_ends(stack: Stack, tmp_path: Path) -> None:
    clock, log = tmp_path / "clock", tmp_path / "log"
    clock.write_text("soon")
    with log.open("wb") as lines:
        ended = subprocess.run(
            stack.plan.instance("gateway-api").command,
            env=stack.env("gateway-api")
            | {
                "POSTFACH_CLOCK_FILE": str(clock),
                "POSTFACH_HEALTH_PORT": "0",
                "POSTFACH_GATEWAY_PORT": "0",
            },
            stderr=lines,
            timeout=60,
            check=False,
        )
    assert ended.returncode == 1
    assert "POSTFACH_CLOCK_FILE does not hold a whole number of seconds" in log.read_text()
