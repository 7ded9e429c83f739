"""What a request is told that is not let in."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import ServingError

__all__ = ["ModelQueueFull", "RateExceeded", "UnknownPriority", "rejection_of"]


@dataclass(eq=False, kw_only=True)
class ModelQueueFull(ServingError):
    """As many requests for a model wait as may, of this priority.  The answer is 503, and readiness
    says so too while live requests are refused.
    """

    code: ClassVar[str] = "SRV-100"
    template: ClassVar[str] = "{waiting} requests wait for {model}, and {limit} {priority} ones may"
    remedy: ClassVar[str] = (
        "send it again after the time in Retry-After, or to another server; start more workers, or "
        "raise `queue` under `admission` in project.toml (`serve-model`: `--queue`)"
    )
    model: str
    priority: str
    waiting: int
    limit: int


@dataclass(eq=False, kw_only=True)
class RateExceeded(ServingError):
    """A caller asks more often than the environment grants.  The answer is 429."""

    code: ClassVar[str] = "SRV-101"
    template: ClassVar[str] = "{caller} may send {rate:g} requests a second"
    remedy: ClassVar[str] = (
        "send it again after the time in Retry-After, ask for several rows in one request, or have "
        "the rate raised under `admission` in project.toml (`serve-model`: `--requests-per-s`)"
    )
    caller: str
    rate: float
    wait_s: float


@dataclass(eq=False, kw_only=True)
class UnknownPriority(ServingError):
    """A request names a priority that there is none of."""

    code: ClassVar[str] = "SRV-102"
    template: ClassVar[str] = "there is no priority {given!r}; there are: {known}"
    remedy: ClassVar[str] = "leave the header out for a live request"
    given: str
    known: str


def rejection_of(error: Exception) -> str:
    """Why a request was not let in, in one word for metrics; empty where it was.

    >>> rejection_of(RateExceeded(caller="a", rate=1.0, wait_s=1.0))
    'rate'
    """
    match error:
        case ModelQueueFull():
            return "queue"
        case RateExceeded():
            return "rate"
        case _:
            return ""
