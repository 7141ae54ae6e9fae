"""Refusals become HTTP: every code has a status and a title, and a problem document says where and why."""

import msgspec
import pytest

from contracts.outcome import RefusalCode
from services.gateway.http.problems import (
    STATUS_OF_REFUSAL,
    Problem,
    ProblemDocument,
    invalid,
    problem_response,
)


@pytest.mark.parametrize("code", list(RefusalCode))
def test_every_refusal_code_has_a_status_that_blames_the_request(code: RefusalCode) -> None:
    assert 400 <= STATUS_OF_REFUSAL[code] < 500


def test_a_problem_document_has_all_members_of_rfc_9457_and_names_the_place() -> None:
    response = problem_response(invalid("#/note", "invalid_field", "too long"), "/v1/mailboxes/1", "trace-1")
    document = msgspec.json.decode(bytes(response.body), type=ProblemDocument)
    assert response.media_type == "application/problem+json"
    assert (response.status_code, document.status, document.code) == (422, 422, "invalid_field")
    assert (document.instance, document.trace_id) == ("/v1/mailboxes/1", "trace-1")
    assert document.type.endswith("#invalid_field")
    assert [(error.pointer, error.detail) for error in document.errors] == [("#/note", "too long")]


@pytest.mark.parametrize("code", [code for code in RefusalCode if code is not RefusalCode.MALFORMED])
def test_every_refusal_has_a_title_of_its_own(code: RefusalCode) -> None:
    status = STATUS_OF_REFUSAL[code]
    assert Problem(status, code.value).document("/", "t").title != status.phrase
