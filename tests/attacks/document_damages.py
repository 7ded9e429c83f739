"""Damages to what stands in the state database: every kind of document, changed in every way."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

__all__ = ["iter_document_damages"]

_STATE = ".mainspring"

KINDS = (
    "environment", "version", "version_digest", "attestation", "build", "definition", "asset",
    "token", "step", "run", "duration", "workspace",
)  # fmt: skip


def _each_number(value: object, number: int) -> object:
    match value:
        case bool():
            return value
        case int() | float():
            return number
        case dict():
            return {name: _each_number(part, number) for name, part in value.items()}
        case list():
            return [_each_number(part, number) for part in value]
        case _:
            return value


def _each_type(value: object) -> object:
    """Texts as numbers, numbers as texts, lists as mappings."""
    match value:
        case str():
            return 7
        case int() | float():
            return "seven"
        case list():
            return {"a": 1}
        case dict():
            return {name: _each_type(part) for name, part in value.items()}
        case _:
            return []


def _each_text(value: object, text: str) -> object:
    match value:
        case str():
            return text
        case dict():
            return {name: _each_text(part, text) for name, part in value.items()}
        case list():
            return [_each_text(part, text) for part in value]
        case _:
            return value


def _json(change: Callable[[object], object], payload: bytes) -> bytes:
    return json.dumps(change(json.loads(payload))).encode()


PAYLOADS: dict[str, Callable[[bytes], bytes]] = {
    "cut in half": lambda payload: payload[: len(payload) // 2],
    "empty": lambda _: b"",
    "no JSON": lambda _: b"\xa7garbage",
    "invalid UTF-8": lambda payload: payload.replace(b'"', b'"\xff\xfe', 1),
    "null": lambda _: b"null",
    "an empty record": lambda _: b"{}",
    "a list": lambda _: b"[]",
    "nested without end": lambda _: b"[" * 100_000,
    "wrong types": partial(_json, _each_type),
    "negative numbers": partial(_json, partial(_each_number, number=-1)),
    "huge numbers": partial(_json, partial(_each_number, number=10**40)),
    "numbers beyond time": partial(_json, partial(_each_number, number=2**63 - 1)),
    "empty texts": partial(_json, partial(_each_text, text="")),
    "texts of controls": partial(_json, partial(_each_text, text="\x00\x1b[31m/../x")),
    "of a later format": partial(
        _json, lambda value: {**value, "record_format": 99} if isinstance(value, dict) else value
    ),
}


def change_documents(kind: str, change: Callable[[bytes], bytes], project: Path) -> None:
    """Change the payload of every document of a kind."""
    with closing(sqlite3.connect(project / _STATE / "state.db")) as database:
        query = "SELECT key, payload FROM documents WHERE kind = ?"
        for key, payload in database.execute(query, (kind,)).fetchall():
            database.execute(
                "UPDATE documents SET payload = ? WHERE kind = ? AND key = ?",
                (change(payload), kind, key),
            )
        database.commit()


def rotate_documents(kind: str, project: Path) -> None:
    """Each document under the key of another of its kind, or the only one under another name."""
    with closing(sqlite3.connect(project / _STATE / "state.db")) as database:
        query = "SELECT key, payload FROM documents WHERE kind = ? ORDER BY key"
        found = database.execute(query, (kind,)).fetchall()
        for (key, _), (_, payload) in zip(found, [*found[1:], found[0]], strict=True):
            database.execute(
                "UPDATE documents SET payload = ? WHERE kind = ? AND key = ?", (payload, kind, key)
            )
        if len(found) == 1:
            database.execute("UPDATE documents SET key = key || 'x' WHERE kind = ?", (kind,))
        database.commit()


def remove_documents(kind: str, project: Path) -> None:
    with closing(sqlite3.connect(project / _STATE / "state.db")) as database:
        database.execute("DELETE FROM documents WHERE kind = ?", (kind,))
        database.commit()


def iter_document_damages() -> Iterator[tuple[str, Callable[[Path], None]]]:
    """The name of each damage, and what it does to a project."""
    for kind in KINDS:
        for said, change in PAYLOADS.items():
            yield f"{kind} documents: {said}", partial(change_documents, kind, change)
        yield f"{kind} documents: under another key", partial(rotate_documents, kind)
        yield f"{kind} documents: missing", partial(remove_documents, kind)
