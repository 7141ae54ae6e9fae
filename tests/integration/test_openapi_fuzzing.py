"""The OpenAPI document is true: every route, fuzzed alone and in chains, answers as it says and never with a 5xx.

Schemathesis makes the requests from the document and holds the answers to it: status, media type, headers, body. Its
seed is fixed, so a failure comes again; each is reported as a curl command, without the secrets.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
import schemathesis
from hypothesis import strategies as st
from schemathesis import engine, hooks
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events

from deploy.local.stack import Stack
from services.gateway.http.request import Position
from tests.integration.gateway_house import House, a_house
from tests.kit.bulk_api import XLSX
from tests.kit.open_api import operations_of
from tests.kit.people import SAME_SITE, Client, Tenant, the_provider
from tests.kit.workbooks import mailboxes

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

SEED = 4

# What is left out asks for more than a schema says: a valid body may name an address that is taken.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "allow_header_conformance",
)
ALONE = {"fuzzing": {"enabled": True, "generation": {"mode": "all", "max-examples": 8}}}
IN_CHAINS = {
    "stateful": {
        "enabled": True,
        "max-steps": 6,
        "generation": {"mode": "positive", "max-examples": 15, "no-shrink": True},
    }
}

schemathesis.openapi.media_type(
    XLSX, st.sampled_from([mailboxes(2, "nobody-has-this.example"), b"PK\x03\x04", b"", b"no workbook"])
)


@dataclass
class Asker:
    """An operator who asks for one tenant: a person, as some routes are for persons alone."""

    provider: Tenant
    house: House
    email: str
    client: Client

    def sign(self, case: Any) -> None:
        """Let a request be the operator's."""
        case.headers.update({"Cookie": self.client.http.headers["Cookie"], **SAME_SITE})
        case.headers["Postfach-Tenant"] = self.house.tenant

    def fit(self, case: Any) -> None:
        """Put in what no schema can say, or no chain would be longer than one link: names that can be had."""
        fresh = uuid4().hex[:10]
        names = {"address": f"c{fresh}@{self.house.domain}", "domain": f"c{fresh}.example"}
        if isinstance(case.body, dict):
            case.body.update({name: value for name, value in names.items() if name in case.body})
        for name in ("filter", "page_token", "order_by"):
            case.query.pop(name, None)
        case.headers.pop("If-Match", None)
        if not is_position(case.headers.get("Postfach-After")):
            case.headers.pop("Postfach-After", None)

    def sign_in_again(self) -> None:
        """A session that a request has ended would let nothing through any more."""
        self.client = self.provider.session(self.email)


@dataclass
class Report:
    """What became of a run. `followed` counts the requests about something that an answer before had told of."""

    failures: list[str] = field(default_factory=list[str])
    answered: Counter[tuple[str, int]] = field(default_factory=Counter[tuple[str, int]])
    followed: int = 0


@pytest.fixture
def asker(stack: Stack) -> Iterator[Asker]:
    with a_house(stack) as house, the_provider(stack) as provider:
        person = provider.person("operator")
        yield Asker(provider, house, person.email, person.client)


def is_position(text: Any) -> bool:
    """Whether an answer gave this."""
    try:
        return isinstance(text, str) and bool(Position.parse(text))
    except ValueError:
        return False


def run(
    stack: Stack, asker: Asker, phases: dict[str, Any], *, tags: tuple[str, ...] = (), fitting: bool = False
) -> Report:
    """Let schemathesis ask everything, or what has one of the tags, and say what it found."""
    config = SchemathesisConfig.from_dict(
        {
            "seed": SEED,
            "base-url": stack.url,
            "checks": {
                "enabled": False,
                **{name: {"enabled": True} for name in CHECKS},
                # 503 is promised where something else does not answer, as the DNS when a domain is to be verified.
                "not_a_server_error": {"expected-statuses": ["2xx", "3xx", "4xx", "503"]},
            },
            "phases": {"enabled": False, **phases},
            "generation": {"deterministic": True, "database": "none", "with-security-parameters": False},
            "warnings": False,
        }
    )
    schema: Any = schemathesis.openapi.from_url(f"{stack.url}/openapi.json", config=config)
    if tags:
        schema = schema.include(tag=list(tags))

    def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
        if fitting:
            asker.fit(case)
        asker.sign(case)

    def after_call(_context: Any, case: Any, response: Any) -> None:
        name = case.operation.definition.raw["operationId"]
        if name == "sessions_end" or (response.status_code == 401 and name != "sessions_begin"):
            asker.sign_in_again()

    schemathesis.hook(before_call)
    schemathesis.hook(after_call)
    try:
        return _report(engine.from_schema(schema).execute())
    finally:
        hooks.unregister(before_call)
        hooks.unregister(after_call)


def _report(happened: Iterable[Any]) -> Report:
    report = Report()
    for event in happened:
        match event:
            case events.ScenarioFinished():
                _note(report, event.recorder)
            case events.NonFatalError():
                report.failures.append(f"{event.label}: {event.value!r}")
            case events.FatalError():
                raise event.exception
            case _:
                pass
    return report


def _note(report: Report, recorder: Any) -> None:
    for case_id, interaction in recorder.interactions.items():
        report.followed += recorder.cases[case_id].is_transition_applied
        operation = recorder.cases[case_id].value.operation
        if interaction.response is not None:
            name = operation.definition.raw["operationId"]
            report.answered[name, interaction.response.status_code] += 1
    for case_id, checks in recorder.checks.items():
        for check in checks:
            if check.failure_info is not None:
                request = recorder.cases[case_id].value.as_curl_command()
                report.failures.append(f"{check.name}: {check.failure_info.failure}\n{request}")


def test_every_operation_answers_what_the_document_says(stack: Stack, asker: Asker) -> None:
    report = run(stack, asker, ALONE)
    assert not report.failures, "\n\n".join(report.failures)
    asked = {name for name, _ in report.answered}
    assert asked == {each.id for each in operations_of(stack.url)}


# Chains are made within a subject: among all operations, two that fit together would hardly ever meet.
@pytest.mark.parametrize(
    "tags", [("mailboxes",), ("users",), ("keys",), ("paid_groups",), ("domains",)], ids=lambda tags: tags[0]
)
def test_chains_of_operations_answer_what_the_document_says(
    stack: Stack, asker: Asker, tags: tuple[str, ...]
) -> None:
    report = run(stack, asker, IN_CHAINS, tags=tags, fitting=True)
    assert not report.failures, "\n\n".join(report.failures)
    assert report.followed > 20, sorted(report.answered.items())
