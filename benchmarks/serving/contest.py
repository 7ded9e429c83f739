"""Contenders in turns: each is asked once in a round, so that what a neighbour takes of the machine
is taken from all.
"""

import statistics
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import msgspec

from benchmarks.features.figure import Figure
from benchmarks.serving import ours, peers
from benchmarks.serving.contender import Contender, Measured
from benchmarks.serving.load import Load
from benchmarks.serving.model import ROWS, ServedModel
from benchmarks.serving.servers import SERVERS
from benchmarks.serving.setting import Setting

__all__ = ["Contest", "Result", "bodies_of", "contest", "in_turns", "share"]

_WARM_S = 1.0


@dataclass(frozen=True)
class Result:
    """Medians of a contender."""

    rate: float
    p50_ms: float
    p99_ms: float
    cpu_us: float

    def __str__(self) -> str:
        return (
            f"{self.rate:,.0f}/s, p50 {self.p50_ms:.2f} ms, p99 {self.p99_ms:.2f} ms, "
            f"CPU {self.cpu_us:.0f} µs"
        )


@dataclass
class Contest:
    """What runs, in the order in which it is asked.

    Args:
        absent: the names of products that did not start, with the reason.
    """

    contenders: list[Contender] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)


@contextmanager
def contest(setting: Setting, model: ServedModel, name: str) -> Iterator[Contest]:
    """All of them, each answering as the model does."""
    folder, found = setting.folder / name, Contest()
    with ExitStack() as running:
        for server in SERVERS:
            found.contenders.append(running.enter_context(ours.bare_model(server, model, folder)))
        for peer in peers.PEERS if setting.with_peers else ():
            try:
                programs = peers.install(peer, setting.cache)
                started = running.enter_context(peers.running(peer, programs, model, folder))
            except Exception as error:  # another product, which may fail in any way: it is named
                traceback.print_exc()
                found.absent[peer.name] = str(error).splitlines()[0][:200]
                continue
            found.contenders.append(started)
        yield found


def bodies_of(contender: Contender, model: ServedModel, *, rows: int) -> list[bytes]:
    """So many rows a request; all rows of the model come in turn."""
    parts = (model.rows[at : at + rows] for at in range(0, ROWS, rows))
    return [msgspec.json.encode(contender.question.body(part)) for part in parts]


def in_turns(
    setting: Setting, loads: Sequence[tuple[Contender, Load]], *, connections: int
) -> list[Result]:
    """The medians of each, after a round that does not count."""
    for contender, load in loads:
        contender.measure(load, connections=connections, seconds=_WARM_S)
    taken: list[list[Measured]] = [[] for _ in loads]
    for _ in range(setting.rounds):
        for (contender, load), mine in zip(loads, taken, strict=True):
            measured = contender.measure(load, connections=connections, seconds=setting.seconds)
            mine.append(measured)
    return [_median_of(mine) for mine in taken]


def share(work: str, ratio: float, goal: float, *, told: str) -> Figure:
    """A figure for a part of something that should be large."""
    return Figure(work, f"{ratio:.0%} ({told})", f"≥ {goal:.0%}", ratio >= goal)


def _median_of(taken: Sequence[Measured]) -> Result:
    """Of each figure by itself."""
    return Result(
        statistics.median(each.loaded.rate for each in taken),
        statistics.median(each.loaded.p50_ms for each in taken),
        statistics.median(each.loaded.p99_ms for each in taken),
        statistics.median(each.cpu_us for each in taken),
    )
