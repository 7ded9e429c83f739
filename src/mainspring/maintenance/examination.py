"""What `mainspring doctor` looks at, composed from the engines of an environment."""

from collections.abc import Callable, Iterator, Sequence

from mainspring.elements.errors import MainspringError
from mainspring.elements.time import SECOND, format_instant
from mainspring.features.view import CompiledView
from mainspring.maintenance.doctor import Check, Doctor, StoreRepair
from mainspring.maintenance.errors import ClockDoubted
from mainspring.maintenance.positions import (
    StorePorts,
    iter_copies_ahead,
    iter_missing_copies,
    iter_missing_objects,
)
from mainspring.ports.clock import clock_note
from mainspring.project.kinds.evaluation import Runtime
from mainspring.sources.watch import LogWatch, WatchedLog

__all__ = ["doctor_of", "iter_clock_faults", "store_ports", "watch_of"]

_SKEW = 5 * SECOND


def store_ports(runtime: Runtime) -> StorePorts:
    """The stores, their log unwatched: whoever looks for faults must not be refused by one."""
    log = runtime.log
    return StorePorts(
        state=runtime.state,
        log=log.unwatched if isinstance(log, WatchedLog) else log,
        tables=runtime.tables,
        online=runtime.online,
        objects=runtime.objects,
    )


def watch_of(runtime: Runtime) -> LogWatch:
    """What watches the log; of a log in memory, which nobody can lose, one that finds nothing."""
    log = runtime.log
    return log.watch if isinstance(log, WatchedLog) else LogWatch(log, runtime.state, "memory")


def iter_clock_faults(runtime: Runtime) -> Iterator[ClockDoubted]:
    """A jump of the machine's clock, and a clock that is behind the newest event of the journal."""
    if note := clock_note(runtime.clock):
        yield ClockDoubted(what=note)
    state, now = runtime.state, runtime.clock.now()
    newest = next(state.iter_events(after=max(state.journal_head() - 1, 0)), None)
    # Events of monitors have the times of their windows, which are those of the data.
    is_of_monitor = newest is not None and newest.event.kind.startswith("incident.")
    if newest is not None and not is_of_monitor and newest.event.at > now + _SKEW:
        what = f"the clock is at {format_instant(now)}, before the newest event of the journal"
        yield ClockDoubted(what=f"{what}, of {format_instant(newest.event.at)}")


def doctor_of(
    runtime: Runtime,
    environment: str,
    *,
    views: Callable[[], Sequence[CompiledView]],
    more: dict[str, Check],
) -> Doctor:
    """Examines an environment.

    Args:
        views: those that are kept current.
        more: checks of what others own.
    """
    stores, watch = store_ports(runtime), watch_of(runtime)

    def log() -> Iterator[MainspringError]:
        fault = watch.check()
        if fault is not None:
            yield fault

    checks: dict[str, Check] = {
        "log": log,
        "tables and online state": lambda: iter_copies_ahead(environment, views(), stores),
        "objects": lambda: iter_missing_objects(environment, stores, reads_bytes=True),
        "copies of files": lambda: iter_missing_copies(environment, stores),
    }
    repair = StoreRepair(
        watch=watch,
        stores=stores,
        views=views,
        online=runtime.online,
        tables=runtime.tables,
        state=runtime.state,
        actor=runtime.actor,
    )
    return Doctor(
        project=runtime.project,
        environment=environment,
        clock=runtime.clock,
        checks=checks | more,
        repair=repair,
    )
