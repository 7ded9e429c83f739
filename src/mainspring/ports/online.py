"""Online state: binary rows by (shard, key, bucket), read in place by the feature kernel.

A shard is one build of one feature view.  A bucket is a stretch of event time; what a row holds is the business of `features`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from mainspring.elements.time import Micros

__all__ = ["KeySpan", "OnlineReader", "OnlineWriter", "Position", "RowKey"]


class KeySpan(NamedTuple):
    """The rows of one key with `first <= bucket <= last`."""

    key: bytes
    first: int
    last: int


class RowKey(NamedTuple):
    """The place of one row in a shard."""

    key: bytes
    bucket: int


@dataclass(frozen=True)
class Position:
    """How far a shard has folded: per topic the offset (exclusive), and K, the largest visible time among what was folded."""

    offsets: tuple[tuple[str, int], ...]
    visible_until: Micros

    def offset(self, topic: str) -> int:
        """The offset of one topic; 0 when nothing of it was folded."""
        return dict(self.offsets).get(topic, 0)


class OnlineReader(Protocol):
    """Reads online state.

    Guarantees: rows and position of one call belong to the same commit.
    """

    def read(self, shard: str, spans: Sequence[KeySpan]) -> tuple[Position | None, list[list[bytes]]]:
        """The shard's position (None: it does not exist), and for each span its rows in order of bucket.  Cost: about 4 µs a span."""
        ...

    def shards(self) -> Mapping[str, Position]:
        """Every shard and its position."""
        ...


class OnlineWriter(OnlineReader, Protocol):
    """Folds into online state.

    Guarantees: rows and position move in one transaction, or nothing does.
    Errors: ENG-004 when the position is not the expected one (another process folds the same shard): read it and fold from there.
    """

    def commit(self, shard: str, rows: Mapping[RowKey, bytes | None], *, expected: Position | None, position: Position) -> None:
        """Put the rows (None removes one) and move the shard to the position."""
        ...

    def drop(self, shard: str) -> None:
        """Forget a shard; dropping an absent one is no error."""
        ...
