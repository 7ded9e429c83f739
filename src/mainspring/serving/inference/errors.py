"""What can go wrong with what is logged of predictions."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import ServingError

__all__ = ["UNLOGGED", "LogIncomplete", "PredictionNotLogged"]

UNLOGGED = "unlogged-"
"""What the ids of predictions begin with that are not logged."""


@dataclass(eq=False, kw_only=True)
class PredictionNotLogged(ServingError):
    """This prediction was answered and not logged, as its answer has said: its endpoint logs a
    sample, or could not log more at that moment.  It cannot be replayed, and no label finds it by
    its id.
    """

    code: ClassVar[str] = "SRV-111"
    template: ClassVar[str] = "prediction {prediction!r} was answered and not logged"
    remedy: ClassVar[str] = (
        "send labels by key; to replay more predictions declare a larger `sample` in "
        "ms.InferenceLog, or in the environment's `inference_log`"
    )
    prediction: str


@dataclass(eq=False, kw_only=True)
class LogIncomplete(ServingError):
    """A protected environment logs every prediction before it is answered.  Sampling and
    asynchronous logging are for other environments.
    """

    code: ClassVar[str] = "SRV-110"
    template: ClassVar[str] = (
        "{where} declares {declared}, and {environment} is protected: it logs every prediction "
        "before it answers"
    )
    remedy: ClassVar[str] = (
        "remove it there; for an open environment write it in project.toml, under "
        "[environments.NAME.inference_log]"
    )
    where: str
    declared: str
    environment: str
