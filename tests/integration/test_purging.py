"""A purged mailbox is gone from everything that lists, finds, exports or resolves, and its address is free."""

from typing import Any, Final

import pytest

from deploy.local.stack import Stack
from tests.faults.house import ask_database
from tests.kit.bulk_api import Customer, a_customer
from tests.kit.waiting import eventually

pytestmark = pytest.mark.integration

CANARY: Final = "canaryoncedweltinthisnote"
READ_MODELS: Final = ("mailbox", "gateway", "bulkio")


def rows_that_tell(stack: Stack, schema: str, mailbox_id: str) -> int:
    """Count the rows of a read model in which the mailbox is known or its note is told."""
    return ask_database(
        stack,
        f"SELECT count(*) FROM {schema}.mailboxes AS m "
        "WHERE (m.mailbox_id = $1 AND (m.status <> 'purged' OR m.local_part <> '')) OR m::text LIKE $2",
        mailbox_id,
        f"%{CANARY}%",
    )


def test_after_a_purge_nothing_knows_the_mailbox_and_its_address_is_free(stack: Stack) -> None:
    with a_customer(stack) as customer:
        address = f"ina@{customer.domain}"
        made = customer.post("/v1/mailboxes", json={"address": address, "note": CANARY})
        path = f"/v1/mailboxes/{made['mailbox_id']}"
        assert customer.get(path)["note"] == CANARY
        alias = {"local_part": "info", "target": address}
        customer.post(f"/v1/domains/{customer.domain}/aliases", json=alias)
        customer.post(f"{path}:delete")
        archive_id = ask_archive(stack, customer, made["mailbox_id"])
        taken = customer.try_post("/v1/mailboxes", json={"address": address})
        assert taken.json()["code"] == "address_quarantined"

        stored = "SELECT archive_id FROM gateway.archives WHERE archive_id = $1 AND state = 'stored'"
        assert eventually(lambda: ask_database(stack, stored, archive_id)) == archive_id
        order = {"reason": "the customer wants it gone", "confirmation": archive_id}
        customer.post(f"/v1/archives/{archive_id}:destroy", json=order)
        for schema in READ_MODELS:
            eventually(lambda schema=schema: rows_that_tell(stack, schema, made["mailbox_id"]) == 0)

        for asked in (address, f"info@{customer.domain}"):
            assert ask_database(stack, "SELECT mailbox_id FROM mailbox.resolve_recipient($1)", asked) is None
            assert customer.get("/v1/recipients", address=asked)["step"] == "refused"
        assert customer.http.get(path).json()["code"] == "mailbox_unknown"
        assert customer.try_post(f"{path}:restore").json()["code"] == "mailbox_unknown"
        assert known(customer, "") == []
        assert known(customer, f"note:{CANARY}") == []
        assert known(customer, "status = deleted") == []
        assert customer.exported(filter="status = deleted OR status = active")[0]["rows"] == 0

        again = customer.post("/v1/mailboxes", json={"address": address})
        assert again["mailbox_id"] != made["mailbox_id"]
        assert [each["mailbox_id"] for each in known(customer, "")] == [again["mailbox_id"]]
        resolved = "SELECT mailbox_id FROM mailbox.resolve_recipient($1)"
        assert eventually(lambda: ask_database(stack, resolved, address)) == again["mailbox_id"]


def ask_archive(stack: Stack, customer: Customer, mailbox_id: str) -> Any:
    """Give the archive that a mailbox was deleted into, once the directory tells it."""
    query = "SELECT archive_id FROM mailbox.mailboxes WHERE mailbox_id = $1 AND tenant = $2"
    return eventually(lambda: ask_database(stack, query, mailbox_id, customer.tenant))


def known(customer: Customer, condition: str) -> list[dict[str, Any]]:
    """List the customer's mailboxes, as of what was ordered last."""
    return customer.get("/v1/mailboxes", filter=condition)["mailboxes"]
