"""The rows of a push as bytes, with every column and cell as it came.

Mappings are JSON text, which holds whole numbers of any length and tells `1` from `1.0` and from
`"1"`; frames are Arrow streams.  A generation reads the decoded body also when the push itself is
answered, so that what is decided at once and what is decided again later cannot differ.
"""

import base64
import io
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time

import polars as pl

from mainspring.sources.compiled import Cell

__all__ = ["RawRows", "chosen_rows", "decode_rows", "encode_rows"]

RawRows = Sequence[Mapping[str, Cell]] | pl.DataFrame
"""Rows as they came: mappings of columns to values, or a frame."""


def encode_rows(rows: RawRows) -> bytes:
    """The rows as bytes; `decode_rows` gives rows back that read alike.

    A cell that is no value, such as an object, becomes its text: whoever reads a column that the
    source declares refuses it before.
    """
    if isinstance(rows, pl.DataFrame):
        stream = io.BytesIO()
        kept = rows.select(
            name for name, dtype in rows.schema.items() if dtype not in (pl.Object, pl.Unknown)
        )
        kept.write_ipc_stream(
            stream, compression="zstd" if rows.height >= 1_024 else "uncompressed"
        )
        return stream.getvalue()
    plain = [dict(row) for row in rows]
    return json.dumps(plain, default=_plain, separators=(",", ":")).encode()


def decode_rows(body: bytes, encoding: str) -> RawRows:
    """The rows of a body."""
    if encoding == "arrow":
        return pl.read_ipc_stream(io.BytesIO(body))
    found: list[Mapping[str, Cell]] = json.loads(body)
    return found


def chosen_rows(rows: RawRows, places: Sequence[int]) -> RawRows:
    """The rows at these places, in their order."""
    if isinstance(rows, pl.DataFrame):
        return rows[list(places)]
    return [rows[place] for place in places]


def _plain(value: object) -> object:
    """A cell that JSON has no word for, as the text that reads as the same value."""
    name = type(value).__name__
    if name in ("NaTType", "NAType"):
        return None
    match value:
        case datetime() | date() | time():
            return value.isoformat()
        case bytes():
            return base64.b64encode(value).decode()
        case _ if name not in ("datetime64", "timedelta64") and callable(
            item := getattr(value, "item", None)
        ):
            # A scalar of NumPy is the number or text that it holds.
            return item()
        case _:
            return str(value)
