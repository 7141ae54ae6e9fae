"""The source of a tree as the rules look at it: modules, what they import, what they call, what they say."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PACKAGES = ("contracts", "services", "deploy")


@dataclass(frozen=True)
class Module:
    """One Python file. `path` is relative to the tree, such as `services/mailbox/wiring.py`."""

    path: str
    text: str
    tree: ast.Module

    @property
    def service(self) -> str | None:
        """The deployable it belongs to; None for the contracts, the runtime and the rest."""
        parts = self.path.split("/")
        return parts[1] if len(parts) > 2 and parts[0] == "services" and parts[1] != "runtime" else None

    @cached_property
    def imports(self) -> list[str]:
        """Every module it imports, in full: `from contracts import ids` gives `contracts.ids` too."""
        found: list[str] = []
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found += (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.module is not None, f"{self.path}: relative imports are banned"
                found.append(node.module)
                found += (f"{node.module}.{alias.name}" for alias in node.names)
        return found

    @cached_property
    def calls(self) -> list[tuple[str, ast.Call]]:
        """Every call, with the dotted name of what is called as it is written there."""
        return [(ast.unparse(node.func), node) for node in ast.walk(self.tree) if isinstance(node, ast.Call)]

    @cached_property
    def strings(self) -> list[str]:
        """Every piece of text but the docstrings."""
        docstrings = {
            id(node.body[0].value)
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        return [
            node.value
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
        ]


def modules(root: Path, *folders: str) -> Iterator[Module]:
    """Every Python file of these folders, in order."""
    for folder in folders:
        for path in sorted((root / folder).rglob("*.py")):
            yield _module(path.relative_to(root).as_posix(), path.read_text(encoding="utf-8"))


@cache
def _module(path: str, text: str) -> Module:
    """Read a text once: each rule looks at the whole house, and again for each violation that is planted."""
    return Module(path, text, ast.parse(text))


def deployables(root: Path = PROJECT) -> list[str]:
    """The names of the services, which excludes the runtime."""
    found = [path.parent.name for path in sorted((root / "services").glob("*/__init__.py"))]
    return [name for name in found if name != "runtime"]
