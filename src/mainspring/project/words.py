"""Canonical descriptions in the notation that users write: `col("dep_delay").clip(-30, 240).mean()`, `3h`, `2013-10-01T00:00:00Z`."""

import json
from collections.abc import Mapping

from mainspring.elements.time import format_duration, format_instant

__all__ = ["say", "say_change", "say_value"]

_DURATIONS = frozenset({"windows", "ttl", "lateness", "clock_skew", "retention", "hold"})
_INSTANTS = frozenset({"train_from", "test_from", "test_until"})
_INFIX = frozenset({"Arithmetic", "Comparison"})
_METHODS = {"IsNull": "is_null", "FillNull": "fill_null", "Clip": "clip", "IsIn": "is_in", "Cast": "cast", "LocalTime": "dt.convert_time_zone"}

_WHOLE = frozenset({*_INFIX, *_METHODS, "Aggregation", "Column", "DatePart", "Literal", "Logical", "Negate", "Not", "When"})
"""Expressions, which are told whole."""


def say(field: str, written: str | None) -> str:
    """The value of a field, as kept in a definition, for people.

    >>> say("windows", "[3600000000,86400000000]")
    '1h, 24h'
    >>> say("ttl", None)
    'none'
    """
    if written is None:
        return "none"
    value: object = json.loads(written)
    match value:
        case list():
            return ", ".join(_say_in(field, item) for item in value) or "none"
        case _:
            return _say_in(field, value)


def say_change(field: str, before: str | None, after: str | None) -> str:
    """What a field turned from and into; of two records with several fields only those that differ.

    >>> say_change("ttl", "3600000000", None)
    '1h → none'
    """
    old, new = _record(before), _record(after)
    if old and new and old["is"] == new["is"] and old["is"] not in _WHOLE:
        return ", ".join(f"{key} {_say_in(key, old.get(key))} → {_say_in(key, new[key])}" for key in new if old.get(key) != new[key])
    return f"{say(field, before)} → {say(field, after)}"


def say_value(value: object) -> str:
    """A described value in the user's notation."""
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case list():
            return f"[{', '.join(map(say_value, value))}]"
        case {"asset": str(name)}:
            return name
        case dict() if isinstance(kind := value.get("is"), str):
            return _say_record(kind, value)
        case _:
            return str(value)


def _record(written: str | None) -> dict[str, object] | None:
    value: object = json.loads(written) if written else None
    return value if isinstance(value, dict) and "is" in value else None


def _say_in(field: str, value: object) -> str:
    last = field.rpartition(".")[2]
    if isinstance(value, int) and not isinstance(value, bool):
        if last in _DURATIONS:
            return format_duration(value)
        if last in _INSTANTS:
            return format_instant(value)
    return say_value(value)


def _say_record(kind: str, value: Mapping[str, object]) -> str:
    match value:
        case {"is": "Column", "name": name}:
            return f'col("{name}")'
        case {"is": "Literal"}:
            return _say_literal(value)
        case {"is": "Aggregation", "name": name, "operand": None}:
            return f"{name}()"
        case {"is": "Aggregation", "name": name, "operand": operand}:
            return f"{_operand(operand)}.{name}()"
        case {"op": op, "left": left, "right": right}:
            sign = op if kind in _INFIX else {"and": "&", "or": "|"}.get(str(op), op)
            return f"{_operand(left)} {sign} {_operand(right)}"
        case {"is": "Negate" | "Not", "operand": operand}:
            return f"{'-' if kind == 'Negate' else '~'}{_operand(operand)}"
        case {"is": "DatePart", "operand": operand, "part": part}:
            return f"{_operand(operand)}.dt.{part}()"
        case {"operand": operand}:
            rest = ", ".join(say_value(v) for k, v in value.items() if k not in ("is", "operand"))
            return f"{_operand(operand)}.{_METHODS.get(kind, kind)}({rest})"
        case {"is": "When", "condition": condition, "then": then, "otherwise": otherwise}:
            return f"when({say_value(condition)}).then({say_value(then)}).otherwise({say_value(otherwise)})"
        case _:
            said = ", ".join(f"{k}={_say_in(k, v)}" for k, v in value.items() if k != "is" and v is not None)
            return f"{kind}({said})"


def _say_literal(value: Mapping[str, object]) -> str:
    match value:
        case {"value": int(micros), "dtype": "duration"}:
            return format_duration(micros) if micros > 0 else f"{micros}us"
        case {"value": int(micros), "dtype": "timestamp"}:
            return format_instant(micros)
        case {"value": str(text)}:
            return f'"{text}"'
        case _:
            return say_value(value["value"])


def _operand(value: object) -> str:
    """An operand, in brackets where it is an operation itself."""
    text = say_value(value)
    return f"({text})" if isinstance(value, dict) and "op" in value else text
