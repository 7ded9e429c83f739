"""Sockets that listen no more, so that nobody who was let in is left out.

Closing a socket that listens resets every connection in its queue, and there may always be one that
came after the last look.  So new callers are kept out first: a filter of the kernel drops the
packet that opens a connection, and nothing else.  Whoever is connected by then is in the queue, and
can be taken from it in peace; whoever is not tries again a second later, as TCP does, and is told
that nobody listens, or finds the next server.
"""

import ctypes
import socket
import struct
from contextlib import suppress

__all__ = ["let_none_in"]

_SO_ATTACH_FILTER = 26
# Classic BPF over the header of TCP: byte 13 has the flags, and SYN is 2.
_DROP_SYN = b"".join(
    struct.pack("HBBI", code, if_true, if_false, value)
    for code, if_true, if_false, value in (
        (0x30, 0, 0, 13),  # load the byte
        (0x45, 0, 1, 0x02),  # is the bit set?
        (0x06, 0, 0, 0),  # drop all of it
        (0x06, 0, 0, 0xFFFF_FFFF),  # pass all of it
    )
)


def let_none_in(listener: socket.socket) -> None:
    """Keep new connections from a socket that listens.  What is connected stays.

    Where the kernel has no such filter the queue gets no longer, which keeps out all but one.
    """
    program = ctypes.create_string_buffer(_DROP_SYN)
    described = struct.pack("HL", len(_DROP_SYN) // 8, ctypes.addressof(program))
    try:
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, described)
    except OSError:
        with suppress(OSError):
            listener.listen(0)
