"""A file of a source that differs from what was read of it: part of a plan, and of the stage that
reads it.
"""

from typing import Literal

import msgspec

from mainspring.elements.identity import Digest

__all__ = ["DataChange", "DataEffects"]


class DataEffects(msgspec.Struct, frozen=True, kw_only=True):
    """What reading a file would do to the facts of its source.

    Args:
        missing: rows that the file had and has no more; they stay, unless they are deleted.
    """

    rows: int
    new: int
    replaced: int
    unchanged: int
    quarantined: int
    missing: int


class DataChange(msgspec.Struct, frozen=True, kw_only=True):
    """A file that differs from what was read of it.

    Args:
        source: the asset.
        change: `new` was never read; `grown` begins with what was read; `changed` does not;
            `missing` was read and is gone, and its rows stay; `unchanged` is as it was read, and
            rows stand that an earlier reading of it had.
        size_bytes: now; `before_bytes`: when it was read.
        digest: of its content now; None for a file that is gone.
        effects: None where they were not asked for.
    """

    source: str
    path: str
    change: Literal["new", "grown", "changed", "missing", "unchanged"]
    size_bytes: int
    before_bytes: int
    digest: Digest | None
    effects: DataEffects | None = None
