"""Look at every store of a workspace, and say what is wrong and what to do about it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import msgspec

from mainspring.elements.errors import MainspringError
from mainspring.elements.events import Actor, Event, ProjectName
from mainspring.elements.time import Micros
from mainspring.features.view import CompiledView
from mainspring.maintenance.positions import StorePorts, iter_copies_ahead
from mainspring.ports.clock import Clock
from mainspring.ports.online import OnlineWriter
from mainspring.ports.state import StateWriter
from mainspring.ports.tables import TableWriter
from mainspring.sources.errors import CopyAhead
from mainspring.sources.watch import LogWatch

__all__ = ["Check", "Doctor", "DoctorReport", "Finding", "StoreRepair"]

Check = Callable[[], Iterable[MainspringError]]
"""Gives what it finds wrong; what it raises is a finding as well."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is wrong.

    Args:
        check: what was looked at.
        code, message, remedy: of the error that says so.
    """

    check: str
    code: str
    message: str
    remedy: str


class DoctorReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at, and what is wrong."""

    project: str
    environment: str
    at: Micros
    checks: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def is_well(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


@dataclass(frozen=True, eq=False, kw_only=True)
class StoreRepair:
    """What `accept` works with."""

    watch: LogWatch
    stores: StorePorts
    views: Callable[[], Iterable[CompiledView]]
    online: OnlineWriter
    tables: TableWriter
    state: StateWriter
    actor: Actor


@dataclass(frozen=True, eq=False, kw_only=True)
class Doctor:
    """Examines one environment.

    Args:
        checks: by what each looks at, in the order in which they are done.
    """

    project: ProjectName
    environment: str
    clock: Clock
    checks: Mapping[str, Check]
    repair: StoreRepair

    def examine(self) -> DoctorReport:
        """Do every check, whatever the ones before it found.  Nothing is changed."""
        findings = [
            _finding(name, error) for name, check in self.checks.items() for error in _found(check)
        ]
        return DoctorReport(
            project=self.project,
            environment=self.environment,
            at=self.clock.now(),
            checks=tuple(self.checks),
            findings=tuple(findings),
        )

    def accept(self) -> tuple[str, ...]:
        """Take what the log holds now for the whole, and remove what is ahead of it: online state
        and tables, which are folded again.  What was removed; the journal has it.

        What only a table still held is gone after that: copy it before.
        """
        repair = self.repair
        repair.watch.accept()
        ahead = list(iter_copies_ahead(self.environment, [*repair.views()], repair.stores))
        for copy in ahead:
            self._remove(copy)
        removed = tuple(dict.fromkeys(copy.store for copy in ahead))
        event = Event(
            kind="stores.accepted",
            project=self.project,
            actor=repair.actor,
            at=self.clock.now(),
            subject=self.environment,
            environment=self.environment,
            facts={"removed": [*removed]},
        )
        repair.state.commit([], [event])
        return removed

    def _remove(self, copy: CopyAhead) -> None:
        kind, _, name = copy.store.rpartition(" ")
        if kind == "table":
            self.repair.tables.drop(name)
        else:
            self.repair.online.drop(name)


def _found(check: Check) -> list[MainspringError]:
    found: list[MainspringError] = []
    try:
        # One by one: what was found before it failed counts.
        found.extend(check())
    except MainspringError as error:
        found.append(error)
    return found


def _finding(check: str, error: MainspringError) -> Finding:
    return Finding(
        check=check,
        code=error.code,
        message=error.message,
        remedy=error.remedy.format(**error.details()),
    )
