"""The OpenAPI document is true: every route, fuzzed alone and in chains, answers as it says and never with a 5xx.

The requests follow from a fixed seed, so a failure comes again. Each failure names the request as a curl command.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from schemathesis.config import SchemathesisConfig
from schemathesis.generation import GenerationMode

from deploy.local.stack import Stack
from services.gateway.http.request import Position
from tests.integration.gateway_house import House, a_house
from tests.kit.bulk_api import XLSX
from tests.kit.open_api import operations_of
from tests.kit.workbooks import mailboxes

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

SEED = 4
EXAMPLES_PER_OPERATION = 6
CHAINS = 40
CHAIN_LENGTH = 10

CHECKS: dict[str, Any] = {
    "enabled": False,
    **{
        name: {"enabled": True}
        for name in (
            "not_a_server_error",
            "status_code_conformance",
            "content_type_conformance",
            "response_headers_conformance",
            "response_schema_conformance",
            "negative_data_rejection",
            "missing_required_header",
            "unsupported_method",
            "allow_header_conformance",
        )
    },
}
"""What is left out asks for more than a schema says: a valid body may name an address that is taken."""


def once(examples: int, **more: Any) -> hypothesis.settings:
    """Settings for a run that is the same each time and is not made smaller afterwards: a request is its own report."""
    return hypothesis.settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
        report_multiple_bugs=False,
        **more,
    )


schemathesis.openapi.media_type(
    XLSX, st.sampled_from([mailboxes(2, "nobody-has-this.example"), b"PK\x03\x04", b"", b"no workbook"])
)


@pytest.fixture(scope="module")
def house(stack: Stack) -> Iterator[House]:
    with a_house(stack) as house:
        yield house


def api_as_told(stack: Stack, house: House, mode: str) -> Any:
    """The running API as schemathesis reads its document, asked by an operator for one tenant."""
    config = SchemathesisConfig.from_dict(
        {
            "seed": SEED,
            "base-url": stack.url,
            "headers": {"Authorization": f"Bearer {stack.secret('operator.key')}"},
            "parameters": {"header.Postfach-Tenant": house.tenant},
            "generation": {"mode": mode},
            "checks": CHECKS,
        }
    )
    return schemathesis.openapi.from_url(f"{stack.url}/openapi.json", config=config)


@pytest.fixture(scope="module")
def api(stack: Stack, house: House) -> Any:
    return api_as_told(stack, house, "all")


def test_every_operation_is_fuzzed(stack: Stack, api: Any) -> None:
    found = {each.ok().label for each in api.get_all_operations()}
    assert found == {each.label for each in operations_of(stack.url)}


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_every_operation_answers_what_the_document_says(
    api: Any, mode: GenerationMode, subtests: pytest.Subtests
) -> None:
    for found in api.get_all_operations():
        operation = found.ok()

        @once(EXAMPLES_PER_OPERATION)
        @hypothesis.seed(SEED)
        @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
        def fuzz(case: Any) -> None:
            case.call_and_validate()

        with subtests.test(operation.label):
            fuzz()


def test_chains_of_operations_answer_what_the_document_says(stack: Stack, house: House) -> None:
    answered: Counter[tuple[str, int]] = Counter()

    class Chains(api_as_told(stack, house, "positive").as_state_machine()):
        def before_call(self, case: Any) -> None:
            make_sensible(case, house)

        def after_call(self, response: Any, case: Any) -> None:
            answered[case.operation.definition.raw["operationId"], response.status_code] += 1

    Chains.run(settings=once(CHAINS, stateful_step_count=CHAIN_LENGTH))
    assert answered["mailboxes_create", 201]
    done = {name for (name, status), _ in answered.items() if status == 200}
    assert len({name for name in done if name.startswith("mailboxes_")}) > 4, answered


def make_sensible(case: Any, house: House) -> None:
    """Put in what a schema can't say, or no chain would be longer than one link: names that can be had, tokens of ours."""
    fresh = uuid4().hex[:10]
    names = {
        "address": f"c{fresh}@{house.domain}",
        "domain": f"c{fresh}.example",
        "email": f"{fresh}@mail.example",
    }
    if isinstance(case.body, dict):
        case.body |= {name: value for name, value in names.items() if name in case.body}
    for name in ("If-Match", "Postfach-After"):
        if not is_ours(case.headers.get(name)):
            case.headers.pop(name, None)
    for name in ("filter", "page_token", "order_by"):
        case.query.pop(name, None)
    case.headers["Postfach-Tenant"] = house.tenant


def is_ours(position: Any) -> bool:
    """Whether this is a position that an answer gave."""
    try:
        return isinstance(position, str) and bool(Position.parse(position))
    except ValueError:
        return False
