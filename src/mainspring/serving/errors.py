"""What can go wrong with an answer."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import ServingError

__all__ = [
    "EmptyRequest",
    "ModelRefused",
    "NotServing",
    "PredictionUnknown",
    "TooManyRows",
    "UnknownEndpoint",
    "WrongTensor",
]


@dataclass(eq=False, kw_only=True)
class UnknownEndpoint(ServingError):
    """No endpoint of this name is in the environment's map."""

    code: ClassVar[str] = "SRV-001"
    template: ClassVar[str] = "there is no endpoint {endpoint!r} in {environment}; it has: {known}"
    remedy: ClassVar[str] = "check the name, or apply a project that declares it"
    endpoint: str
    environment: str
    known: str


@dataclass(eq=False, kw_only=True)
class ModelRefused(ServingError):
    """The loader takes a model only with a chain of attestations that its own trust roots confirm.
    Whatever the state database says, this one has none.
    """

    code: ClassVar[str] = "SRV-002"
    template: ClassVar[str] = "the loader refuses {version} for {environment}: {reasons}"
    remedy: ClassVar[str] = (
        "promote a version that passed its gates; pointers cannot be set by hand"
    )
    version: str
    environment: str
    reasons: str


@dataclass(eq=False, kw_only=True)
class NotServing(ServingError):
    """The endpoint is declared, and no revision of it could be loaded yet."""

    code: ClassVar[str] = "SRV-003"
    template: ClassVar[str] = "endpoint {endpoint!r} has no model that may answer: {reason}"
    remedy: ClassVar[str] = "apply the project, and look at the server's incidents"
    endpoint: str
    reason: str


@dataclass(eq=False, kw_only=True)
class EmptyRequest(ServingError):
    """A request must ask about at least one row."""

    code: ClassVar[str] = "SRV-005"
    template: ClassVar[str] = "the request holds no rows"
    remedy: ClassVar[str] = 'send {{"rows": [...]}} with at least one row'


@dataclass(eq=False, kw_only=True)
class TooManyRows(ServingError):
    """One request may ask about a bounded number of rows, so that no caller can hold up the
    others.
    """

    code: ClassVar[str] = "SRV-006"
    template: ClassVar[str] = "the request holds {rows} rows, and at most {limit} are taken"
    remedy: ClassVar[str] = "send several requests"
    rows: int
    limit: int


@dataclass(eq=False, kw_only=True)
class WrongTensor(ServingError):
    """A tensor of the Open Inference Protocol does not fit the model's inputs."""

    code: ClassVar[str] = "SRV-007"
    template: ClassVar[str] = "input {tensor!r}: {reason}"
    remedy: ClassVar[str] = (
        "GET the model's metadata for the names, datatypes and shapes that it takes"
    )
    tensor: str
    reason: str


@dataclass(eq=False, kw_only=True)
class PredictionUnknown(ServingError):
    """No prediction of this id is in the inference log."""

    code: ClassVar[str] = "SRV-008"
    template: ClassVar[str] = "there is no prediction {prediction!r} in this workspace"
    remedy: ClassVar[str] = "take the id from the answer of a predict call"
    prediction: str
