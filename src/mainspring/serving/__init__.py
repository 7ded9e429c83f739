"""How a model answers: requests cast and checked, features read at q, scored, logged, and explained
afterwards.

It owns the endpoint's declaration, the order in which a prediction is made, the Open Inference
Protocol, roll-out by shares, the inference log and replay. Which model is in charge is the
environment's map, loaded and followed in `app`; `api` holds the routes, and what speaks HTTP is
`engines.http`; whether answers still hold is `monitoring`.
"""

from mainspring.ports.errors import BadRequest
from mainspring.serving.errors import (
    EmptyRequest,
    ModelRefused,
    NotServing,
    PredictionUnknown,
    TooManyRows,
    UnknownEndpoint,
    WrongTensor,
)
from mainspring.serving.spec import Canary, Endpoint

__all__ = [
    "BadRequest",
    "Canary",
    "EmptyRequest",
    "Endpoint",
    "ModelRefused",
    "NotServing",
    "PredictionUnknown",
    "TooManyRows",
    "UnknownEndpoint",
    "WrongTensor",
]
