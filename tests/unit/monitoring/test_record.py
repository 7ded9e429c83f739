"""Incidents that two processes record at once."""

from collections.abc import Callable, Iterator

from mainspring.elements.events import ProjectName
from mainspring.engines.local.state import SqliteState
from mainspring.monitoring.limits.judgement import MonitorFinding
from mainspring.monitoring.record import IncidentJournal, iter_open_incidents, record_findings
from mainspring.ports.state import Document

SHOP = ProjectName("shop")


class Overtaken:
    """A state in which somebody else acts whenever incidents have been read, so many times."""

    def __init__(self, state: SqliteState, act: Callable[[], None], *, times: int) -> None:
        self._state, self._act, self._times = state, act, times

    def iter_documents(self, kind: str, prefix: str = "") -> Iterator[Document]:
        """As they were."""
        found = list(self._state.iter_documents(kind, prefix))
        if self._times:
            self._times -= 1
            self._act()
        return iter(found)

    def __getattr__(self, name: str) -> object:
        return getattr(self._state, name)


def finding(subject: str) -> MonitorFinding:
    return MonitorFinding(
        kind="parity", subject=subject, statistic=1.0, limit=0.0, sentence=subject
    )


def test_of_two_processes_neither_loses_what_the_other_found() -> None:
    """The later one wrote the incident as it had read it over what the other had added."""
    state = SqliteState(None, project=SHOP)
    theirs = IncidentJournal(state, SHOP, "dev", "parity")
    record_findings([finding("view.a")], theirs, at=1)
    overtaken = Overtaken(
        state,
        lambda: record_findings([finding("view.a"), finding("view.c")], theirs, at=2),
        times=1,
    )
    ours = theirs._replace(state=overtaken)  # type: ignore[arg-type]
    record_findings([finding("view.b")], ours, at=3)
    [incident] = iter_open_incidents(state, "dev", "parity")
    assert sorted(incident.subjects) == ["view.a", "view.b", "view.c"]


def test_of_two_processes_that_find_the_same_one_opens_an_incident() -> None:
    state = SqliteState(None, project=SHOP)
    theirs = IncidentJournal(state, SHOP, "dev", "parity")
    overtaken = Overtaken(
        state, lambda: record_findings([finding("view.a")], theirs, at=1), times=1
    )
    ours = theirs._replace(state=overtaken)  # type: ignore[arg-type]
    record_findings([finding("view.a")], ours, at=2)
    [incident] = iter_open_incidents(state, "dev", "parity")
    assert incident.opened_at == 1
