"""Opens exported models with ONNX Runtime."""

from mainspring.engines.onnx.scorer import OnnxScorer
from mainspring.ports.models import ExportedModel, Scorer
from mainspring.ports.placement import ON_CPU, Placement

__all__ = ["OnnxScorerLoader"]


class OnnxScorerLoader:
    """The `Scorers` port, answered by ONNX Runtime."""

    def open(self, model: ExportedModel, place: Placement = ON_CPU) -> Scorer:
        """A scorer ready to answer.  Raises: InvalidModel ENG-202 when the bytes are not a model
        that can be scored; SRV-120 to SRV-122 where it cannot compute at its place.
        """
        return OnnxScorer(model.payload, output=model.output, place=place)
