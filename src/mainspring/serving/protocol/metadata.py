"""What the protocol says about models."""

from collections.abc import Sequence

import msgspec

from mainspring.ports.tensors import TensorSpec
from mainspring.serving.protocol.model import ProtocolModel

__all__ = ["EXTENSIONS", "ModelMetadata", "TensorMetadata", "metadata_of"]

EXTENSIONS: Sequence[str] = ("binary_tensor_data", "model_repository", "statistics")
"""Which extensions of the protocol are answered."""


class TensorMetadata(msgspec.Struct, kw_only=True):
    """A tensor that the model takes or gives; -1 in a shape stands for any number."""

    name: str
    datatype: str
    shape: Sequence[int]


class ModelMetadata(msgspec.Struct, kw_only=True):
    """The answer of `GET /v2/models/{name}`; `parameters.features` names the columns of the input
    in order, `parameters.classes` those of the scores of several classes, and
    `parameters.execution` says where it computes.
    """

    name: str
    versions: Sequence[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]
    parameters: dict[str, list[str]]


def metadata_of(model: ProtocolModel, versions: Sequence[str] = ()) -> ModelMetadata:
    """What the model takes and gives.

    Args:
        versions: that may be asked for; without them, this one.
    """
    names = {"features": model.columns, "classes": model.classes}
    columns = {what: list(each) for what, each in names.items() if each}
    return ModelMetadata(
        name=model.name,
        versions=versions or [model.version],
        platform=model.model.platform,
        inputs=[_described(spec) for spec in model.model.inputs],
        outputs=[_described(spec) for spec in model.model.outputs],
        parameters={**columns, "execution": [str(model.model.placed)]},
    )


def _described(spec: TensorSpec) -> TensorMetadata:
    return TensorMetadata(name=spec.name, datatype=spec.datatype, shape=spec.shape)
