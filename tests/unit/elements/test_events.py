"""What the journal keeps."""

import msgspec

from mainspring.elements.events import Event
from mainspring.elements.identity import canonical_json


def test_an_event_reads_back_with_its_facts():
    facts = {
        "rows": 5,
        "share": 0.5,
        "ok": True,
        "reason": None,
        "columns": ["a"],
        "counts": {"a": 1},
    }
    event = Event(
        kind="stage.finished",
        project="flights",
        actor="person:ada",
        at=5,
        subject="flights",
        environment="dev",
        facts=facts,
    )
    assert msgspec.json.decode(canonical_json(event), type=Event) == event
