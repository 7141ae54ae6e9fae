"""JSON Schemas of our Structs, as the published documents show them."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec import Struct, inspect

_REFERENCE: Final = "#/components/schemas/{name}"


def schemas_of(*kinds: Any) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """Give a schema for each kind, and the schemas of all Structs in them by name (JSON Schema 2020-12).

    Beyond what msgspec says of them: descriptions without the indentation of the source, and `date-time` for instants.
    """
    shown, components = msgspec.json.schema_components(kinds, ref_template=_REFERENCE)
    instants = {
        info.cls.__name__: {field.encode_name for field in info.fields if _is_instant(field.type)}
        for info in _structs(inspect.multi_type_info(kinds))
    }
    for schema in components.values():
        if "description" in schema:
            lines = schema["description"].splitlines()
            schema["description"] = "\n".join(line.strip() for line in lines)
        title = schema.get("title", "").partition("[")[0]
        for name in instants.get(title, ()):
            _say_date_time(schema["properties"][name])
    return list(shown), components


def _structs(kinds: Any) -> Iterator[inspect.StructType]:
    waiting, seen = list(kinds), set[type[Struct]]()
    while waiting:
        match waiting.pop():
            case inspect.StructType() as info if info.cls not in seen:
                seen.add(info.cls)
                waiting.extend(field.type for field in info.fields)
                yield info
            case inspect.UnionType() as union:
                waiting.extend(union.types)
            case inspect.Metadata() as marked:
                waiting.append(marked.type)
            case inspect.CollectionType() as many:
                waiting.append(many.item_type)
            case inspect.DictType() as named:
                waiting.append(named.value_type)
            case _:
                pass


def _is_instant(kind: inspect.Type) -> bool:
    match kind:
        case inspect.DateTimeType():
            return True
        case inspect.Metadata():
            return _is_instant(kind.type)
        case inspect.UnionType():
            return any(_is_instant(each) for each in kind.types)
        case _:
            return False


def _say_date_time(schema: dict[str, Any]) -> None:
    for each in schema.get("anyOf", [schema]):
        if each.get("type") == "string":
            each["format"] = "date-time"
