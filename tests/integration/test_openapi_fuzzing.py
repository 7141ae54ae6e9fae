"""The OpenAPI document is true: every route, fuzzed alone and in chains, answers as it says and never with a 5xx.

The requests follow from a fixed seed, so a failure comes again. Each failure names the request as a curl command.
"""

from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis.config import SchemathesisConfig
from schemathesis.generation import GenerationMode

from deploy.local.stack import Stack
from tests.integration.gateway_house import House, a_house
from tests.kit.open_api import operations_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

SEED = 4
EXAMPLES_PER_OPERATION = 6
CHAINS = 20
CHAIN_LENGTH = 8

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
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        **more,
    )


@pytest.fixture(scope="module")
def house(stack: Stack) -> Iterator[House]:
    with a_house(stack) as house:
        yield house


@pytest.fixture(scope="module")
def api(stack: Stack, house: House) -> Any:
    """The running API as schemathesis reads its document, asked by an operator for one tenant."""
    config = SchemathesisConfig.from_dict(
        {
            "seed": SEED,
            "base-url": stack.url,
            "headers": {"Authorization": f"Bearer {stack.secret('operator.key')}"},
            "parameters": {"header.Postfach-Tenant": house.tenant},
            "checks": CHECKS,
        }
    )
    return schemathesis.openapi.from_url(f"{stack.url}/openapi.json", config=config)


def test_every_operation_is_fuzzed(stack: Stack, api: Any) -> None:
    found = {each.ok().label for each in api.get_all_operations()}
    assert found == {each.label for each in operations_of(stack.url)}


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_every_operation_answers_what_the_document_says(api: Any, mode: GenerationMode) -> None:
    wrong: list[str] = []
    for found in api.get_all_operations():
        operation = found.ok()

        @once(EXAMPLES_PER_OPERATION)
        @hypothesis.seed(SEED)
        @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
        def fuzz(case: Any) -> None:
            case.call_and_validate()

        try:
            fuzz()
        except Exception as failure:  # noqa: BLE001 - one report for all operations
            wrong.append(f"{operation.label}\n{failure}")
    assert not wrong, "\n\n".join(wrong)


def test_chains_of_operations_answer_what_the_document_says(api: Any) -> None:
    api.as_state_machine().run(settings=once(CHAINS, stateful_step_count=CHAIN_LENGTH))
