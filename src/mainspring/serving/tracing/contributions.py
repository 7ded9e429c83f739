"""Explain logged predictions: from the features on record, by the artifact that answered.

Nothing of an explanation is stored: features and artifact are, so it is the same bytes whenever it
is asked for.
"""

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from mainspring.datasets.build import parse_training_rows
from mainspring.datasets.encoding import Encoding, encode_columns, encode_frame, parse_encoding
from mainspring.elements.identity import Digest
from mainspring.ports.ensembles import LinearTerms, TreeArrays
from mainspring.ports.log import LogReader
from mainspring.ports.models import ScorerLoader
from mainspring.ports.objects import ObjectReader
from mainspring.ports.state import StateReader
from mainspring.registry.read import read_artifact, read_object, read_version
from mainspring.registry.version import ModelVersion
from mainspring.serving.explain import (
    Explainer,
    Explanation,
    LinearExplainer,
    PermutationExplainer,
    TreeExplainer,
)
from mainspring.serving.explained import explanations_of
from mainspring.serving.inference.record import PredictionRecord
from mainspring.serving.inference_log import find_prediction, no_such_prediction

__all__ = ["PredictionExplanation", "explain_predictions", "open_explainer"]

Floats = NDArray[np.float64]
_BACKGROUND_ROWS = 32
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
    version: Digest,
    *,
    state: StateReader,
    objects: ObjectReader,
    scorers: ScorerLoader,
    read_terms: ReadTerms,
) -> Explainer:
    """What explains the answers of a version.

    Raises: ArtifactChanged REG-002, ObjectMissing ENG-002.
    Cost: for a model that is explained by permutation, reads the training set.
    """
    found = read_version(state, version)
    artifact = read_artifact(objects, found)
    encoding = parse_encoding(read_object(objects, found, "encoding"))
    terms = read_terms(artifact.payload)
    if terms is None:
        background = _background(found, encoding, objects)
        return PermutationExplainer(scorers.open(artifact), encoding, background, found.seed)
    if isinstance(terms, TreeArrays):
        return TreeExplainer(terms, encoding)
    return LinearExplainer(terms, encoding)


def _background(version: ModelVersion, encoding: Encoding, objects: ObjectReader) -> Floats:
    """Rows that the version was fitted on, drawn with its seed."""
    rows = parse_training_rows(read_object(objects, version, "training_set"))
    fitted = rows.filter(pl.col("_split") == "fit")
    count = min(_BACKGROUND_ROWS, fitted.height)
    drawn = np.random.default_rng(version.seed).choice(fitted.height, count, replace=False)
    return encode_frame(fitted[np.sort(drawn)], encoding)


def explain_predictions(
    ids: Sequence[str],
    *,
    log: LogReader,
    open_version: Callable[[Digest], Explainer],
) -> list[PredictionExplanation]:
    """The explanations of logged predictions, in the order given.

    Raises: PredictionUnknown SRV-008, PredictionNotLogged SRV-111, NotExplainable SRV-089.
    Cost: 10 ms for a model that was not open, and 2 ms a prediction.
    """
    opened = dict[Digest, Explainer]()
    answers = list[PredictionExplanation]()
    for name in ids:
        found = find_prediction(log, name)
        if found is None:
            raise no_such_prediction(name)
        record = found[1]
        if record.version not in opened:
            opened[record.version] = open_version(record.version)
        answers.append(_explained(record, opened[record.version]))
    return answers


def _explained(record: PredictionRecord, explainer: Explainer) -> PredictionExplanation:
    values = dict(zip(explainer.encoding.names, record.features, strict=True))
    columns = {name: [value] for name, value in values.items()}
    found = explainer.explain(encode_columns(columns, explainer.encoding))
    [said] = explanations_of(
        found,
        [record.score],
        classes=record.classes,
        probabilities=[record.probabilities] if record.classes else (),
        version=record.version,
    )
    return PredictionExplanation(
        **msgspec.structs.asdict(said),
        prediction=record.id,
        score=record.score,
        values=dict(values),
    )
