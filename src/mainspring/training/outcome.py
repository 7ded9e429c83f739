"""The outcome of a fit: the record from which model versions, verdicts and baselines are made."""

import msgspec

from mainspring.elements.identity import Digest
from mainspring.training.environment import TrainingEnvironment
from mainspring.training.run import MetricPoint, RunParameter

__all__ = ["ExportCheck", "TrainedModel"]


class ExportCheck(msgspec.Struct, frozen=True):
    """Exported against native scores on the test rows: how many rows, how many differ in any bit,
    and by how much at most.
    """

    rows: int
    differing: int
    largest: float


class TrainedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A fitted and exported model; every digest but the fingerprint names a stored object or what
    was given.

    Args:
        fingerprint: of the model's definition; `code`: of the fit function and all that it calls.
        artifact: the exported model's bytes; `format` and `output` say how to open and read it.
        encoding: how its features become numbers.
        predictions: of the exported model on the test rows.
        training_set: the rows that it was trained on.
        metrics: on the test rows, by name; `base_rate`: the mean label of the fitted rows, as a
            constant prediction.
        feature_auc: the AUC of each feature alone on the test rows, in [0.5, 1]; empty for
            labels that are not boolean.
        logged: what the run logged; `artifacts`: files that it logged, by name.
        cpu_s: processor time of the fit's process; `transcript`: what it printed, None where it ran
            in the caller's process.
    """

    model: str
    fingerprint: Digest
    code: Digest
    artifact: Digest
    format: str
    output: str
    encoding: Digest
    training_set: Digest
    predictions: Digest
    environment: TrainingEnvironment
    seed: int
    params: dict[str, RunParameter]
    metrics: dict[str, float]
    base_rate: float
    fitted: int
    tested: int
    feature_auc: dict[str, float]
    logged: tuple[MetricPoint, ...]
    artifacts: dict[str, Digest]
    export: ExportCheck
    cpu_s: float = 0.0
    transcript: Digest | None = None
