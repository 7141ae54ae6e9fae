"""One life of a tenant, write by write: each write of the API is done once, at its version, and can be read afterwards.

docs/api.md, "Writes", says what is checked here of each route. The steps are in an order in which each succeeds.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest

from deploy.local.stack import Stack
from services.runtime.ids import new_id
from tests.integration.gateway_house import Answer
from tests.kit.bulk_api import XLSX
from tests.kit.open_api import Operation, operations_of
from tests.kit.people import PASSWORD, Client, Tenant, a_tenant
from tests.kit.workbooks import mailboxes

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

# What concerns one's own sign-in has no version and, as a secret is in it, mostly no answer that is kept; bulk actions,
# of which an import's undo is one, and plans have a life of their own, as archives and what is asked of them have. Their
# tests are in the files named after them.
ELSEWHERE = (
    "me_", "sessions_", "invitations_", "bulk_actions_", "imports_preview_undo", "imports_undo", "imports_apply",
    "archives_", "holds_", "retrievals_", "payments_",
)  # fmt: skip

# The reactor may have ended a job before it is cancelled: that write has two right outcomes.
RACING = {"imports_cancel", "exports_cancel"}

PLAN = {"plan": "Business 50", "domains_max": 5, "mailboxes_max": 50}


@dataclass
class Life:
    """The tenant as far as it has come: the values of path parameters, and the position of the last write."""

    tenant: Tenant
    client: Client
    operations: dict[str, Operation]
    things: dict[str, str]
    after: str = ""
    lived: list[str] = field(default_factory=list[str])

    def send(self, name: str, body: Any, **headers: str) -> Answer:
        operation = self.operations[name]
        sent = {"Postfach-After": self.after} if self.after else {}
        sent |= {header.replace("_", "-"): text for header, text in headers.items()}
        content: dict[str, Any] = {} if body is None else {"json": body}
        if isinstance(body, bytes):
            content = {"content": body}
            sent["Content-Type"] = XLSX
        return self.client.http.request(
            operation.method, operation.url(**self.things), headers=sent, **content
        )

    def do(self, name: str, body: Any = None, *, gives: str = "", field_: str = "id") -> None:
        """Do a step, and see that it keeps every convention. `gives` is the path parameter that the answer tells."""
        operation = self.operations[name]
        if operation.needs_key:
            refused = self.send(name, body)
            assert code_of(refused) == (400, "idempotency_key_missing"), name
        elif name not in RACING:
            stale = self.send(name, body, Idempotency_Key=str(uuid4()), If_Match='"999999"')
            assert code_of(stale) == (412, "version_mismatch"), (name, stale.text)
        key = str(uuid4())
        done = self.send(name, body, Idempotency_Key=key)
        if name in RACING and done.status_code == 409:
            self.lived.append(name)
            return
        expected = {status for status in operation.definition["responses"] if status.startswith("2")}
        assert str(done.status_code) in expected, (name, done.text)
        assert done.headers["ETag"].strip('"').isdigit(), name
        assert "Idempotent-Replayed" not in done.headers, name
        if operation.needs_key:
            assert self.client.get(done.headers["Location"], Postfach_After=position_of(done)).is_success, (
                name
            )
        if gives:
            self.things[gives] = done.json()[field_].removeprefix("operations/")
        self._again(name, body, key, done)
        self.after = position_of(done)
        self.lived.append(name)

    def _again(self, name: str, body: Any, key: str, done: Answer) -> None:
        again = self.send(name, body, Idempotency_Key=key)
        assert again.headers["Idempotent-Replayed"] == "true", name
        assert again.status_code == done.status_code, (name, again.text)
        for header in ("ETag", "Location", "Postfach-Position"):
            assert again.headers.get(header) == done.headers.get(header), (name, header)
        shown_once = {field: None for field in ("secret",) if field in done.json()}
        assert again.json() == done.json() | shown_once, name
        other = self.send(name, body, Idempotency_Key=key, If_Match='"7"')
        assert code_of(other) == (422, "idempotency_key_reused"), (name, other.text)


def code_of(answer: Answer) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


def position_of(answer: Answer) -> str:
    return answer.headers["Postfach-Position"]


@pytest.fixture
def life(stack: Stack) -> Iterator[Life]:
    with a_tenant(stack) as tenant:
        operations = {each.id: each for each in operations_of(stack.url)}
        yield Life(tenant, tenant.operator, operations, {"tenant": tenant.tenant})


def test_each_write_is_done_once_at_its_version_and_can_be_read(life: Life) -> None:
    live_with_domains_and_mailboxes(life)
    live_with_people_and_keys(life)
    life.do("imports_start", mailboxes(1, life.things["domain"]), gives="job_id", field_="name")
    life.do("imports_cancel")
    life.do("exports_start", {"format": "csv"}, gives="job_id", field_="name")
    life.do("exports_cancel")
    part_with_everything(life)
    writes = {name for name, each in life.operations.items() if each.writes}
    assert {name for name in writes if not name.startswith(ELSEWHERE)} == set(life.lived)


def live_with_domains_and_mailboxes(life: Life) -> None:
    """A plan, a domain in it, a mailbox through all its states, and the ways that lead to it."""
    life.do("tenants_onboard", {"title": "Another", "tenant": new_id()})
    life.do("tenants_rename", {"title": "Renamed"})
    life.do("paid_groups_create", {"title": "Plan", **PLAN}, gives="group_id")
    life.do("paid_groups_rename", {"title": "Our plan"})
    life.do("paid_groups_change_plan", {**PLAN, "plan": "Business 60", "mailboxes_max": 60})
    domain = f"d{uuid4().hex[:12]}.example"
    life.do("domains_register", {"domain": domain}, gives="domain")
    life.do("domains_activate")
    life.do("domains_set_mailbox_limit", {"mailbox_limit": 9})
    life.do("paid_groups_place", {"group_id": life.things["group_id"], "mailbox_limit": 20})
    life.do("mailboxes_create", {"address": f"ina@{domain}"}, gives="mailbox_id", field_="mailbox_id")
    life.do("mailboxes_change_note", {"note": "Sales"})
    life.do("mailboxes_set_password", {"password": PASSWORD})
    life.do("mailboxes_allow_self_service")
    life.do("mailboxes_forbid_self_service")
    life.do("mailboxes_suspend", {"reason": "on leave"})
    life.do("mailboxes_resume")
    life.do("mailboxes_clean")
    target = life.things["mailbox_id"]
    life.do("rules_add", {"pattern": "a{any}", "target": target}, gives="rule_id", field_="rule_id")
    life.do("rules_change", {"rank": 7})
    life.do("rules_remove")
    life.do("aliases_add", {"local_part": "sales", "target": target}, gives="alias_id", field_="alias_id")
    life.do("aliases_remove")
    life.do("domains_set_contact", {"target": target})
    life.do("domains_enable_catch_all", {"target": target})
    life.do("domains_disable_catch_all")


def live_with_people_and_keys(life: Life) -> None:
    """Somebody is asked in, joins, is given this and that, and goes; so does a key."""
    person = {"email": f"p{uuid4().hex[:12]}@people.example", "display_name": "Somebody"}
    life.do("users_invite", person, gives="user_id", field_="user_id")
    life.do("users_renew_invitation")
    life.things["user_id"] = life.tenant.person("sub_user").user_id
    life.do("domains_assign", {"assigned_to": life.things["user_id"]})
    life.do("users_rename", {"display_name": "Somebody else"})
    life.do("users_grant", {"role": "auditor"})
    life.do("users_set_password", {"password": f"{PASSWORD} more"})
    life.do("users_reset_totp")
    life.do("users_revoke_sessions")
    life.do("users_disable", {"reason": "left"})
    life.do("users_enable")
    life.do("users_remove")
    life.do("keys_create", {"title": "A key"}, gives="key_id", field_="key_id")
    life.do("keys_revoke")


def part_with_everything(life: Life) -> None:
    """Everything is given up again, in the order in which that is possible."""
    life.do("domains_suspend", {"reason": "unpaid"})
    life.do("domains_resume")
    life.do("mailboxes_delete")
    life.do("mailboxes_restore")
    life.do("paid_groups_withdraw")
    life.do("paid_groups_remove")
    second = f"e{uuid4().hex[:12]}.{life.things['domain']}"
    life.do("domains_register", {"domain": second}, gives="domain")
    life.do("domains_verify")
    life.do("domains_remove")
    life.do("tenants_suspend", {"reason": "unpaid"})
    life.do("tenants_resume")
    life.do("tenants_close", {"reason": "left"})
