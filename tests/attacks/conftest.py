"""Projects that several attacks begin with, each trained once."""

from pathlib import Path

import pytest

from mainspring.app.workspace import Workspace
from tests.attacks.disk import ANOTHER, ROLLOUT, trusting
from tests.attacks.wire import SERVERS
from tests.unit.project.desk import DECLARATIONS, edited, write_desk


@pytest.fixture(scope="session")
def promoted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models in dev and staging, which has two maps: in the first the model `slow` had a looser
    gate, and its endpoint no roll-out.
    """
    folder = write_desk(tmp_path_factory.mktemp("promoted"))
    (folder / "desk.py").write_text(DECLARATIONS + ANOTHER)
    trusting(folder, tester=Workspace.open(folder).public_keys()["tester"])
    Workspace.open(folder).apply()
    Workspace.open(folder).promote("staging")
    edited(
        folder,
        "latency(p99_ms=500, requests=3)])\ndef slow",
        "latency(p99_ms=400, requests=3)])\ndef slow",
    )
    edited(folder, 'ms.Endpoint("slow", model=slow)', ROLLOUT)
    Workspace.open(folder).apply()
    Workspace.open(folder).promote("staging")
    return folder


@pytest.fixture(scope="module", params=sorted(SERVERS))
def kind(request: pytest.FixtureRequest) -> str:
    """Which server is attacked."""
    kind: str = request.param
    return kind
