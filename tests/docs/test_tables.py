"""Tables of the documentation equal the code that they speak of."""

import re
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from prometheus_client import Counter
from prometheus_client.metrics import MetricWrapperBase

from contracts.access import AccessCommand
from contracts.archive import ArchiveCommand, ArchiveEvent
from contracts.mailbox import MailboxCommand
from contracts.message import members
from contracts.outcome import RefusalCode
from contracts.topics import DAY_MS, FOR_EVER, HOUR_MS, TOPICS, Topic
from deploy.local.roles import ROLES
from deploy.local.site import PORT_BASES, Ports
from deploy.prepare import PrepareSettings
from services.archive.settings import ArchiveSettings
from services.bulkio.settings import BulkioSettings
from services.gateway.http.app import create_app
from services.gateway.http.openapi import operations
from services.gateway.http.permission_table import TABLE
from services.gateway.settings import GatewaySettings
from services.mailbox.settings import MailboxSettings
from services.runtime import metrics
from services.runtime.health import Health
from services.runtime.settings import RuntimeSettings
from tests.docs.documents import PROJECT, document

OPERATIONS = document("docs/operations.md")


def kept(topic: Topic) -> str:
    if topic.retention_ms == FOR_EVER:
        return "for ever"
    days, rest = divmod(topic.retention_ms, DAY_MS)
    return f"{rest // HOUR_MS} h" if rest else f"{days} d"


def test_the_topics_are_those_of_the_contracts() -> None:
    code = [[topic.name, topic.key, kept(topic), topic.written_by, topic.read_by] for topic in TOPICS]
    assert document("docs/architecture.md").table("Topics") == code


def settings_in_code() -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    readers = {
        "archive": ArchiveSettings,
        "bulkio": BulkioSettings,
        "gateway": GatewaySettings,
        "mailbox": MailboxSettings,
        "prepare": PrepareSettings,
    }
    common = {field.name for field in msgspec.structs.fields(RuntimeSettings)}
    for reader, kind in readers.items():
        for field in msgspec.structs.fields(kind):
            default = "–" if field.default in (msgspec.NODEFAULT, "") else str(field.default)
            who = "all" if field.name in common else reader
            assert found.setdefault(f"POSTFACH_{field.name.upper()}", (default, who)) == (default, who)
    return found


def test_the_settings_are_those_of_the_services() -> None:
    rows = OPERATIONS.table("Settings")
    assert {name: (default, who) for name, default, who, _ in rows} == settings_in_code()
    assert all(meaning for *_, meaning in rows)


def test_the_metrics_are_those_of_the_runtime() -> None:
    code: dict[str, str] = {}
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            name = f"{metric._name}_total" if isinstance(metric, Counter) else metric._name
            code[name] = ", ".join(metric._labelnames) or "–"
    assert {name: labels for name, labels, _ in OPERATIONS.table("Metrics")} == code


def test_the_roles_are_those_of_the_stack() -> None:
    rows = OPERATIONS.table("Roles")
    assert {row[0] for row in rows} == {f"{role.service} {role.role}" for role in ROLES}


def test_the_ports_are_those_of_the_stack() -> None:
    ports = Ports(PORT_BASES["run"])
    assert [row[0] for row in OPERATIONS.table("Ports")] == [
        str(ports.gateway),
        f"{ports.kafka}, {ports.kafka_controller}",
        str(ports.postgres),
        f"{ports.health(0)} …",
    ]


@pytest.mark.parametrize(
    ("page", "heading", "folder"),
    [
        ("contracts/README.md", "Contracts", "contracts"),
        ("services/runtime/README.md", "Runtime", "services/runtime"),
    ],
)
def test_the_modules_are_those_of_the_folder(page: str, heading: str, folder: str) -> None:
    named = {
        name for row in document(page).table(heading) for name in row[0].split(", ") if name.endswith(".py")
    }
    files = {path.relative_to(PROJECT / folder).as_posix() for path in (PROJECT / folder).rglob("*.py")}
    assert named == {name for name in files if not name.endswith("__init__.py")}


def test_the_routes_are_those_of_the_api_with_what_each_needs() -> None:
    gateway: Any = SimpleNamespace(health=Health())
    names = {
        (method.upper(), path): operation["operationId"]
        for method, path, operation in operations(create_app(gateway).openapi())
    }
    code = [
        [
            f"{method} {path}",
            names[method, path],
            needs.who.replace("_", " "),
            needs.page or "–",
            ("–" if needs.page is None else needs.action)
            + (", while suspended too" if needs.while_suspended else ""),
        ]
        for (method, path), needs in TABLE.items()
    ]
    assert document("docs/api.md").table("Routes") == code


def test_the_test_folders_are_all_described() -> None:
    named = {row[0] for row in document("docs/testing.md").table("What is where")}
    folders = {path.parent.relative_to(PROJECT).as_posix() for path in (PROJECT / "tests").glob("*/*.py")}
    assert named == folders


def test_every_command_of_the_mailbox_service_is_explained() -> None:
    page = document("services/mailbox/README.md")
    rows = [*page.table("The rules"), *page.table("Tenants")]
    named = [name.strip("`") for row in rows for name in row[0].split(", ")]
    code = [each.__name__ for kind in (MailboxCommand, AccessCommand) for each in members(kind)]
    assert sorted(named) == sorted(code)


def test_every_command_of_the_archive_service_is_explained_with_its_refusals_and_events() -> None:
    rows = document("services/archive/README.md").table("The rules")
    assert [row[0] for row in rows] == [each.__name__ for each in members(ArchiveCommand)]
    refusals = {code for row in rows for code in re.findall("[a-z]+_[a-z_]+", row[1])}
    assert refusals <= set(RefusalCode)
    events = {name for row in rows for name in re.findall("[A-Z][a-z]+[A-Z][A-Za-z]+", row[2])}
    assert events == {each.__name__ for each in members(ArchiveEvent)}
