"""The route of an environment's status."""

from collections.abc import Callable

from mainspring.govern.status import StatusReport
from mainspring.ports.http import Call, Reply, Route, json_reply

__all__ = ["StatusApi"]


class StatusApi:
    """The route that says what the environment holds.

    Args:
        status: reads it now, from state and log, hence in a thread.
    """

    def __init__(self, status: Callable[[], StatusReport]) -> None:
        self._status = status

    def routes(self) -> list[Route]:
        """The one route.  Who waits for what others have counted holds no thread."""
        return [Route("GET", "/v1/status", "read", self.status, blocks=True, alone=True)]

    def status(self, _: Call) -> Reply:
        """`GET /v1/status`."""
        return json_reply(self._status())
