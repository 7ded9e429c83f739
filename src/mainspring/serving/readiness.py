"""What a server can answer just now: its stores agree and can be written, no object is missing.

What is found stands until it is looked for again; the first fault is what readiness, the log of the
server and refused requests say.
"""

from collections.abc import Callable, Iterable

from mainspring.elements.errors import MainspringError

__all__ = ["ServerReadiness"]

_OBJECTS_EVERY = 10


class ServerReadiness:
    """The readiness of one server.

    Args:
        require: each returns, or raises while nothing can be stored; cheap, and called for each
            request.
        positions: gives what is wrong with the positions of the stores.
        objects: gives what is wrong with the objects that serve; looked for less often.
        lag: gives what is too far behind.
    """

    def __init__(
        self,
        *require: Callable[[], None],
        positions: Callable[[], Iterable[MainspringError]],
        objects: Callable[[], Iterable[MainspringError]],
        lag: Callable[[], Iterable[MainspringError]] = lambda: (),
    ) -> None:
        self._require, self._positions = require, positions
        self._objects, self._lag = objects, lag
        self._turn = 0
        self._fault: MainspringError | None = None
        self._missing: MainspringError | None = None
        self._behind: MainspringError | None = None

    def require_stores(self) -> None:
        """Return while what is asked can be answered and stored, else raise what is in the way."""
        for require in self._require:
            require()
        if self._fault is not None:
            raise self._fault.with_traceback(None)

    def require_ready(self) -> None:
        """As `require_stores`, and nothing is missing or too far behind that a request may need:
        what is loaded goes on answering all the same.
        """
        self.require_stores()
        if (fault := self._missing or self._behind) is not None:
            raise fault.with_traceback(None)

    def check(self) -> None:
        """Look at the stores, and raise what is wrong for whoever logs it."""
        if self._turn % _OBJECTS_EVERY == 0:
            self._missing = _first(self._objects)
        self._turn += 1
        self._fault = _first(self._positions)
        self._behind = None if self._fault else _first(self._lag)
        if (fault := self._fault or self._missing or self._behind) is not None:
            raise fault.with_traceback(None)


def _first(look: Callable[[], Iterable[MainspringError]]) -> MainspringError | None:
    try:
        return next(iter(look()), None)
    except MainspringError as error:
        return error
