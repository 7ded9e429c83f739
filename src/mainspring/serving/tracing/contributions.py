"""Explain logged predictions: from the features on record, by the artifact that answered.

Nothing of an explanation is stored: features and artifact are, so it is the same bytes whenever it
is asked for.
"""

from collections.abc import Callable, Sequence

import msgspec

from mainspring.datasets.encoding import encode_columns, parse_encoding
from mainspring.elements.identity import Digest
from mainspring.ports.ensembles import LinearTerms, TreeArrays
from mainspring.ports.log import LogReader
from mainspring.ports.objects import ObjectReader
from mainspring.ports.state import StateReader
from mainspring.registry.read import read_artifact, read_object, read_version
from mainspring.serving.errors import NotExplainable, PredictionUnknown
from mainspring.serving.explain import Explainer, Explanation, LinearExplainer, TreeExplainer
from mainspring.serving.explained import explanations_of
from mainspring.serving.inference.record import PredictionRecord
from mainspring.serving.inference_log import find_prediction

__all__ = ["PredictionExplanation", "explain_predictions", "open_explainer"]

ReadTerms = Callable[[bytes], TreeArrays | LinearTerms | None]


class PredictionExplanation(Explanation, frozen=True, kw_only=True):
    """Why a prediction was what it was.

    Args:
        values: the features as they were read.
    """

    prediction: str
    score: float
    values: dict[str, object]


def open_explainer(
    version: Digest, *, state: StateReader, objects: ObjectReader, read_terms: ReadTerms
) -> Explainer:
    """What explains the answers of a version.  Raises: NotExplainable SRV-089, ArtifactChanged
    REG-002.
    """
    found = read_version(state, version)
    terms = read_terms(read_artifact(objects, found).payload)
    if terms is None:
        raise NotExplainable(
            version=found.label,
            reason="it is no linear model and no booster, or was exported before that was kept",
        )
    encoding = parse_encoding(read_object(objects, found, "encoding"))
    if isinstance(terms, TreeArrays):
        return TreeExplainer(terms, encoding)
    return LinearExplainer(terms, encoding)


def explain_predictions(
    ids: Sequence[str],
    *,
    log: LogReader,
    open_version: Callable[[Digest], Explainer],
) -> list[PredictionExplanation]:
    """The explanations of logged predictions, in the order given.

    Raises: PredictionUnknown SRV-008, NotExplainable SRV-089.
    Cost: 10 ms for a model that was not open, and 2 ms a prediction.
    """
    opened = dict[Digest, Explainer]()
    answers = list[PredictionExplanation]()
    for name in ids:
        found = find_prediction(log, name)
        if found is None:
            raise PredictionUnknown(prediction=name)
        record = found[1]
        if record.version not in opened:
            opened[record.version] = open_version(record.version)
        answers.append(_explained(record, opened[record.version]))
    return answers


def _explained(record: PredictionRecord, explainer: Explainer) -> PredictionExplanation:
    values = dict(zip(explainer.encoding.names, record.features, strict=True))
    columns = {name: [value] for name, value in values.items()}
    found = explainer.explain(encode_columns(columns, explainer.encoding))
    [said] = explanations_of(found, [record.score], version=record.version)
    return PredictionExplanation(
        **msgspec.structs.asdict(said),
        prediction=record.id,
        score=record.score,
        values=dict(values),
    )
