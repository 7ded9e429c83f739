"""The edition of the kernel: a digest of its source files.  Imports nothing that compiles."""

import hashlib
from functools import cache
from pathlib import Path

__all__ = ["kernel_edition"]


@cache
def kernel_edition() -> int:
    """A 62-bit digest of the kernel's source files."""
    digest = hashlib.sha256()
    # Every file, comments included: coarse, but no list of dependencies can be out of date.
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return int.from_bytes(digest.digest()[:8], "big") >> 2
