"""What was appended to the rows of a shard and is not in the trees of its keys yet, and when it is
taken into them.

A micro-batch is appended without reading anything, so it costs what its bytes cost; a tree is read
and written anew for many facts of its key at a time.  A key that has much appended is taken in at
once, since whoever reads it looks at every fact of that; of a shard that has much, some keys are
taken in with each commit that follows, so that no commit takes long.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

__all__ = ["RUN_LIMITS", "RunLimits", "ShardRuns"]


@dataclass(frozen=True)
class RunLimits:
    """How much may be appended before it is taken into trees.

    Args:
        key_bytes: to one key; raising it makes reads of busy keys dearer and their writes cheaper.
        shard_bytes: to all keys of a shard, about 130 bytes for a fact of one value; readers keep
            so much in memory.
        keys_at_once: so many keys are taken in with a commit; raising it makes single commits
            longer.
        fold_records: a fold of so many records at once does not leave more appended to a shard than
            it may have: keys are taken in until it has not, before the fold ends.
    """

    key_bytes: int = 4_096
    shard_bytes: int = 8 << 20
    keys_at_once: int = 4_096
    fold_records: int = 50_000


RUN_LIMITS = RunLimits()
"""What holds where nobody says otherwise."""


class ShardRuns:
    """What is appended to a shard, as the one knows it who appends.

    Args:
        sizes: of what was appended, by key.
    """

    def __init__(self, sizes: Mapping[bytes, int], limits: RunLimits) -> None:
        self._sizes, self._limits = dict(sizes), limits
        self._total = sum(self._sizes.values())
        self._due: list[bytes] = []

    def overfull(self, appended: Mapping[bytes, bytes]) -> set[bytes]:
        """The keys that would have too much, were this appended."""
        most, sizes = self._limits.key_bytes, self._sizes
        return {name for name, piece in appended.items() if sizes.get(name, 0) + len(piece) > most}

    def take_due(self) -> set[bytes]:
        """The keys to take in now, each once."""
        if not self._due and self._total > self._limits.shard_bytes:
            # The oldest first, so that the oldest runs are the first that count no more.
            self._due = [*reversed(self._sizes)]
        taken: set[bytes] = set()
        while self._due and len(taken) < self._limits.keys_at_once:
            name = self._due.pop()
            if name in self._sizes:
                taken.add(name)
        return taken

    def note(self, grown: Iterable[bytes], appended: Mapping[bytes, bytes]) -> None:
        """These keys were taken in and this was appended: after the commit."""
        for name in grown:
            self._total -= self._sizes.pop(name, 0)
        for name, piece in appended.items():
            self._sizes[name] = self._sizes.get(name, 0) + len(piece)
            self._total += len(piece)
