"""What the C library keeps of memory that was freed."""

import ctypes
import platform

__all__ = ["return_large_blocks"]

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
_LARGE_BYTES = 4 * 1024 * 1024
_ARENAS = 2


def return_large_blocks() -> None:
    """Have what is larger than 4 MiB go back to the system once it is freed, for the whole process.

    By default glibc raises that limit to 32 MiB after the first such block, and has up to eight
    heaps a processor, so a server that took large bodies kept some 300 MB of them.  Elsewhere than
    on glibc nothing is changed.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    library = ctypes.CDLL(None)
    library.mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
    library.mallopt(_M_ARENA_MAX, _ARENAS)
