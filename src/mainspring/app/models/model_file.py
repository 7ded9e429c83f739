"""Files of models, opened for a server that has nothing else."""

from pathlib import Path
from typing import NamedTuple

from mainspring.elements.identity import digest_of, short
from mainspring.engines.onnx.model_file import read_model_file
from mainspring.engines.onnx.scorer import OnnxScorer
from mainspring.serving.protocol.model import ProtocolModel, matrix_model

__all__ = ["ModelFile", "open_model_file"]


class ModelFile(NamedTuple):
    """A file to serve."""

    path: Path


def open_model_file(name: str, file: ModelFile) -> ProtocolModel:
    """The model in a file, as it is now; its version is the beginning of the digest of its bytes.

    Raises: InvalidModel ENG-202, UnsafeModel ENG-205.
    """
    payload = read_model_file(file.path)
    scorer = OnnxScorer(payload)
    columns = [str(place) for place in range(scorer.feature_count)]
    return matrix_model(name, short(digest_of(payload)), scorer, columns)
