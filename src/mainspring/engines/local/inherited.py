"""What a worker process is given by its supervisor, beside a command: the socket that it listens
on, which of how many it is, and the folder that all of them share.

Each is an environment variable, so a worker that is started by hand, without any, is a server by
itself.
"""

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from mainspring.ports.errors import PortTaken

__all__ = [
    "WorkerPlace",
    "inherited_listener",
    "is_first",
    "open_listener",
    "require_free",
    "worker_environment",
    "worker_place",
]

_LISTENER = "MAINSPRING_LISTENER"
_PLACE = "MAINSPRING_WORKER"
_FOLDER = "MAINSPRING_WORKERS"
_ADDRESS = "127.0.0.1"


class WorkerPlace(NamedTuple):
    """Which worker this is.

    Args:
        number: from 1.
        of: how many there are.
        folder: that all of them may write to, until their supervisor ends.
    """

    number: int
    of: int
    folder: Path


def worker_environment(place: WorkerPlace, listener: socket.socket) -> dict[str, str]:
    """What tells a worker so."""
    return {
        _LISTENER: str(listener.fileno()),
        _PLACE: f"{place.number}/{place.of}",
        _FOLDER: str(place.folder),
    }


def worker_place(environment: Mapping[str, str]) -> WorkerPlace | None:
    """The place among the workers of a supervisor; None for a server by itself."""
    number, _, of = environment.get(_PLACE, "").partition("/")
    folder = environment.get(_FOLDER, "")
    if number.isdigit() and of.isdigit() and folder:
        return WorkerPlace(int(number), int(of), Path(folder))
    return None


def is_first(environment: Mapping[str, str]) -> bool:
    """Whether this is the first worker of a supervisor, or a server by itself: what all of them
    would say alike is said by one.
    """
    place = worker_place(environment)
    return place is None or place.number == 1


def inherited_listener(environment: Mapping[str, str]) -> socket.socket | None:
    """The socket of the supervisor, bound to its port; None where there is none."""
    given = environment.get(_LISTENER, "")
    if not given.isdigit():
        return None
    os.set_inheritable(int(given), False)
    return socket.socket(fileno=int(given))


def require_free(port: int) -> int:
    """The port, or a free one for 0, where nobody has it.

    Sockets that share a port let another server of the same user share it too, so the port is
    asked for without sharing first.

    Raises: PortTaken SRV-030.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as claim:
        claim.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            claim.bind((_ADDRESS, port))
        except OSError as error:
            raise PortTaken(port=port, reason=error.strerror or str(error)) from error
        bound: int = claim.getsockname()[1]
        return bound


def open_listener(port: int) -> socket.socket:
    """A socket that shares the port with those of the other workers.  It is bound and does not
    listen: the kernel sends it no connection before a worker that is ready says so.

    Raises: PortTaken SRV-030.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((_ADDRESS, port))
    except OSError as error:
        listener.close()
        raise PortTaken(port=port, reason=error.strerror or str(error)) from error
    return listener
