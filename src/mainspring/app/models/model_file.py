"""Files of models, opened for a server that has nothing else."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from mainspring.elements.errors import Location, MainspringError
from mainspring.elements.identity import digest_of, short
from mainspring.engines.lightgbm.text import is_booster_text
from mainspring.engines.lightgbm.xgboost_json import is_xgboost_json
from mainspring.engines.onnx.errors import InvalidModel, ScoringFailed
from mainspring.engines.onnx.model_file import read_model_file
from mainspring.engines.onnx.scorer import OnnxScorer
from mainspring.engines.onnx.tensors import OnnxTensorModel
from mainspring.ports.placement import ON_CPU, Placement
from mainspring.ports.tensors import Array
from mainspring.serving.execution.warm_up import warm_up_tensors
from mainspring.serving.protocol.errors import InputNotComputable
from mainspring.serving.protocol.model import ProtocolModel, matrix_model, tensor_model

__all__ = ["ModelFile", "open_model_file"]


class ModelFile(NamedTuple):
    """A file to serve.

    Args:
        as_matrix: a model of one matrix of numbers is served as endpoints are, `features` in and
            `score` out, whatever the file calls them.
        place: where it is to compute.
    """

    path: Path
    as_matrix: bool = False
    place: Placement = ON_CPU


def open_model_file(name: str, file: ModelFile) -> ProtocolModel:
    """The model in a file, as it is now, warmed up; its version is the beginning of the digest of
    its bytes.

    Raises: InvalidModel ENG-202, UnsafeModel ENG-205, UnsupportedBooster ENG-102 for a booster that
        no graph equals; SRV-120 to SRV-122 where it cannot compute at its place.  Each names the
        file: there are several.
    """
    try:
        opened = _opened(name, file)
    except MainspringError as error:
        error.at = error.at or Location(str(file.path), 0)
        raise
    warm_up_tensors(opened.model)
    return opened


def _opened(name: str, file: ModelFile) -> ProtocolModel:
    stored = read_model_file(file.path)
    version = short(digest_of(stored))
    payload = _as_onnx(stored)
    if file.as_matrix:
        try:
            scorer = OnnxScorer(payload, place=file.place)
        except InvalidModel:
            # It has another signature, or it is no model, which the next line finds too.
            return tensor_model(name, version, _Refusing(OnnxTensorModel(payload, file.place)))
        columns = [str(place) for place in range(scorer.feature_count)]
        return matrix_model(name, version, scorer, columns)
    return tensor_model(name, version, _Refusing(OnnxTensorModel(payload, file.place)))


def _as_onnx(stored: bytes) -> bytes:
    """The graph of a file of any format that is read; without one of ours, it is taken as ONNX."""
    is_text = is_booster_text(stored)
    if not is_text and not is_xgboost_json(stored):
        return stored
    try:
        from mainspring.engines.lightgbm.export import export_booster_text, export_xgboost_json
    except ModuleNotFoundError as error:
        # `mainspring[serve]` has the runtime only; ONNX files need no more.
        raise InvalidModel(
            reason=f"a stored booster needs the package {error.name}: pip install onnx"
        ) from error
    return export_booster_text(stored) if is_text else export_xgboost_json(stored)


class _Refusing:
    """A model whose failures are the request's fault: the model itself was opened and is whole."""

    def __init__(self, model: OnnxTensorModel) -> None:
        self._model = model
        self.platform, self.is_rowwise = model.platform, model.is_rowwise
        self.inputs, self.outputs, self.placed = model.inputs, model.outputs, model.placed

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
        """As the model; ScoringFailed becomes InputNotComputable SRV-094."""
        try:
            return self._model.run(inputs, outputs)
        except ScoringFailed as error:
            raise InputNotComputable(reason=error.reason) from error
