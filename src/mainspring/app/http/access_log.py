"""The access log of a server, where one is asked for, and what `/metrics` says of it."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from mainspring.engines.local.access_log import AccessLog, open_access_log
from mainspring.engines.local.inherited import worker_place

__all__ = ["AccessLogCounts", "access_log_of"]


@contextmanager
def access_log_of(
    target: str, environment: Mapping[str, str] = os.environ
) -> Iterator[AccessLog | None]:
    """The access log of this process while the block runs.

    Args:
        target: a file, `-` for standard output, or nothing for none.
        environment: says which worker this is.

    Raises: AccessLogUnusable SRV-057.
    """
    if not target:
        yield None
        return
    place = worker_place(environment)
    with open_access_log(target, worker=place.number if place else 0) as log:
        yield log


class AccessLogCounts(Collector):
    """How many lines an access log has written, and left out."""

    def __init__(self, log: AccessLog) -> None:
        self._log = log

    def collect(self) -> Iterator[CounterMetricFamily]:
        """As of now."""
        yield CounterMetricFamily(
            "mainspring_access_log_lines", "Lines of the access log.", value=self._log.written
        )
        yield CounterMetricFamily(
            "mainspring_access_log_dropped",
            "Calls that the access log has left out; expected to be 0.",
            value=self._log.dropped,
        )
