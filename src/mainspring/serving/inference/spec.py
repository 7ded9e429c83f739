"""What an endpoint, or an environment, declares of its inference log."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["DURABILITIES", "Durability", "InferenceLog", "is_share"]

Durability = Literal["process", "disk"]
"""What a logged prediction survives: the death of the process, or the loss of power, too."""

DURABILITIES: tuple[Durability, ...] = ("process", "disk")


def is_share(value: object) -> bool:
    """Whether this can be a share of the predictions: a number from 0 to 1.

    >>> is_share(0.5), is_share(1), is_share(2), is_share(True), is_share("0.5")
    (True, True, False, False, False)
    """
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


@dataclass(frozen=True, kw_only=True)
class InferenceLog:
    """How predictions are logged; what is None is as the environment says.

    Args:
        durability: what a logged prediction survives: `process`, the death of the server; `disk`,
            the loss of power, too, at one flush of the disk for each turn.  By default `disk` in
            protected environments and `process` elsewhere.
        sample: the share of the predictions that is logged, 0 to 1, chosen by a hash of their ids;
            default 1.  A protected environment takes nothing below.
        asynchronous: a server answers before it logs; what it has not logged when it is killed is
            lost.  Not in protected environments.
    """

    durability: Durability | None = None
    sample: float | None = None
    asynchronous: bool | None = None

    @property
    def gaps(self) -> str:
        """What here lets predictions be missing in the log, as it is written; empty where nothing
        does.
        """
        is_sampled = self.sample is not None and self.sample < 1
        said = [f"sample={self.sample}"] if is_sampled else []
        return ", ".join([*said, *(["asynchronous=True"] if self.asynchronous else [])])
