"""A registry in memory, and the manifest of a fit to register."""

import msgspec
import pytest

from mainspring.elements.events import Actor, ProjectName
from mainspring.elements.identity import Digest
from mainspring.engines.local.objects import MemoryObjects
from mainspring.engines.local.state import SqliteState
from mainspring.registry.register import register_version
from mainspring.registry.version import ExportCheck, FitEnvironment, ModelManifest

HOUR = 3_600_000_000


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
    return ModelManifest(
        model="late_arrival",
        fingerprint=Digest("sha256:" + "1" * 64),
        code=Digest("sha256:" + "2" * 64),
        artifact=objects.write(b"model"),
        format="onnx",
        output="probability",
        encoding=Digest("sha256:" + "3" * 64),
        training_set=Digest("sha256:" + "4" * 64),
        definition=Digest("sha256:" + "6" * 64),
        card=Digest("sha256:" + "7" * 64),
        predictions=Digest("sha256:" + "5" * 64),
        environment=FitEnvironment(
            "3.11.2", "Linux", "x86_64", {"numpy": "2.4.0", "lightgbm": "4.7.0"}
        ),
        seed=7,
        params={},
        metrics={"roc_auc": 0.7641, "log_loss": 0.44201},
        base_rate=0.243,
        fitted=238_694,
        tested=82_609,
        feature_auc={
            "origin__delay_mean__3h": 0.68,
            "minute": 0.61,
            "weekday": 0.51,
            "distance": 0.52,
        },
        export=ExportCheck(82_609, 12, 2.2e-16),
    )


@pytest.fixture
def register(state, objects):
    """Registers a fit, with changes to it."""

    def register(fit, *, first_name="", **changes):
        return register_version(
            msgspec.structs.replace(fit, **changes),
            state=state,
            objects=objects,
            first_name=first_name,
            project=ProjectName("flights"),
            actor=Actor("person:ada"),
            at=15_705 * 24 * HOUR,
            reason="first apply",
        )

    return register
