"""A registry in memory, and a fit to register."""

from dataclasses import dataclass, field, replace

import pytest

from mainspring.elements.events import Actor, ProjectName
from mainspring.elements.identity import Digest
from mainspring.engines.local.objects import MemoryObjects
from mainspring.engines.local.state import SqliteState
from mainspring.registry.register import register_version
from mainspring.registry.version import ExportCheck, FitEnvironment

HOUR = 3_600_000_000


@dataclass(frozen=True)
class Fit:
    """What a fit made, in the words of a manifest."""

    artifact: str
    model: str = "late_arrival"
    fingerprint: str = "sha256:" + "1" * 64
    code: str = "sha256:" + "2" * 64
    format: str = "onnx"
    output: str = "probability"
    encoding: str = "sha256:" + "3" * 64
    training_set: str = "sha256:" + "4" * 64
    predictions: str = "sha256:" + "5" * 64
    environment: FitEnvironment = field(
        default_factory=lambda: FitEnvironment(
            "3.11.2", "Linux", "x86_64", {"numpy": "2.4.0", "lightgbm": "4.7.0"}
        )
    )
    seed: int = 7
    params: dict = field(default_factory=dict)
    metrics: dict = field(default_factory=lambda: {"roc_auc": 0.7641, "log_loss": 0.44201})
    base_rate: float = 0.243
    fitted: int = 238_694
    tested: int = 82_609
    feature_auc: dict = field(
        default_factory=lambda: {
            "origin__delay_mean__3h": 0.68,
            "minute": 0.61,
            "weekday": 0.51,
            "distance": 0.52,
        }
    )
    export: ExportCheck = field(default_factory=lambda: ExportCheck(82_609, 12, 2.2e-16))


@pytest.fixture
def objects():
    return MemoryObjects()


@pytest.fixture
def state(tmp_path):
    opened = SqliteState(tmp_path / "state.db", ProjectName("flights"))
    yield opened
    opened.close()


@pytest.fixture
def fit(objects):
    return Fit(artifact=objects.write(b"model"))


@pytest.fixture
def register(state, objects):
    """Registers a fit, with changes to it."""

    def register(fit, **changes):
        return register_version(
            replace(fit, **changes),
            definition=Digest("sha256:" + "6" * 64),
            card=Digest("sha256:" + "7" * 64),
            state=state,
            objects=objects,
            project=ProjectName("flights"),
            actor=Actor("person:ada"),
            at=15_705 * 24 * HOUR,
            reason="first apply",
        )

    return register
