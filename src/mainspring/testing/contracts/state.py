"""The guarantees of every state store."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from mainspring.elements.events import Actor, Event, ProjectName
from mainspring.elements.journal import verify_journal
from mainspring.ports.errors import StaleWrite
from mainspring.ports.state import Change, Document, StateWriter

__all__ = ["StateContract", "event"]

PROJECT = ProjectName("contract")


def event(kind: str, subject: str = "late_arrival", at: int = 1) -> Event:
    """Something that happened."""
    return Event(
        kind=kind,
        project=PROJECT,
        actor=Actor("person:ada"),
        at=at,
        subject=subject,
        facts={"rows": 3, "share": 0.5, "carriers": ["UA"]},
    )


class StateContract:
    """Override `state` with an empty store for the project `contract`."""

    @pytest.fixture
    def state(self) -> StateWriter:
        """An empty store for the project `contract`."""
        raise NotImplementedError

    def test_a_document_counts_its_changes(self, state: StateWriter) -> None:
        """Versions start at 1."""
        for payload in (b"{}", b"[1]"):
            state.commit([Change("build", "a", payload)], [])
        assert state.get("build", "a") == Document("a", 2, b"[1]")
        assert state.get("build", "b") is None

    def test_documents_of_a_kind_are_listed_by_key_under_a_prefix(self, state: StateWriter) -> None:
        """Other kinds and other keys stay out, however many there are."""
        state.commit(
            [Change("run", f"b/{number:04d}", b"1") for number in range(1_200)]
            + [Change("run", "a", b"2"), Change("step", "b/1", b"3")],
            [],
        )
        assert [document.key for document in state.iter_documents("run", "b/")] == [
            f"b/{number:04d}" for number in range(1_200)
        ]
        assert len(list(state.iter_documents("run"))) == 1_201

    def test_a_removed_document_is_absent(self, state: StateWriter) -> None:
        """None removes."""
        state.commit([Change("build", "a", b"{}")], [])
        state.commit([Change("build", "a", None, 1)], [])
        assert state.get("build", "a") is None

    def test_an_unexpected_version_undoes_the_whole_commit(self, state: StateWriter) -> None:
        """ENG-004, with documents and events alike."""
        with pytest.raises(StaleWrite, match="build b is at version 0, not at version 1"):
            state.commit(
                [Change("build", "a", b"{}", 0), Change("build", "b", b"{}", 1)],
                [event("build.finished")],
            )
        assert (state.get("build", "a"), state.journal_head()) == (None, 0)

    def test_events_come_back_in_order_as_they_were(self, state: StateWriter) -> None:
        """Types of facts included."""
        first, second = event("run.started"), event("stage.finished", at=2)
        assert state.commit([], [first, second]) == state.journal_head() == 2
        assert [(found.sequence, found.event) for found in state.iter_events()] == [
            (1, first),
            (2, second),
        ]

    def test_kinds_are_those_of_which_there_is_a_document(self, state: StateWriter) -> None:
        """Sorted, each once; a kind whose last document went is none."""
        assert state.kinds() == []
        state.commit(
            [Change("run", "b", b"{}"), Change("run", "a", b"{}"), Change("build", "a", b"{}")], []
        )
        assert state.kinds() == ["build", "run"]
        state.commit([Change("build", "a", None)], [])
        assert state.kinds() == ["run"]

    def test_the_journal_is_read_by_kind_and_from_a_point_on(self, state: StateWriter) -> None:
        """A kind is a prefix."""
        state.commit([], [event("run.started"), event("gate.judged"), event("run.finished")])
        assert [found.sequence for found in state.iter_events(kind="run.")] == [1, 3]
        assert [found.sequence for found in state.iter_events(after=2)] == [3]

    def test_the_chain_runs_through_all_commits(self, state: StateWriter) -> None:
        """And says where a record was changed."""
        for number in range(5):
            state.commit([], [event("run.started", subject=str(number))])
        records = list(state.iter_events())
        forged = [
            *records[:2],
            type(records[2])(
                sequence=3, event=event("run.started", subject="forged"), chain=records[2].chain
            ),
            *records[3:],
        ]
        assert (verify_journal(records), verify_journal(forged)) == (None, 3)

    def test_of_many_that_expect_the_same_version_one_wins(self, state: StateWriter) -> None:
        """Optimistic concurrency, from several threads."""

        def compete(number: int) -> bool:
            try:
                state.commit(
                    [Change("environment", "prod", str(number).encode(), 0)],
                    [event("environment.moved", subject=str(number))],
                )
            except StaleWrite:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(compete, range(32))) == 1
        assert state.journal_head() == 1
