"""The rules that need more than a look at imports between packages. Each gives a sentence per violation.

The accident that they prevent together: something that cannot be tested without a clock, a broker or a database, or
that cannot be changed without looking at another service. The way out is an argument, a message in `contracts`, or
machinery without a word about mail in `services/runtime`.
"""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from tests.architecture.source import Module, deployables, modules

PURE_LIBRARY: Final = frozenset(
    {
        "abc",
        "bisect",
        "collections",
        "dataclasses",
        "datetime",
        "decimal",
        "enum",
        "functools",
        "hashlib",
        "heapq",
    }
    | {"ipaddress", "itertools", "math", "operator", "re", "string", "typing", "unicodedata", "uuid"}
)
"""The parts of the standard library that touch neither clock, chance nor the outside, used as below."""

IMPURE_NAMES: Final = frozenset({"uuid.uuid1", "uuid.uuid4", "uuid.getnode"})
IMPURE_CALLS: Final = re.compile(
    r"\b(now|utcnow|today|uuid1|uuid4|getnode|open|input|print|__import__|eval|exec)$"
)
CLOCK_CALLS: Final = re.compile(r"\bdate(time)?\.(now|utcnow|today)$|\btime\.time$")

OPENERS: Final = frozenset(
    {
        "open_pool",
        "open_vault",
        "open_blobs",
        "open_command_client",
        "open_hasher",
        "open_producer",
        "open_news_sender",
        "open_news_listener",
        "join_group",
    }
    | {
        "serve_health",
        "Reactor",
        "create_pool",
        "AIOKafkaConsumer",
        "AIOKafkaProducer",
        "ProcessPoolExecutor",
    }
)
"""What makes something that lives as long as its role. A reader for one job is opened where the job is done."""

MAIL_WORDS: Final = frozenset(
    {"mailbox", "mailboxes", "mails", "inbox", "postmaster", "imap", "smtp", "dovecot", "catchall"}
    | {
        "note",
        "notes",
        "workbook",
        "workbooks",
        "xlsx",
        "archive",
        "archives",
        "quarantine",
        "bulkio",
        "gateway",
    }
)
_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")

_SQL_SCHEMA: Final = re.compile(
    r"\b(?:FROM|JOIN|INTO|UPDATE|TABLE|EXISTS|REFERENCES|ONLY|search_path\s*=|search_path\s+TO)\s*\"?([a-z_]+)\"?\s*\.?",
    re.IGNORECASE,
)


def contracts_are_pure(root: Path) -> Iterator[str]:
    """`contracts` imports msgspec, itself and the pure standard library."""
    for module in modules(root, "contracts"):
        yield from _impurities(module, own=("contracts", "msgspec"))


def cores_are_pure(root: Path) -> Iterator[str]:
    """A core imports contracts, itself and the pure standard library, and asks neither clock nor chance."""
    for service in deployables(root):
        core = f"services.{service}.core"
        for module in modules(root, f"services/{service}/core"):
            yield from _impurities(module, own=("contracts", "msgspec", core))


def _impurities(module: Module, own: tuple[str, ...]) -> Iterator[str]:
    for name in module.imports:
        ours = any(name == allowed or name.startswith(f"{allowed}.") for allowed in own)
        if name in IMPURE_NAMES or not (ours or name.split(".")[0] in PURE_LIBRARY):
            yield f"{module.path} imports {name}"
    for name, _ in module.calls:
        if IMPURE_CALLS.search(name):
            yield f"{module.path} calls {name}"


def the_clock_is_a_port(root: Path) -> Iterator[str]:
    """Only `services/runtime/clock.py` asks the machine what time it is, and services have it from the house's clock."""
    for module in modules(root, "contracts", "services"):
        if module.service is not None and "services.runtime.clock.utc_now" in module.imports:
            yield f"{module.path} passes the clock of the house by"
        if module.path != "services/runtime/clock.py":
            for name, _ in module.calls:
                if CLOCK_CALLS.search(name):
                    yield f"{module.path} calls {name}"


def wiring_opens(root: Path) -> Iterator[str]:
    """In a service, whatever lives as long as the role is opened in `wiring.py`, inside a function."""
    for module in modules(root, "services"):
        if module.service is None:
            continue
        at_import = {id(node) for node in _run_at_import(module.tree)}
        for name, call in module.calls:
            if name.split(".")[-1] in OPENERS:
                if module.path != f"services/{module.service}/wiring.py":
                    yield f"{module.path} opens something: {name}"
                elif id(call) in at_import:
                    yield f"{module.path} opens something when it is imported: {name}"


def _run_at_import(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield node
            yield from _run_at_import(node)


def sql_stays_in_its_schema(root: Path) -> Iterator[str]:
    """No service names a schema in SQL: its pool has exactly one, its own."""
    schemas = {*deployables(root), "vault", "public"}
    for service in deployables(root):
        rooms = list(modules(root, f"services/{service}"))
        constants = {name: value for room in rooms for name, value in _constants(room.tree)}
        for room in rooms:
            for text in room.strings:
                yield from _schemas_named(room.path, text, schemas)
            for name, call in room.calls:
                if name.split(".")[-1] == "open_pool" and _schema_of(call, constants) != service:
                    yield f"{room.path} opens a pool whose schema is not {service}"
        for path in sorted((root / "services" / service).rglob("*.sql")):
            where = path.relative_to(root).as_posix()
            yield from _schemas_named(where, path.read_text(encoding="utf-8"), schemas)


def _schemas_named(where: str, text: str, schemas: set[str]) -> Iterator[str]:
    for match in _SQL_SCHEMA.finditer(text):
        if match[1] in schemas and (match[0].endswith(".") or "search_path" in match[0].lower()):
            yield f"{where} names the schema {match[1]}"


def _schema_of(call: ast.Call, constants: dict[str, str]) -> str | None:
    """The value of `schema=`, written there or as a constant of the service."""
    for keyword in call.keywords:
        if keyword.arg == "schema":
            if isinstance(keyword.value, ast.Constant):
                return str(keyword.value.value)
            return constants.get(ast.unparse(keyword.value))
    return None


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        targets = (
            node.targets
            if isinstance(node, ast.Assign)
            else [node.target]
            if isinstance(node, ast.AnnAssign)
            else []
        )
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield from ((ast.unparse(target), value.value) for target in targets)


def the_runtime_knows_no_mail(root: Path) -> Iterator[str]:
    """No word about mail stands in the names, texts or statements of the runtime."""
    for module in modules(root, "services/runtime"):
        names = {
            node.id
            if isinstance(node, ast.Name)
            else node.attr
            if isinstance(node, ast.Attribute)
            else node.name
            for node in ast.walk(module.tree)
            if isinstance(
                node, ast.Name | ast.Attribute | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
            )
        }
        arguments = {
            node.arg for node in ast.walk(module.tree) if isinstance(node, ast.arg | ast.keyword) and node.arg
        }
        yield from _mail_words(module.path, [*names, *arguments, *module.imports, *module.strings])
    for path in sorted((root / "services" / "runtime").rglob("*.sql")):
        yield from _mail_words(path.relative_to(root).as_posix(), [path.read_text(encoding="utf-8")])


def _mail_words(where: str, texts: list[str]) -> Iterator[str]:
    words = {word.lower() for text in texts for word in _WORD.findall(text)}
    for word in sorted(words & MAIL_WORDS):
        yield f"{where} speaks of {word!r}"


RULES: Final[tuple[Callable[[Path], Iterator[str]], ...]] = (
    contracts_are_pure,
    cores_are_pure,
    the_clock_is_a_port,
    wiring_opens,
    sql_stays_in_its_schema,
    the_runtime_knows_no_mail,
)
