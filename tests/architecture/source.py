"""The source of a tree as the rules look at it: modules, what they import, what they call, what they say."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PACKAGES = ("contracts", "services", "deploy")


@dataclass(frozen=True, slots=True)
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

    def imports(self) -> Iterator[str]:
        """Every module it imports, in full: `from contracts import ids` gives `contracts.ids` too."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.module is not None, f"{self.path}: relative imports are banned"
                yield node.module
                yield from (f"{node.module}.{alias.name}" for alias in node.names)

    def calls(self) -> Iterator[tuple[str, ast.Call]]:
        """Every call, with the dotted name of what is called as it is written there."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                yield ast.unparse(node.func), node

    def strings(self) -> Iterator[str]:
        """Every piece of text but the docstrings."""
        docstrings = {
            id(node.body[0].value)
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
                yield node.value


def modules(root: Path, *folders: str) -> Iterator[Module]:
    """Every Python file of these folders, in order."""
    for folder in folders:
        for path in sorted((root / folder).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            yield Module(path.relative_to(root).as_posix(), text, ast.parse(text))


def deployables(root: Path = PROJECT) -> list[str]:
    """The names of the services, which excludes the runtime."""
    found = [path.parent.name for path in sorted((root / "services").glob("*/__init__.py"))]
    return [name for name in found if name != "runtime"]
