"""Row 6: pushes over HTTP, a row at a time from 64 connections, and ten thousand rows to a body."""

import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import polars as pl

from benchmarks.doors.http_client import Pushed, Server, push_all, serving
from benchmarks.doors.project import FEATURES, applied, open_workspace, write_project
from benchmarks.doors.size import Size
from benchmarks.features.figure import Figure, Section, count_of, percentile, time_of

__all__ = ["measure"]

_PATH = "/v1/sources/purchases/events"
_CONNECTIONS, _SENDERS = 64, 4
_REQUESTS, _BODIES, _ROWS = 20_000, 50, 10_000
_CUSTOMERS = 1_000
_RATE_GOAL, _P99_GOAL_S, _ROWS_GOAL = 3_000, 0.04, 200_000
_ACCEPTED, _TRIED = (200, 201, 202), (400, 406, 415, 422)
_JSON = "application/json"
_COUNT = "customer__count__30d"


def _as_json(rows: pl.DataFrame) -> bytes:
    return msgspec.json.encode({"rows": rows.with_columns(_as_text()).to_dicts()})


def _as_lines(rows: pl.DataFrame) -> bytes:
    return b"\n".join(map(msgspec.json.encode, rows.with_columns(_as_text()).to_dicts()))


def _as_arrow(rows: pl.DataFrame) -> bytes:
    stream = io.BytesIO()
    rows.write_ipc_stream(stream)
    return stream.getvalue()


def _as_text() -> pl.Expr:
    return pl.col("bought_at").dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")


_BODIES_OF: dict[str, tuple[str, Callable[[pl.DataFrame], bytes]]] = {
    "JSON": (_JSON, _as_json),
    "JSON lines": ("application/x-ndjson", _as_lines),
    "Arrow": ("application/vnd.apache.arrow.stream", _as_arrow),
}


def measure(size: Size) -> Section:
    """One server; afterwards it is asked how many facts it knows."""
    project = applied(write_project(size.room("pushes")))
    workspace = open_workspace(project)
    with serving(project, workspace.token()) as server:
        figures, notes, sent = _single(size, server)
        for name, (kind, encode) in _BODIES_OF.items():
            more, told, rows = _large(size, server, sent, (name, kind, encode))
            figures, notes, sent = [*figures, *more], [*notes, told], sent + rows
        peak = server.peak_bytes()
    _compare(project, sent)
    return Section(
        "pushes",
        "Pushes over HTTP",
        figures,
        [
            "`mainspring serve` in a process of its own, `POST /v1/sources/purchases/events` from "
            "one client process on the same two cores.  All rows are new.  Afterwards online and "
            "historical counts of all customers were compared with what was pushed.",
            " · ".join([*notes, f"server's peak {peak / 1e6:,.0f} MB"]) + ".",
        ],
    )


def _single(size: Size, server: Server) -> tuple[list[Figure], list[str], int]:
    count = size.scaled(_REQUESTS)
    bodies = [_as_json(row) for row in _drawn(0, count).iter_slices(1)]
    push_all(server, _PATH, bodies[: count // 10], connections=_CONNECTIONS, kind=_JSON)
    cpu = server.cpu_s()
    pushed = push_all(server, _PATH, bodies[count // 10 :], connections=_CONNECTIONS, kind=_JSON)
    _require_taken(pushed)
    rate, p99 = len(pushed.taken_s) / pushed.seconds, percentile(pushed.taken_s, 99)
    figures = [
        Figure(
            f"requests a second, one row each, {_CONNECTIONS} connections",
            f"{rate:,.0f}",
            f"≥ {_RATE_GOAL:,}",
            rate >= _RATE_GOAL,
        ),
        Figure("the same, p99", time_of(p99), f"≤ {time_of(_P99_GOAL_S)}", p99 <= _P99_GOAL_S),
    ]
    used = (server.cpu_s() - cpu) / len(pushed.taken_s)
    p50 = percentile(pushed.taken_s, 50)
    return figures, [f"one row: p50 {time_of(p50)}, server's CPU {time_of(used)} a request"], count


def _large(
    size: Size,
    server: Server,
    first: int,
    encoding: tuple[str, str, Callable[[pl.DataFrame], bytes]],
) -> tuple[list[Figure], str, int]:
    """Figures, what to tell, and how many rows were taken: none where the server does not know this
    kind of body.
    """
    name, kind, encode = encoding
    rows = size.scaled(_ROWS)
    bodies = list(map(encode, _drawn(first, rows * (size.scaled(_BODIES) + 1)).iter_slices(rows)))
    tried = push_all(server, _PATH, bodies[:1], connections=1, kind=kind)
    work = f"rows a second, {count_of(rows)} rows to a body of {name}"
    if tried.statuses[0] in _TRIED and name != "JSON":
        return [Figure(work, "refused by this release")], f"{name}: refused", 0
    _require_taken(tried)
    cpu, pushed = (
        server.cpu_s(),
        push_all(server, _PATH, bodies[1:], connections=_SENDERS, kind=kind),
    )
    _require_taken(pushed)
    rate = rows * len(pushed.statuses) / pushed.seconds
    used = (server.cpu_s() - cpu) / (rows * len(pushed.statuses))
    figure = Figure(work, f"{rate:,.0f}", f"≥ {_ROWS_GOAL:,}", rate >= _ROWS_GOAL)
    return [figure], f"{name}: server's CPU {time_of(used)} a row", rows * len(bodies)


def _require_taken(pushed: Pushed) -> None:
    refused = [status for status in pushed.statuses if status not in _ACCEPTED]
    assert not refused, f"{len(refused)} of {len(pushed.statuses)} pushes ended with {refused[0]}"


def _drawn(first: int, count: int) -> pl.DataFrame:
    """Purchases of this moment with new ids."""
    ids = pl.int_range(first, first + count, eager=True)
    now = time.time_ns() // 1_000 - 60_000_000
    return pl.DataFrame(
        {
            "purchase": ids,
            "customer": ids * 7 % _CUSTOMERS,
            "amount": (ids % 1_000).cast(pl.Float64) / 4,
            "item": ids % 10,
            "bought_at": (ids * 0 + now).cast(pl.Datetime("us", "UTC")),
        }
    )


def _compare(project: Path, sent: int) -> None:
    """How many facts the windows of an hour hold, online and in history."""
    workspace = open_workspace(project)
    workspace.materialize()
    counts = list(_counts(project))
    assert counts == [sent, sent], f"{sent} rows were pushed, and {counts} are known"


def _counts(project: Path) -> Iterator[int]:
    workspace, customers = open_workspace(project), list(range(_CUSTOMERS))
    keys = [{"customer": customer} for customer in customers]
    online = workspace.get_online_features(FEATURES["twenty"], keys=keys)
    yield sum(map(int, online.columns[_COUNT]))
    spine = pl.DataFrame({"customer": customers}).with_columns(
        prediction_time=pl.lit(time.time_ns() // 1_000).cast(pl.Datetime("us", "UTC"))
    )
    history = workspace.get_historical_features(FEATURES["twenty"], spine=spine)
    yield int(history[_COUNT].sum())
