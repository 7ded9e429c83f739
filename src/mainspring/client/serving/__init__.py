"""Ask a server from a program: predictions, features, replays and tensors, in threads or in an
event loop.

It needs httpx (`mainspring[client]`).  Which calls are sent again is decided in `attempts`; what
each call is, in `calls`.
"""

from mainspring.client.serving.answers import (
    FeedbackAnswer,
    Inference,
    PredictionAnswer,
    PredictionReasons,
    Replay,
)
from mainspring.client.serving.asynchronous import AsyncServingClient
from mainspring.client.serving.attempts import CallRetries
from mainspring.client.serving.connecting import TlsFiles
from mainspring.client.serving.synchronous import ServingClient

__all__ = [
    "AsyncServingClient",
    "CallRetries",
    "FeedbackAnswer",
    "Inference",
    "PredictionAnswer",
    "PredictionReasons",
    "Replay",
    "ServingClient",
    "TlsFiles",
]
