"""How a run of the benchmark was asked for."""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Setting"]

_SMALLER = 500


@dataclass(frozen=True)
class Setting:
    """What every row is told.

    Args:
        folder: where it may write; emptied by whoever made it.
        is_quick: sizes of a smoke test, which says nothing about speed.
        rounds: how often each contender answers.
        with_feast: whether Feast is installed and measured too.
        cache: where environments of peers are kept between runs.
    """

    folder: Path
    is_quick: bool = False
    rounds: int = 5
    with_feast: bool = False
    cache: Path | None = None

    def scaled(self, size: int) -> int:
        """A size, or a five-hundredth of it in a quick run."""
        return max(size // _SMALLER, 10) if self.is_quick else size

    def room(self, name: str) -> Path:
        """A new folder for one contest."""
        room = self.folder / name
        room.mkdir(parents=True)
        return room
