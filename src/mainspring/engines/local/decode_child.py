"""The process that decodes what strangers sent: see `decoder`.

It reads requests from standard input and answers on standard output, until the input ends: a line
of JSON and then so many bytes, both ways.  It may be killed by what it reads; it knows no secret
and opens nothing but the file that it was told.
"""

import io
import json
import resource
import struct
import sys
from collections.abc import Callable, Mapping
from typing import BinaryIO, Final

import polars as pl

__all__ = ["main"]

_LONGEST_REASON = 300
_ROWS_AT_ONCE = 65_536
_TEXTS = (pl.Categorical, pl.Enum)
_CONTINUES = 0xFFFFFFFF
"""Before the size of a message; streams of before Arrow 0.15 have the size alone."""
_PLACE_OF_BODY_LENGTH = 10
"""In the table of places that a message has."""


class _Beyond(Exception):
    """More than may be asked for: what was found, and the limit."""


def main() -> None:
    """Answer until there are no more requests."""
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while line := requests.readline():
        request = json.loads(line)
        size = int(request["memory_bytes"])
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
        answer, payload = _answered(request, requests)
        answers.write(json.dumps({**answer, "bytes": len(payload)}).encode() + b"\n" + payload)
        answers.flush()


def _answered(
    request: Mapping[str, object], requests: BinaryIO
) -> tuple[dict[str, object], bytes | memoryview]:
    try:
        if "path" in request:
            return {"rows": _examined(str(request["path"]), request)}, b""
        body = io.BytesIO(requests.read(int(str(request["bytes"]))))
        return {}, _decoded(body, request)
    except _Beyond as error:
        return {"found": error.args[0], "limit": error.args[1]}, b""
    # the edge of this process: whatever a body does to its reader is said of the body
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        reason = str(error).partition("\n")[0][:_LONGEST_REASON]
        return {"reason": reason or type(error).__name__}, b""


def _decoded(body: io.BytesIO, request: Mapping[str, object]) -> memoryview:
    """The rows as a stream without dictionaries and compression."""
    rows, size = (int(str(request[name])) for name in ("rows", "size_bytes"))
    frame = _READERS[str(request["form"])](body, rows + 1)
    if frame.height > rows:
        raise _Beyond(f"more than {rows:,} rows", f"{rows:,}")
    _require_bounded(frame.schema, request)
    plain = frame.with_columns(pl.col(*_TEXTS).cast(pl.String)) if _has_texts(frame) else frame
    found = sum(_size_of(column) for column in plain.iter_columns())
    if found > size:
        raise _Beyond(f"{found:,} bytes once it is decoded", f"{size:,}")
    stream = io.BytesIO()
    plain.write_ipc_stream(stream, compression="uncompressed")
    return stream.getbuffer()


def _read_stream(body: io.BytesIO, rows: int) -> pl.DataFrame:
    """The rows of an Arrow stream; another behind it would be passed over, so it is refused."""
    frame = pl.read_ipc_stream(body, n_rows=rows)
    payload = body.getbuffer()
    behind = len(payload) - _end_of_stream(payload)
    if behind > 0:
        raise ValueError(f"{behind:,} bytes come behind the end of the Arrow stream")
    return frame


def _end_of_stream(payload: memoryview) -> int:
    """Where a stream ends that was read: by its mark, or with the bytes."""
    place = 0
    while place + 4 <= len(payload):
        [size] = struct.unpack_from("<I", payload, place)
        place += 4
        if size == _CONTINUES:
            [size] = struct.unpack_from("<I", payload, place)
            place += 4
        if size == 0:
            return place
        place += size + _body_length(payload[place : place + size])
    return place


def _body_length(message: memoryview) -> int:
    """How many bytes of columns follow a message, which is a flatbuffer."""
    [table] = struct.unpack_from("<I", message)
    [back] = struct.unpack_from("<i", message, table)
    [places_size] = struct.unpack_from("<H", message, table - back)
    if places_size <= _PLACE_OF_BODY_LENGTH:
        return 0
    [offset] = struct.unpack_from("<H", message, table - back + _PLACE_OF_BODY_LENGTH)
    [length] = struct.unpack_from("<q", message, table + offset) if offset else [0]
    if length < 0:
        raise ValueError("a message of the Arrow stream has less than no bytes")
    return int(length)


_READERS: Final[Mapping[str, Callable[[io.BytesIO, int], pl.DataFrame]]] = {
    "Arrow stream": _read_stream,
    "Arrow file": lambda body, rows: pl.read_ipc(body, n_rows=rows),
    "Parquet file": lambda body, rows: pl.read_parquet(body, n_rows=rows, hive_partitioning=False),
}


def _require_bounded(schema: Mapping[str, pl.DataType], request: Mapping[str, object]) -> None:
    """Return where there are not too many columns, with all that lies in them, and nothing lies too
    deep: types that do end whoever reads them, or take it minutes.
    """
    columns, depth = int(str(request["columns"])), int(str(request["depth"]))
    if len(schema) > columns:
        raise _Beyond(f"{len(schema):,} columns", f"{columns:,}")
    waiting, found = [(dtype, 1) for dtype in schema.values()], 0
    while waiting:
        dtype, level = waiting.pop()
        found += 1
        if level > depth or found > columns:
            raise _Beyond("too many types in each other", f"{columns:,}, {depth:,} deep")
        match dtype:
            case pl.List() | pl.Array():
                waiting.append((_type_of(dtype.inner), level + 1))
            case pl.Struct():
                waiting += [(_type_of(field.dtype), level + 1) for field in dtype.fields]
            case _:
                pass


def _type_of(dtype: object) -> pl.DataType:
    assert isinstance(dtype, pl.DataType), dtype
    return dtype


def _has_texts(frame: pl.DataFrame) -> bool:
    return any(isinstance(dtype, _TEXTS) for dtype in frame.dtypes)


def _size_of(column: pl.Series) -> int:
    """How many bytes the values have, each for itself: many may share theirs as long as nobody
    writes them.
    """
    match column.dtype:
        case pl.String():
            return int(column.str.len_bytes().sum() or 0) + 16 * len(column)
        case pl.Binary():
            return int(column.bin.size().sum() or 0) + 16 * len(column)
        case pl.Categorical() | pl.Enum():
            return _size_of(column.cast(pl.String))
        case pl.List() | pl.Array():
            return _size_of(column.explode()) + 8 * len(column)
        case pl.Struct():
            return sum(_size_of(each) for each in column.struct.unnest().iter_columns())
        case _:
            return 16 * len(column)


def _examined(path: str, request: Mapping[str, object]) -> int:
    """How many rows a Parquet file has, all of which were read."""
    rows, size = 0, int(str(request["size_bytes"]))
    scan = pl.scan_parquet(path, hive_partitioning=False)
    _require_bounded(scan.collect_schema(), request)
    for frame in scan.collect_batches(chunk_size=_ROWS_AT_ONCE):
        for part in frame.iter_slices(_ROWS_AT_ONCE):
            found = sum(_size_of(column) for column in part.iter_columns())
            if found > size:
                raise _Beyond(f"{found:,} bytes in {part.height:,} rows", f"{size:,}")
        rows += frame.height
    return rows


if __name__ == "__main__":
    main()
