"""How a run was asked for."""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Setting"]


@dataclass(frozen=True)
class Setting:
    """What every row is told.

    Args:
        folder: where it may write; emptied by whoever made it.
        cache: where environments of peers are kept between runs.
        rounds: how often each contender is asked.
        seconds: for how long each time.
        with_peers: whether other products are asked too.
        is_quick: sizes of a smoke test, which says nothing about speed.
    """

    folder: Path
    cache: Path
    rounds: int = 5
    seconds: float = 5.0
    with_peers: bool = True
    is_quick: bool = False
