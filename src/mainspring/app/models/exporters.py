"""Export a fitted model of any supported library to bytes that can be stored and scored.

The library is recognised by the modules of the model's class and its base classes, so none has to
be installed.  A model with its own graph (`to_onnx() -> bytes`) is exported by that method, because
its author knows best.
"""

from typing import Protocol, runtime_checkable

from mainspring.ports.models import ExportedModel, exportable_in_words

__all__ = ["SelfExporting", "export_model"]

_MEANINGS = ("probability", "probabilities", "value")


@runtime_checkable
class SelfExporting(Protocol):
    """A model that can write its own ONNX graph.

    Guarantees: the graph has one input (rows, features) of doubles or floats, NaN means missing,
        and the output with the predictions is named `probability` (of the positive class),
        `probabilities` (of each class) or `value`.
    """

    def to_onnx(self) -> bytes:
        """The bytes of an ONNX model."""
        ...


def export_model(model: object, n_features: int) -> ExportedModel:
    """The model as canonical ONNX, loaded once to prove that it can be scored.

    Args:
        n_features: columns of the training matrix; a graph that reads another number is refused.

    Raises:
        NoExporter: ENG-204, naming what is supported.
        EngineError: ENG-1xx, the library's exporter refuses this model; InputMismatch ENG-201, the
            graph reads other columns; InvalidModel ENG-202, it cannot be scored, or does not say by
            its output's name what it predicts.
    """
    from mainspring.engines.onnx.errors import InputMismatch, InvalidModel
    from mainspring.engines.onnx.scorer import OnnxScorer

    payload = _payload_of(model)
    scorer = OnnxScorer(payload)
    if scorer.feature_count not in (n_features, -1):
        raise InputMismatch(features=scorer.feature_count, shape=(-1, n_features))
    [output] = scorer.outputs
    if output.name not in _MEANINGS:
        raise InvalidModel(
            reason=f"its output is named {output.name!r}; the name must say what it predicts: "
            f"{', '.join(_MEANINGS)}"
        )
    return ExportedModel(format="onnx", payload=payload, output=output.name)


def _payload_of(model: object) -> bytes:
    """The bytes from the first route that fits."""
    libraries = {ancestor.__module__.partition(".")[0] for ancestor in type(model).__mro__}
    if isinstance(model, SelfExporting):
        from mainspring.engines.onnx.canonical import canonical_bytes

        return canonical_bytes(model.to_onnx())
    # LightGBM's estimators descend from scikit-learn's: ask for the narrower library first.
    if "lightgbm" in libraries:
        from mainspring.engines.lightgbm.export import export_booster

        return export_booster(model)
    if "sklearn" in libraries:
        from mainspring.engines.sklearn.export import export_linear

        return export_linear(model)
    from mainspring.engines.onnx.errors import NoExporter

    raise NoExporter(
        found=f"{type(model).__module__}.{type(model).__qualname__}",
        supported=exportable_in_words(),
    )
