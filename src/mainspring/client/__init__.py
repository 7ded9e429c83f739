"""A client of a Mainspring server: rows are pushed in batches, in their order, and again until they
are acknowledged.

It needs nothing but the core of the package, and imports neither engines nor frames.  What a server
does with rows belongs to `sources`.
"""

from mainspring.client.client import Client
from mainspring.client.errors import (
    ClientClosed,
    QueueFull,
    RequestRefused,
    ServerUnreachable,
)
from mainspring.client.push import BatchLimits, PushSummary

__all__ = [
    "BatchLimits",
    "Client",
    "ClientClosed",
    "PushSummary",
    "QueueFull",
    "RequestRefused",
    "ServerUnreachable",
]
