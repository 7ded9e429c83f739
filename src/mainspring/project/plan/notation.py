"""Canonical values in the notation that users write: `col("dep_delay").clip(-30, 240).mean()`,
`3h`, `2013-10-01T00:00:00Z`.
"""

import json
from collections.abc import Iterator, Mapping

from mainspring.elements.expression.text import WHITE_SPACE
from mainspring.elements.time import format_duration, format_instant
from mainspring.elements.window import UNBOUNDED

__all__ = ["render_field", "render_field_change", "render_value"]

_DURATIONS = frozenset({"windows", "ttl", "hop", "lateness", "clock_skew", "retention", "hold"})
_INSTANTS = frozenset({"train_from", "test_from", "test_until"})
_POSITIONAL = frozenset({"k", "q", "qs", "edges", "values"})
_INFIX = frozenset({"Arithmetic", "Comparison"})
_METHODS = {
    "Abs": "abs",
    "Bucket": "bucket",
    "Cast": "cast",
    "Ceil": "ceil",
    "Clip": "clip",
    "FillNull": "fill_null",
    "Floor": "floor",
    "Hash": "hash",
    "IsIn": "is_in",
    "IsNull": "is_null",
    "LocalTime": "dt.convert_time_zone",
    "Round": "round",
    "TextLength": "str.len_chars",
}
_TEXT = frozenset({"TextCase", "TextMatch", "TextSlice", "TextStrip"})
_STRIPS = {"both": "strip_chars", "start": "strip_chars_start", "end": "strip_chars_end"}

_WHOLE = frozenset(
    {
        *_INFIX,
        *_METHODS,
        *_TEXT,
        "Aggregation",
        "Column",
        "DatePart",
        "Elementary",
        "Literal",
        "Logical",
        "Negate",
        "Not",
        "When",
    }
)
"""Expressions, which are always printed whole."""


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
    if old and new and old["is"] == new["is"] and old["is"] not in _WHOLE:
        return ", ".join(
            f"{key} {_render_in(key, old.get(key))} → {_render_in(key, new[key])}"
            for key in new
            if old.get(key) != new[key]
        )
    return f"{render_field(field, before)} → {render_field(field, after)}"


def render_value(value: object) -> str:
    """A described value in the user's notation."""
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case list():
            return f"[{', '.join(map(render_value, value))}]"
        case {"asset": str(name)}:
            return name
        case dict() if isinstance(kind := value.get("is"), str):
            return _render_record(kind, value)
        case _:
            return str(value)


def _record(written: str | None) -> dict[str, object] | None:
    value: object = json.loads(written) if written else None
    return value if isinstance(value, dict) and "is" in value else None


def _render_in(field: str, value: object) -> str:
    last = field.rpartition(".")[2]
    if value is None and last == "windows":
        return UNBOUNDED
    if isinstance(value, int) and not isinstance(value, bool):
        if last in _DURATIONS:
            return format_duration(value)
        if last in _INSTANTS:
            return format_instant(value)
    return render_value(value)


def _render_record(kind: str, value: Mapping[str, object]) -> str:
    match value:
        case {"is": "Column", "name": name}:
            return f'col("{name}")'
        case {"is": "Literal"}:
            return _render_literal(value)
        case {"is": "Aggregation", "name": name, "operand": operand}:
            receiver = "" if operand is None else f"{_receiver(operand)}."
            return f"{receiver}{name}({', '.join(_render_parameters(value))})"
        case {"op": op, "left": left, "right": right}:
            sign = op if kind in _INFIX else {"and": "&", "or": "|"}.get(str(op), op)
            return f"{_operand(left)} {sign} {_operand(right)}"
        case {"is": "Negate" | "Not", "operand": operand}:
            return f"{'-' if kind == 'Negate' else '~'}{_operand(operand)}"
        case {"is": "DatePart", "operand": operand, "part": part}:
            return f"{_receiver(operand)}.dt.{part}()"
        case {"is": "Elementary", "operand": operand, "function": function}:
            return f"{_receiver(operand)}.{function}()"
        case {"operand": operand} if kind in _TEXT:
            return f"{_receiver(operand)}.str.{_render_text(value)}"
        case {"operand": operand}:
            rest = ", ".join(
                render_value(v) for k, v in value.items() if k not in ("is", "operand")
            )
            return f"{_receiver(operand)}.{_METHODS.get(kind, kind)}({rest})"
        case {"is": "When", "condition": condition, "then": then, "otherwise": otherwise}:
            test, yes, no = (render_value(part) for part in (condition, then, otherwise))
            return f"when({test}).then({yes}).otherwise({no})"
        case _:
            parts = ", ".join(
                f"{k}={_render_in(k, v)}" for k, v in value.items() if k != "is" and v is not None
            )
            return f"{kind}({parts})"


def _render_text(value: Mapping[str, object]) -> str:
    match value:
        case {"case": case}:
            return f"to_{case}case()"
        case {"test": test, "text": str(text)}:
            return f"{test}({_quoted(text)})"
        case {"offset": offset, "length": None}:
            return f"slice({offset})"
        case {"offset": offset, "length": length}:
            return f"slice({offset}, {length})"
        case {"characters": str(characters), "ends": str(ends)}:
            return f"{_STRIPS[ends]}({'' if characters == WHITE_SPACE else _quoted(characters)})"
        case _:
            return render_value(dict(value))


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _render_parameters(aggregation: Mapping[str, object]) -> Iterator[str]:
    """The parameters of an aggregation, as its method takes them."""
    parameters, where = aggregation.get("parameters"), aggregation.get("where")
    for name, value in parameters if isinstance(parameters, list) else ():
        written = _written(
            format_duration(value) if name == "half_life" and isinstance(value, int) else value
        )
        yield written if name in _POSITIONAL else f"{name}={written}"
    if where is not None:
        yield f"where={render_value(where)}"


def _written(constant: object) -> str:
    """A constant as a user writes it."""
    match constant:
        case bool():
            return str(constant)
        case str():
            return _quoted(constant)
        case list():
            return f"[{', '.join(map(_written, constant))}]"
        case _:
            return render_value(constant)


def _render_literal(value: Mapping[str, object]) -> str:
    match value:
        case {"value": int(micros), "dtype": "duration"}:
            return format_duration(micros) if micros > 0 else f"{micros}us"
        case {"value": int(micros), "dtype": "timestamp"}:
            return format_instant(micros)
        case {"value": str(text)}:
            return f'"{text}"'
        case _:
            return render_value(value["value"])


def _operand(value: object) -> str:
    """An operand, in brackets where it is an operation itself."""
    text = render_value(value)
    return f"({text})" if isinstance(value, dict) and "op" in value else text


def _receiver(value: object) -> str:
    """What a method is called on, in brackets where Python would read a sign last."""
    text = _operand(value)
    return f"({text})" if isinstance(value, dict) and value.get("is") in ("Negate", "Not") else text
