"""What a bucket can lack."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import EngineError

__all__ = ["WritesUnconditional"]


@dataclass(eq=False, kw_only=True)
class WritesUnconditional(EngineError):
    """A bucket overwrites an object although it was asked to create it (`If-None-Match: *`).

    A table's commit is an object that must be made once.  Where two writers can both make it, each
    believes that its rows are in the table, and those of one are lost.  Such a bucket may hold
    objects, which are named by their content, and no tables.
    """

    code: ClassVar[str] = "ENG-301"
    template: ClassVar[str] = (
        "{bucket} does not hold conditional writes: of two commits to one table both "
        "would succeed, and one would be lost"
    )
    remedy: ClassVar[str] = (
        "keep tables in a store that does (Amazon S3, MinIO and Ceph do), or on files"
    )

    bucket: str
