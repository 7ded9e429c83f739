"""How large a run of this benchmark is."""

from dataclasses import dataclass
from pathlib import Path

from benchmarks.features.setting import Setting

__all__ = ["FULL", "Size"]

FULL = 10_000_000
"""Facts of a full run; what the goals are for."""


@dataclass(frozen=True)
class Size(Setting):
    """What every row is told.

    Args:
        facts: how many; everything else is in proportion to a full run.
    """

    facts: int = FULL

    def scaled(self, size: int) -> int:
        """A size of a full run, in proportion, and at least ten."""
        return max(size * self.facts // FULL, 10)

    @property
    def is_full(self) -> bool:
        """Whether the goals are for this size."""
        return self.facts >= FULL

    @property
    def is_smoke_test(self) -> bool:
        """Whether a run only shows that everything runs."""
        return self.facts < FULL // 100

    def kept(self, name: str) -> Path:
        """A folder that rows share: made once for a run."""
        return self.folder / name
