"""A new kind of asset is one module and one line: everything else finds it by the union."""

import shutil
import subprocess
import sys
from pathlib import Path

from tools.source_tree import ROOT

TOY = '''"""Notes: a toy."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from mainspring.elements.declaration import caller
from mainspring.elements.errors import Location
from mainspring.flow.step import StepOutcome
from mainspring.project.kinds.asset import Asset, Declaration
from mainspring.project.kinds.evaluation import Evaluation
from mainspring.project.kinds.kind import Kind, StageInputs
from mainspring.project.kinds.stage import StageRecord


@dataclass(frozen=True)
class Note:
    POLICY: ClassVar[frozenset[str]] = frozenset()
    name: str
    text: str
    declared_at: Location = field(default_factory=caller, compare=False)


class WriteNote(StageRecord, frozen=True, kw_only=True, tag="write_note"):
    text: str


class NoteKind(Kind[Note]):
    name, declares, stages = "note", Note, (WriteNote,)

    def own(self, declaration: Declaration) -> Note:
        assert isinstance(declaration, Note)
        return declaration

    def plan(self, asset: Asset, inputs: StageInputs, *, reason: str) -> Iterator[StageRecord]:
        if inputs.is_rebuilt:
            yield WriteNote(
                identity=inputs.identity,
                asset=asset.name,
                fingerprint=asset.build_fingerprint,
                after=inputs.after,
                reason=reason,
                definition=asset.definition,
                text=self.own(asset.declaration).text,
            )

    def perform(self, stage: StageRecord, evaluation: Evaluation) -> StepOutcome:
        assert isinstance(stage, WriteNote)
        digest = evaluation.runtime.objects.write(stage.text.encode())
        return evaluation.record(stage, digest, rows=1, inputs={}, facts={"text": stage.text})

    def notes(self, stage: StageRecord) -> tuple[str, ...]:
        return ("a toy note",)
'''

USE = """
import msgspec

import mainspring as ms
from mainspring.project.kinds.note import Note
from mainspring.project.plan.plan import Plan

workspace = ms.Workspace.in_memory([Note("hello", "world")])
plan = workspace.plan()
assert msgspec.json.decode(msgspec.json.encode(plan), type=Plan) == plan
print(workspace.explain(plan))
workspace.apply(plan)
assert workspace.plan().is_empty
print(workspace.status().version)
"""


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def test_a_toy_kind_touches_one_new_module_and_one_line(tmp_path: Path) -> None:
    source = tmp_path / "src" / "mainspring"
    shutil.copytree(ROOT / "src" / "mainspring", source, ignore=shutil.ignore_patterns("*.nb*"))
    kinds = source / "project" / "kinds"
    before = lines(kinds / "union.py")
    (kinds / "note.py").write_text(TOY)
    text = (kinds / "union.py").read_text()
    text = text.replace("    | MonitorKind\n", "    | MonitorKind\n    | NoteKind\n")
    importing = "from mainspring.project.kinds.monitor import MonitorKind\n"
    text = text.replace(
        importing, f"{importing}from mainspring.project.kinds.note import NoteKind\n"
    )
    (kinds / "union.py").write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", USE],
        env={"PYTHONPATH": str(tmp_path / "src"), "PATH": "", "HOME": str(tmp_path), "USER": "toy"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "note.hello" in done.stdout
    assert "a toy note" in done.stdout
    added = [line for line in lines(kinds / "union.py") if line not in before]
    assert [line for line in added if not line.startswith("from ")] == ["    | NoteKind"]
