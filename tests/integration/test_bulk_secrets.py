"""A generated password is in the answer that hands it over, and nowhere else; nor does it outlive its day."""

import csv
import io

import pytest

from deploy.local.stack import Stack
from tests.kit import workbooks
from tests.kit.bulk_actions import BulkActions
from tests.kit.bulk_api import a_customer
from tests.kit.oracle import ask_the_oracle


@pytest.mark.timeout(300)
def test_generated_passwords_are_found_nowhere(stack: Stack) -> None:
    with a_customer(stack) as customer:
        customer.imported(workbooks.mailboxes(3, customer.domain))
        job = BulkActions(customer).done("set_password", {"filter": ""})
        taken = customer.try_post(f"/v1/bulk-actions/{job['job_id']}:takePasswords")
        rows = list(csv.reader(io.StringIO(taken.content.decode("utf-8-sig"))))[1:]
        passwords = [password for _, password in rows]
    assert len(passwords) == 3
    ask_the_oracle(stack, canaries=passwords)
    assert taken.headers["Cache-Control"] == "private, no-store"
