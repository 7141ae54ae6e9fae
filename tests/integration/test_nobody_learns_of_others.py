"""No answer tells whether a thing of another tenant, or beyond one's reach, exists: it is as if it existed nowhere."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from deploy.local.stack import Stack
from tests.integration.gateway_house import Answer
from tests.kit.bulk_api import XLSX
from tests.kit.open_api import Operation, operations_of
from tests.kit.people import PASSWORD, Client, Tenant, a_tenant, permission
from tests.kit.settled import Settled
from tests.kit.workbooks import mailboxes

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

ANY_UUID = "00000000-0000-7000-8000-00000000abcd"


@dataclass
class Estate:
    """A tenant with one of everything. `things` are values of path parameters, by operation prefix where they differ."""

    tenant: Tenant
    domain: str
    address: str
    things: dict[str, str]

    def words(self) -> list[str]:
        """What must stand in no answer to anybody else."""
        return [self.tenant.tenant, self.domain, *self.things.values()]


@pytest.fixture(scope="module")
def estate(stack: Stack) -> Iterator[Estate]:
    with a_tenant(stack) as tenant:
        operator, domain = Settled(tenant.operator), tenant.domain()
        address = f"ina@{domain}"
        mailbox = operator.mailbox(address)
        gone = operator.mailbox(f"gone@{domain}")
        operator.done(f"/v1/mailboxes/{gone}:delete")
        person = tenant.person("owner")
        session = person.client.shown("/v1/sessions")["sessions"][0]["session_id"]
        group = {"title": "Plan", "plan": "Business", "domains_max": 5, "mailboxes_max": 50}
        key = tenant.operator.done("/v1/keys", {"title": "A key"})
        upload = tenant.operator.http.post(
            "/v1/imports",
            content=mailboxes(1, domain),
            headers={"Content-Type": XLSX, "Idempotency-Key": str(uuid4())},
        )
        operator.settle(upload)
        job = upload.json()["name"].removeprefix("operations/")
        yield Estate(
            tenant,
            domain,
            address,
            {
                "tenant": tenant.tenant,
                "domain": domain,
                "mailbox_id": mailbox,
                "user_id": person.user_id,
                "session_id": session,
                "key_id": key["key_id"],
                "group_id": operator.done("/v1/paid-groups", group)["id"],
                "rule_id": operator.done(
                    f"/v1/domains/{domain}/rules", {"pattern": "shop{number}", "target": mailbox}
                )["rule_id"],
                "alias_id": operator.done(
                    f"/v1/domains/{domain}/aliases", {"local_part": "sales", "target": mailbox}
                )["alias_id"],
                "job_id": job,
                "operation_id": job,
                "archive_id": operator.shown(f"/v1/mailboxes/{gone}")["archive_id"],
                "hold_id": ANY_UUID,
                "retrieval_id": ANY_UUID,
            },
        )


@pytest.fixture(scope="module")
def operations(stack: Stack) -> list[Operation]:
    return [each for each in operations_of(stack.url) if each.path_parameters]


@pytest.fixture(scope="module")
def stranger(stack: Stack) -> Iterator[Client]:
    """The owner of another tenant, which has a domain of its own."""
    with a_tenant(stack) as other:
        other.domain()
        yield other.person("owner").client


def nowhere(name: str) -> str:
    return "nobody-has-this.example" if name == "domain" else ANY_UUID


def alike(answer: Answer, values: dict[str, str]) -> tuple[int, dict[str, str], str]:
    """What an answer says, with the names that it was asked about made equal."""
    text = answer.text
    for value in sorted(values.values(), key=len, reverse=True):
        text = text.replace(value, "…")
    body = {name: value for name, value in json.loads(text).items() if name != "trace_id"}
    changing = ("date", "content-length", "postfach-correlation", "ratelimit", "ratelimit-policy")
    headers = {name: value for name, value in answer.headers.items() if name.lower() not in changing}
    return answer.status_code, headers, json.dumps(body)


def asked(client: Client, operation: Operation, values: dict[str, str]) -> Answer:
    body = operation.body_example if operation.takes_json else None
    return client.ask(operation.method, operation.url(**values), body)


def assert_alike(client: Client, operation: Operation, estate: Estate) -> None:
    """Ask about what is there and about what is nowhere; each parameter alone too, where a path has several."""
    there = {name: estate.things[name] for name in operation.path_parameters}
    gone = {name: nowhere(name) for name in operation.path_parameters}
    answer = asked(client, operation, there)
    assert answer.status_code in (403, 404), (operation.label, answer.status_code, answer.text)
    assert alike(answer, there) == alike(asked(client, operation, gone), gone), operation.label


def test_another_tenant_s_things_are_as_if_they_were_nowhere(
    estate: Estate, stranger: Client, operations: list[Operation]
) -> None:
    for operation in operations:
        assert_alike(stranger, operation, estate)


def test_things_beyond_the_own_reach_are_as_if_they_were_nowhere(
    estate: Estate, operations: list[Operation]
) -> None:
    own = estate.tenant.domain()
    pages = ("mailboxes", "rules", "domains", "import", "export")
    allowed = [permission(page, "change", "destroy", scope="domains", names=[own]) for page in pages]
    limited = estate.tenant.key("sub_user", allowed)
    for operation in operations:
        if {"domain", "mailbox_id"} & set(operation.path_parameters):
            assert_alike(limited, operation, estate)


def test_no_list_and_no_search_shows_a_stranger_anything(
    estate: Estate, stranger: Client, stack: Stack
) -> None:
    lists = [each for each in operations_of(stack.url) if each.method == "GET" and not each.path_parameters]
    for operation in lists:
        text = stranger.get(operation.path).text
        assert not [word for word in estate.words() if word in text], operation.label
    for filter_ in (f"domain = {estate.domain}", f'address = "{estate.address}"', "note:room"):
        found = stranger.ask("GET", f"/v1/mailboxes?filter={filter_}").json()
        assert (found["mailboxes"], found["total_size"]) == ([], 0)


@pytest.mark.parametrize(
    "names_it", ["target by id", "target by address", "address of a mailbox", "recipient"]
)
def test_a_body_or_parameter_that_names_a_strangers_thing_names_nothing(
    estate: Estate, stranger: Client, names_it: str
) -> None:
    own = stranger.shown("/v1/domains")["domains"][0]["domain"]

    def name(domain: str, mailbox: str) -> Answer:
        match names_it:
            case "target by id":
                return stranger.post(f"/v1/domains/{own}/rules", {"pattern": "a{any}", "target": mailbox})
            case "target by address":
                body = {"pattern": "a{any}", "target": f"ina@{domain}"}
                return stranger.post(f"/v1/domains/{own}/rules", body)
            case "address of a mailbox":
                return stranger.post("/v1/mailboxes", {"address": f"ina@{domain}"})
            case _:
                return stranger.get(f"/v1/recipients?address=ina@{domain}")

    there = {"domain": estate.domain, "mailbox": estate.things["mailbox_id"]}
    gone = {"domain": nowhere("domain"), "mailbox": ANY_UUID}
    answer = name(**there)
    assert 400 <= answer.status_code < 500
    assert alike(answer, there) == alike(name(**gone), gone)


def test_a_page_token_of_another_tenant_is_no_token(estate: Estate, stranger: Client) -> None:
    Settled(estate.tenant.operator).mailbox(f"otto@{estate.domain}")
    token: Any = estate.tenant.operator.shown("/v1/mailboxes?page_size=1")["next_page_token"]
    answer = stranger.get(f"/v1/mailboxes?page_size=1&page_token={token}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_page_token")


def test_a_stranger_s_password_and_mail_address_are_not_told_apart(estate: Estate, stranger: Client) -> None:
    del stranger
    nobody = estate.tenant.nobody()
    known = nobody.post("/v1/sessions", {"email": "nobody@people.example", "password": PASSWORD})
    email = estate.tenant.operator.shown("/v1/users")["users"][0]["email"]
    other = nobody.post("/v1/sessions", {"email": email, "password": "not the password 7"})
    assert alike(known, {}) == alike(other, {})
