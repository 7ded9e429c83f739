"""Notes (owner, description, tags) tell people something and ask for nothing: no plan, no
fingerprint and no stored definition of a model has them.
"""

import dataclasses
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import mainspring as ms
from mainspring import col
from mainspring.app.cli import command_line
from mainspring.datasets.definition import (
    TrainingSetDefinition,
    parse_training_set_definition,
    render_training_set_definition,
)
from mainspring.elements.schema import DType, Schema
from tests.unit.project.desk import copied, edited

NOTES = {"owner": "ada", "description": "What it is.", "tags": {"team": "risk", "pii": "no"}}
EDITS = [
    ('event_time="opened_at")', 'event_time="opened_at", owner="ada", tags={"team": "desk"})'),
    ('ms.Entity("team")', 'ms.Entity("team", owner="eve", description="A team.", tags=["hr"])'),
    ('features={"n": ms.count()}', 'features={"n": ms.count()}, owner="bob", tags=["nightly"]'),
    ('features={"words": col("words")}', 'features={"words": col("words")}, tags={"a": "b"}'),
    ('    "history",', '    "history",\n    owner="eve",\n    tags={"a": "b"},'),
    ("def slow(train, run):", 'def slow(train, run):\n    """Late tickets."""'),
    ("requests=3)])", 'requests=3)], owner="ada", tags={"tier": "1"})'),
    ('ms.Endpoint("slow", model=slow)', 'ms.Endpoint("slow", model=slow, owner="ada")'),
    ("ms.Monitor(slow)", 'ms.Monitor(slow, description="Watches.", tags={"tier": "1"})'),
]


@pytest.fixture
def applied(applied_desk: Path, tmp_path: Path) -> Path:
    return copied(applied_desk, tmp_path)


def run(folder: Path, *words: str) -> str:
    done = CliRunner().invoke(command_line, [*words, "--project", str(folder)])
    assert done.exit_code == 0, done.output
    return done.output


def test_a_change_of_notes_on_every_declaration_plans_to_nothing(applied: Path) -> None:
    before = ms.Workspace.open(applied).plan()
    for old, new in EDITS:
        edited(applied, old, new)
    after = ms.Workspace.open(applied).plan()
    assert before.is_empty
    assert after.is_empty
    assert after.fingerprints == before.fingerprints


def test_an_empty_apply_puts_notes_on_record_and_moves_nothing(applied: Path) -> None:
    for old, new in EDITS:
        edited(applied, old, new)
    workspace = ms.Workspace.open(applied)
    report = workspace.apply()
    assert (report.moved, report.version, report.performed) == (False, 1, 0)
    status = workspace.status()
    assert {source.name: source.notes.owner for source in status.sources} == {
        "solved": "",
        "tickets": "ada",
    }
    assert [endpoint.notes.owner for endpoint in status.endpoints] == ["ada"]
    model = workspace.lineage("model.slow")
    assert (model.notes.description, model.notes.tags) == ("Late tickets.", {"tier": "1"})
    [recorded] = workspace.runtime.state.iter_events(kind="notes.recorded")
    assert "source.tickets" in str(recorded.event.facts["assets"])
    assert workspace.deployer.record_notes() == ()


def test_notes_are_shown_where_people_look(applied: Path) -> None:
    for old, new in EDITS:
        edited(applied, old, new)
    assert "The notes of" in run(applied, "apply")
    assert "owner ada" in run(applied, "status")
    assert "owner ada" in run(applied, "lineage", "model.slow")
    shown = run(applied, "features", "show", "load")
    assert "  owner     bob\n  tags      nightly\n" in shown
    document = json.loads(run(applied, "status", "--json"))
    assert document["endpoints"][0]["notes"] == {"owner": "ada"}


def test_notes_are_no_part_of_what_is_stored_with_a_model() -> None:
    def rendered(**notes: object) -> bytes:
        source = ms.Source("sales", id="n", event_time="at", **notes)
        view = ms.FeatureView(
            "takings",
            source=source,
            entities=[ms.Entity("shop", **notes)],
            windows=["1h"],
            features={"n": ms.count()},
            **notes,
        )
        declared = ms.TrainingSet(
            "late",
            spine=source,
            prediction_time=col("at"),
            request=["shop"],
            label=ms.Label(source, col("n") > 1, join_on="n"),
            features=[view],
            split=ms.split_by_time(
                train_from="2024-05-01", test_from="2024-05-03", test_until="2024-05-05"
            ),
            **notes,
        )
        schema = Schema.of(n=DType.INT64, at=DType.TIMESTAMP, shop=DType.STRING)
        return render_training_set_definition(
            TrainingSetDefinition(declared, (("sales", schema),), (("takings", "takings@1"),))
        )

    assert rendered() == rendered(**NOTES)
    parsed = parse_training_set_definition(rendered(**NOTES)).training_set
    assert (parsed.owner, parsed.description, parsed.tags) == ("", "", ())


def test_a_definition_that_an_earlier_release_stored_is_read_with_what_its_fields_mean() -> None:
    source = ms.Source("sales", id="n", event_time="at")
    declared = ms.TrainingSet(
        "late",
        spine=source,
        prediction_time=col("at"),
        request=["n"],
        label=ms.Label(source, col("n") > 1, join_on="n"),
        features=[],
        split=ms.split_by_time(
            train_from="2024-05-01", test_from="2024-05-03", test_until="2024-05-05"
        ),
    )
    schema = Schema.of(n=DType.INT64, at=DType.TIMESTAMP)
    definition = TrainingSetDefinition(declared, (("sales", schema),), ())
    now = render_training_set_definition(definition)
    stored = json.loads(now)
    notes = {"owner": "ada", "description": "Stored by 0.1."}
    data = [stored["declared"] | notes, stored["schemas"], stored["shards"]]
    earlier = parse_training_set_definition(json.dumps(data).encode())
    assert earlier.training_set.description == "Stored by 0.1."
    assert earlier.training_set.tags == ()
    renewed = dataclasses.replace(earlier, semantics=definition.semantics)
    assert render_training_set_definition(renewed) == now


@pytest.mark.parametrize(
    "wrong",
    [{"tags": "risk"}, {"tags": {"a": 1}}, {"tags": [1]}, {"owner": 3}, {"description": None}],
)
def test_notes_that_are_no_text_are_refused_at_the_declaration(wrong: dict[str, object]) -> None:
    with pytest.raises(TypeError, match=f"{next(iter(wrong))}: "):
        ms.Entity("shop", **wrong)
