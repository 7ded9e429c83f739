"""Opens exported models with ONNX Runtime."""

from mainspring.engines.onnx.scorer import OnnxScorer
from mainspring.ports.models import ExportedModel, Scorer

__all__ = ["OnnxScorerLoader"]


class OnnxScorerLoader:
    """The `Scorers` port, answered by ONNX Runtime."""

    def open(self, model: ExportedModel) -> Scorer:
        """A scorer ready to answer.  Raises: InvalidModel ENG-202 when the bytes are not a model
        that can be scored.
        """
        return OnnxScorer(model.payload, output=model.output)
