"""Mainspring: declare a machine-learning system once; plan it, build it, test it, serve it, monitor
it.

Everything that a project declares is here, and the workspace that does the rest:

    import mainspring as ms
    from mainspring import col

Nothing heavy is imported until a workspace computes something.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from mainspring import gates
from mainspring.datasets.spec import (
    Label,
    TrainingSet,
    split_at_random,
    split_by_key,
    split_by_time,
)
from mainspring.elements.errors import MainspringError
from mainspring.elements.expression.build import (
    col,
    count,
    days,
    hours,
    lit,
    minutes,
    seconds,
    timestamp,
    when,
)
from mainspring.features.spec import (
    Entity,
    FeatureSet,
    FeatureView,
    OnDemandFeatureView,
    latest,
)
from mainspring.monitoring.spec import Monitor
from mainspring.serving.spec import ABTest, Canary, Endpoint, InferenceLog, RolloutRules, Shadow
from mainspring.sources.spec import Binary as Bytes
from mainspring.sources.spec import (
    Boolean,
    Contract,
    Decimal,
    Float64,
    Int64,
    Source,
    String,
    Time,
    Timestamp,
    UInt64,
    Vector,
    assumed_delay,
)
from mainspring.training.spec import model

if TYPE_CHECKING:
    from mainspring.app.workspace import Workspace

__version__ = "0.1.0"

__all__ = [
    "ABTest",
    "Boolean",
    "Bytes",
    "Canary",
    "Contract",
    "Decimal",
    "Endpoint",
    "Entity",
    "FeatureSet",
    "FeatureView",
    "Float64",
    "InferenceLog",
    "Int64",
    "Label",
    "MainspringError",
    "Monitor",
    "OnDemandFeatureView",
    "RolloutRules",
    "Shadow",
    "Source",
    "String",
    "Time",
    "Timestamp",
    "TrainingSet",
    "UInt64",
    "Vector",
    "Workspace",
    "assumed_delay",
    "col",
    "count",
    "days",
    "gates",
    "hours",
    "latest",
    "lit",
    "minutes",
    "model",
    "seconds",
    "split_at_random",
    "split_by_key",
    "split_by_time",
    "timestamp",
    "when",
]


def __getattr__(name: str) -> object:
    """`Workspace`, imported when it is first used, because it imports the engines."""
    if name != "Workspace":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    workspace: object = import_module("mainspring.app.workspace").Workspace
    return workspace
