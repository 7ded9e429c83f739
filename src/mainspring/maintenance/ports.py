"""What maintenance works with, handed in by the composition root."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from mainspring.elements.events import Actor, Event, EventValue, ProjectName
from mainspring.ports.backup import FolderWriter
from mainspring.ports.clock import Clock
from mainspring.ports.log import LogReader, LogWriter
from mainspring.ports.objects import ObjectWriter
from mainspring.ports.online import OnlineWriter
from mainspring.ports.state import StateStore, StateWriter
from mainspring.ports.tables import TableWriter

__all__ = ["FolderEngines", "MaintenancePorts"]


@dataclass(frozen=True, eq=False, kw_only=True)
class FolderEngines:
    """The engines that a backup is opened with: those whose data lies in the files of a folder,
    given that folder.
    """

    folders: FolderWriter
    open_state: Callable[[Path, ProjectName], AbstractContextManager[StateWriter]]
    open_log: Callable[[Path], AbstractContextManager[LogReader]]
    open_tables: Callable[[Path], TableWriter]


@dataclass(frozen=True, eq=False, kw_only=True)
class MaintenancePorts:
    """The engines of one workspace, and who works on it.

    Args:
        clock: the time of the world, for records; `data_clock`: that of the data, by which records
            age.
    """

    project: ProjectName
    actor: Actor
    state: StateStore
    log: LogWriter
    tables: TableWriter
    online: OnlineWriter
    objects: ObjectWriter
    clock: Clock
    data_clock: Clock

    def record(self, kind: str, subject: str, facts: dict[str, EventValue]) -> None:
        """Append an event to the journal, of now and of whoever works."""
        at = self.clock.now()
        event = Event(
            kind=kind, project=self.project, actor=self.actor, at=at, subject=subject, facts=facts
        )
        self.state.commit([], [event])
