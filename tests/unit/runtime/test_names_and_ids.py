"""Domain names in their two forms, and identities that sort by time."""

from uuid import UUID, uuid4, uuid5

import pytest

from contracts.addresses import AddressError
from contracts.ids import CommandId, derived_id, event_id
from services.runtime import ids
from services.runtime.domain_names import to_a_label, to_u_label


@pytest.mark.parametrize(
    ("text", "a_label", "u_label"),
    [
        ("example.org", "example.org", "example.org"),
        (" Example.ORG. ", "example.org", "example.org"),
        ("bücher.example", "xn--bcher-kva.example", "bücher.example"),
        ("BÜCHER.example", "xn--bcher-kva.example", "bücher.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example", "bücher.example"),
        ("straße.example", "xn--strae-oqa.example", "straße.example"),
        ("邮箱.example", "xn--c0zu34b.example", "邮箱.example"),
        ("ｅｘａｍｐｌｅ.org", "example.org", "example.org"),
    ],
)
def test_a_domain_has_one_a_label_and_one_u_label(text: str, a_label: str, u_label: str) -> None:
    domain = to_a_label(text)
    assert domain == a_label
    assert to_u_label(domain) == u_label


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "localhost",
        "example..org",
        "-a.example",
        "a-.example",
        "exa mple.org",
        "a_b.example",
        "1.2.3.4",
        "xn--a.example",
        "☃.example",
        "a" * 64 + ".example",
        ".".join(["a" * 60] * 5),
        "example.org/x",
        "a@b.example",
    ],
)
def test_what_is_no_mail_domain_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        to_a_label(text)


@pytest.mark.parametrize("name", ["", "row/1", "archive/ü", "1" * 300])
def test_what_is_derived_is_a_uuid_of_version_5(name: str) -> None:
    parent = uuid4()
    assert derived_id(str(parent), name) == str(uuid5(parent, name))
    assert event_id(CommandId(str(parent)), 12) == str(uuid5(parent, "12"))


def test_new_ids_are_version_7_and_sort_by_the_time_they_were_made(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    for millisecond in range(1, 1_000, 37):
        monkeypatch.setattr(
            ids.time, "time_ns", lambda at=millisecond: 1_900_000_000_000_000_000 + at * 1_000_000
        )
        made.append(ids.new_id())
    assert made == sorted(made)
    assert {UUID(each).version for each in made} == {7}
    assert {UUID(each).variant for each in made} == {UUID(int=0x8 << 60).variant}
    assert UUID(made[0]).int >> 80 == 1_900_000_000_001


def test_ids_made_in_the_same_moment_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids.time, "time_ns", lambda: 1)
    assert len({ids.new_id() for _ in range(1_000)}) == 1_000
