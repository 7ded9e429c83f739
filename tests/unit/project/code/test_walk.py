"""What is reached from a fit, and what is not."""

from pathlib import Path

import pytest

from mainspring.project.kinds.asset import FingerprintContext
from mainspring.project.loader.discover import discover
from mainspring.project.loader.graph import build_graph
from tests.unit.project.code import (
    edits_of_acts,
    edits_of_imports,
    edits_of_made_things,
    edits_of_values,
)
from tests.unit.project.code.edit import DECLARATIONS, Edit


def fingerprints(folder: Path, files: dict[str, str]) -> list[str]:
    """Those of the project's models."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text((DECLARATIONS if name == "p.py" else "") + text)
    graph = build_graph(discover(folder), FingerprintContext(semantics=1))
    return [each.build_fingerprint for each in graph.assets.values() if each.kind == "model"]


EDITS = [
    *edits_of_acts.EDITS,
    *edits_of_imports.EDITS,
    *edits_of_made_things.EDITS,
    *edits_of_values.EDITS,
]


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.what)
def test_what_a_fit_reaches_is_its_code(tmp_path: Path, edit: Edit) -> None:
    assert edit.before in edit.files[edit.file]
    edited = {**edit.files, edit.file: edit.files[edit.file].replace(edit.before, edit.after)}
    was, now = fingerprints(tmp_path, edit.files), fingerprints(tmp_path, edited)
    assert (was != now) == edit.is_change
