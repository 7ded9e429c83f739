"""Canonical descriptions in the notation that users write: `col("dep_delay").clip(-30,
240).mean()`, `3h`, `2013-10-01T00:00:00Z`.

How an expression is written stands with its operation, in `elements.expression`; here is how the
fields of a declaration are.
"""

import json
from collections.abc import Mapping, Sequence

from mainspring.elements.expression.aggregation import Aggregation
from mainspring.elements.expression.notation import (
    is_expression,
    parse_expression,
    render_aggregation,
    render_node,
)
from mainspring.elements.expression.readings.notation import render_constant
from mainspring.elements.expression.tree import Node
from mainspring.elements.time import format_duration, format_instant
from mainspring.elements.window import UNBOUNDED
from mainspring.sources.spec import NO_EVENT_TIME

__all__ = ["render_field", "render_field_change", "render_value"]

_DURATIONS = frozenset(
    {"windows", "ttl", "hop", "lateness", "clock_skew", "retention", "hold", "horizon"}
)
_NO_TIME = {"is": "Literal", "value": NO_EVENT_TIME.value, "dtype": NO_EVENT_TIME.dtype.value}
_INSTANTS = frozenset({"train_from", "test_from", "test_until"})


def render_field(field: str, written: str | None) -> str:
    """The value of a field of a definition, for people.

    >>> render_field("windows", "[3600000000,86400000000]")
    '1h, 24h'
    >>> render_field("ttl", None)
    'none'
    """
    if written is None:
        return "none"
    value: object = json.loads(written)
    match value:
        case list():
            return ", ".join(_render_in(field, item) for item in value) or "none"
        case _:
            return _render_in(field, value)


def render_field_change(field: str, before: str | None, after: str | None) -> str:
    """The change of a field; of two records with several fields only the fields that differ.

    >>> render_field_change("ttl", "3600000000", None)
    '1h → none'
    """
    old, new = _record(before), _record(after)
    if old and new and old["is"] == new["is"] and not is_expression(str(old["is"])):
        return ", ".join(
            f"{key} {_render_in(key, old.get(key))} → {_render_in(key, new[key])}"
            for key in new
            if old.get(key) != new[key]
        )
    return f"{render_field(field, before)} → {render_field(field, after)}"


def render_value(value: object) -> str:
    """A described value in the user's notation."""
    match value:
        case list():
            return f"[{', '.join(map(render_value, value))}]"
        case {"asset": str(name)}:
            return name
        case {"is": "FeatureSelection", "view": view, "columns": list() as columns}:
            return _render_selection(render_value(view), columns)
        case dict() if isinstance(kind := value.get("is"), str):
            return _render_record(kind, value)
        case _:
            return render_constant(value)


def _record(written: str | None) -> dict[str, object] | None:
    value: object = json.loads(written) if written else None
    return value if isinstance(value, dict) and "is" in value else None


def _render_in(field: str, value: object) -> str:
    last = field.rpartition(".")[2]
    if value is None and last == "windows":
        return UNBOUNDED
    if value == _NO_TIME:
        return "none"
    if isinstance(value, int) and not isinstance(value, bool):
        if last in _DURATIONS:
            return format_duration(value)
        if last in _INSTANTS:
            return format_instant(value)
    return render_value(value)


def _render_selection(view: str, columns: Sequence[object]) -> str:
    """A view in a feature set as people write it, without its kind: `load`, `load:team__n__1h`."""
    name = view.rpartition(".")[2]
    return ", ".join(f"{name}:{column}" for column in columns) or name


def _render_record(kind: str, value: Mapping[str, object]) -> str:
    match parse_expression(value):
        case Node() as node:
            return render_node(node)
        case Aggregation() as aggregation:
            return render_aggregation(aggregation)
        case None:
            fields = ", ".join(
                f"{key}={_render_in(key, part)}"
                for key, part in value.items()
                if key != "is" and part is not None
            )
            return f"{kind}({fields})"
