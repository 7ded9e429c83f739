"""What can be wrong with a bucket."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import EngineError

__all__ = ["WritesUnconditional"]


@dataclass(eq=False, kw_only=True)
class WritesUnconditional(EngineError):
    """A bucket does not support conditional writes: it overwrites an object although the request
    said to create it only (`If-None-Match: *`).

    A commit to a table is an object that must be created exactly once.  If two writers can both
    create it, the rows of one are lost.  Such a bucket can hold objects, which are named by their
    content, but no tables.
    """

    code: ClassVar[str] = "ENG-301"
    template: ClassVar[str] = (
        "{bucket} does not support conditional writes: of two commits to one table both "
        "would succeed, and one would be lost"
    )
    remedy: ClassVar[str] = (
        "put tables in a store that supports them (Amazon S3, MinIO and Ceph do), or on files"
    )

    bucket: str
