"""What can go wrong with a request of the Open Inference Protocol."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import ServingError

__all__ = [
    "EncodingNotKnown",
    "InputNotComputable",
    "ModelNotLoaded",
    "ModelNotManaged",
    "OutputNotSayable",
    "UnknownModel",
    "WrongField",
]


@dataclass(eq=False, kw_only=True)
class WrongField(ServingError):
    """A field of a request of the Open Inference Protocol is not what it has to be, or is not known
    here.  What is not known is refused and never passed over, so that a misspelt field cannot
    change an answer unseen.
    """

    code: ClassVar[str] = "SRV-090"
    template: ClassVar[str] = "{field}: {reason}"
    remedy: ClassVar[str] = "docs/protocol.md lists what a request may have"
    field: str
    reason: str


@dataclass(eq=False, kw_only=True)
class UnknownModel(ServingError):
    """The server has no model of this name, or not this version of it."""

    code: ClassVar[str] = "SRV-091"
    template: ClassVar[str] = "there is no model {model!r}{version}; there are: {known}"
    remedy: ClassVar[str] = "POST /v2/repository/index lists the models and their versions"
    model: str
    version: str
    known: str


@dataclass(eq=False, kw_only=True)
class ModelNotLoaded(ServingError):
    """The server knows a model of this name, and it is not loaded now."""

    code: ClassVar[str] = "SRV-092"
    template: ClassVar[str] = "the model {model!r} is not loaded: {reason}"
    remedy: ClassVar[str] = "POST /v2/repository/models/NAME/load, or ask again later"
    model: str
    reason: str


@dataclass(eq=False, kw_only=True)
class OutputNotSayable(ServingError):
    """An output has a value that JSON has no word for: NaN, an infinity, a half-precision number,
    or bytes that are no text.  It can be had as binary data.
    """

    code: ClassVar[str] = "SRV-093"
    template: ClassVar[str] = "output {tensor!r} cannot be JSON: {reason}"
    remedy: ClassVar[str] = 'ask for it with "parameters": {{"binary_data": true}}'
    tensor: str
    reason: str


@dataclass(eq=False, kw_only=True)
class InputNotComputable(ServingError):
    """The tensors are of the right datatypes and shapes, and the model still cannot compute with
    them: two inputs that should be of one length are not, or a value is outside of what an operator
    takes.
    """

    code: ClassVar[str] = "SRV-094"
    template: ClassVar[str] = "the model cannot compute with these inputs: {reason}"
    remedy: ClassVar[str] = "compare the inputs with an example that the model was made with"
    reason: str


@dataclass(eq=False, kw_only=True)
class ModelNotManaged(ServingError):
    """A model is not loaded and unloaded by requests: an environment's models follow its map, a
    server without a token changes nothing for anybody, and one of several workers not for all.
    """

    code: ClassVar[str] = "SRV-095"
    template: ClassVar[str] = "the model {model!r} cannot be {act} here: {reason}"
    remedy: ClassVar[str] = (
        "apply, promote or roll back, which the server follows; a server of files takes this with "
        "a token and without --workers"
    )
    model: str
    act: str
    reason: str


@dataclass(eq=False, kw_only=True)
class EncodingNotKnown(ServingError):
    """A body is packed in a way that this server does not unpack."""

    code: ClassVar[str] = "SRV-096"
    template: ClassVar[str] = "Content-Encoding: {encoding!r} is none of gzip, deflate and identity"
    remedy: ClassVar[str] = "send the body with one of these, or as it is"
    encoding: str
