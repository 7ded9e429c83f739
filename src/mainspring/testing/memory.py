"""The embedded engines without a disk, all at once."""

from dataclasses import dataclass

from mainspring.elements.events import ProjectName
from mainspring.elements.time import Micros
from mainspring.engines.local.clock import FrozenClock, SeededIds
from mainspring.engines.local.log import SqliteLog
from mainspring.engines.local.objects import MemoryObjects
from mainspring.engines.local.online import SqliteOnline
from mainspring.engines.local.signer import Ed25519Verifier, FileSigner
from mainspring.engines.local.state import SqliteState
from mainspring.engines.local.tables import MemoryTables

__all__ = ["MemoryEngines"]


@dataclass(frozen=True, kw_only=True)
class MemoryEngines:
    """One engine of each port that holds data, and the time and names that they go by."""

    clock: FrozenClock
    ids: SeededIds
    state: SqliteState
    log: SqliteLog
    online: SqliteOnline
    tables: MemoryTables
    objects: MemoryObjects
    signer: FileSigner
    verifier: Ed25519Verifier

    @classmethod
    def at(cls, moment: Micros, *, project: str = "test", seed: int = 0) -> "MemoryEngines":
        """Empty engines at a moment.

        >>> MemoryEngines.at(0).log.topics()
        []
        """
        clock = FrozenClock(moment)
        return cls(
            clock=clock,
            ids=SeededIds(seed),
            state=SqliteState(None, ProjectName(project), clock=clock),
            log=SqliteLog(None),
            online=SqliteOnline(None),
            tables=MemoryTables(),
            objects=MemoryObjects(),
            signer=FileSigner.in_memory(),
            verifier=Ed25519Verifier(),
        )
