"""What can go wrong when an ONNX model is loaded and scored."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import EngineError

__all__ = ["InputMismatch", "InvalidModel", "NoExporter", "ScoringFailed", "UnsafeModel"]


@dataclass(eq=False, kw_only=True)
class InputMismatch(EngineError):
    """The rows to score do not have the shape that the model was exported for."""

    code: ClassVar[str] = "ENG-201"
    template: ClassVar[str] = "the model reads (rows, {features}), the array has shape {shape}"
    remedy: ClassVar[str] = "send one column per feature, in the order of the training set"

    features: int
    shape: tuple[int, ...]


@dataclass(eq=False, kw_only=True)
class InvalidModel(EngineError):
    """The bytes are not an ONNX model that the installed ONNX Runtime can run, with one matrix as
    input and one tensor as output.

    Either they are damaged, or the graph needs operators that this ONNX Runtime lacks, or it has
    other inputs and outputs.
    """

    code: ClassVar[str] = "ENG-202"
    template: ClassVar[str] = "not a model that can be scored: {reason}"
    remedy: ClassVar[str] = (
        "export the model again, with one input (rows, features) and one output, for "
        "an ONNX Runtime not newer than the server's; `serve-model` takes other signatures, too, "
        "the text of LightGBM's save_model and the JSON of XGBoost's"
    )

    reason: str


@dataclass(eq=False, kw_only=True)
class ScoringFailed(EngineError):
    """ONNX Runtime loaded the model, but failed when it scored rows of the right shape."""

    code: ClassVar[str] = "ENG-203"
    template: ClassVar[str] = "ONNX Runtime failed: {reason}"
    remedy: ClassVar[str] = (
        "score the same rows with the training library; if it can, export the model again"
    )

    reason: str


@dataclass(eq=False, kw_only=True)
class NoExporter(EngineError):
    """No exporter can write this kind of model as an ONNX graph.

    Mainspring stores no pickle, since unpickling runs whatever code the file contains.  A model of
    any library can bring its own graph: give it a method `to_onnx()` that returns the bytes.
    """

    code: ClassVar[str] = "ENG-204"
    template: ClassVar[str] = "no exporter for {found}; supported are {supported}"
    remedy: ClassVar[str] = (
        "return a supported model, or give yours a method to_onnx() that returns the "
        "bytes of an ONNX graph"
    )

    found: str
    supported: str


@dataclass(eq=False, kw_only=True)
class UnsafeModel(EngineError):
    """The model contains something that no model needs and that could harm whoever opens it, so it
    is not opened.

    A graph may use the listed operators on tensors that lie in the file itself, in bounded numbers
    and sizes.  Refused are weights in other files, operators of other domains, functions, loops and
    branches, operators that make large tensors of small ones, and bytes that two readers could read
    differently.  Every model is scanned when it is made and whenever it is opened.
    """

    code: ClassVar[str] = "ENG-205"
    template: ClassVar[str] = "the model is refused: {findings}"
    remedy: ClassVar[str] = (
        "export the model again as one file of plain operators; if you did not make it, find out "
        "who did"
    )

    findings: str
