"""The journal is read by kind, whatever a kind was called when it was written."""

import pytest

from mainspring.elements.events import Actor, Event, ProjectName
from mainspring.engines.local.state import SqliteState
from mainspring.govern.audit import audit_journal

SHOP = ProjectName("shop")


@pytest.fixture
def state():
    opened = SqliteState(None, SHOP)
    opened.commit(
        [],
        [
            Event(kind=kind, project=SHOP, actor=Actor("person:ada"), at=at, subject="source.sales")
            for at, kind in enumerate(["facts.taken", "build.made", "rows.ingested"])
        ],
    )
    yield opened
    opened.close()


@pytest.mark.parametrize("kind", ["rows.ingested", "rows."])
def test_a_kind_is_found_under_the_name_it_had_before(state, kind):
    report = audit_journal(state, kind=kind)
    assert [record.event.at for record in report.shown] == [0, 2]
    assert report.intact


def test_a_former_name_finds_what_was_written_under_it(state):
    assert [record.event.at for record in audit_journal(state, kind="facts").shown] == [0]
