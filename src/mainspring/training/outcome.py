"""The outcome of a fit: the record from which model versions, verdicts and baselines are made."""

import msgspec

from mainspring.elements.identity import Digest
from mainspring.elements.stored import StoredRecord
from mainspring.registry.version import ExportCheck, FitEnvironment, ModelManifest
from mainspring.training.run import MetricPoint, RunParameter

__all__ = ["FitLog", "TrainedModel"]


class FitLog(StoredRecord, frozen=True, kw_only=True):
    """What a fit logged beside its parameters, in order; an object that its build names."""

    title = "what a fit logged"

    metrics: tuple[MetricPoint, ...]


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
            labels that are not boolean.  `feature_r2`: the share of variance that each explains
            alone, of a label that is a number.
        pair_power: the same of pairs that tell much more than either of the two.
        logged: what the run logged; `artifacts`: files that it logged, by name.
        cpu_s: processor time of the fit's process; `transcript`: what it printed, None where it ran
            in the caller's process.
        remarks: what people should know about how it uses its columns.
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
    environment: FitEnvironment
    seed: int
    params: dict[str, RunParameter]
    metrics: dict[str, float]
    base_rate: float
    fitted: int
    tested: int
    classes: dict[str, float]
    feature_auc: dict[str, float]
    feature_r2: dict[str, float]
    pair_power: dict[str, float]
    logged: tuple[MetricPoint, ...]
    artifacts: dict[str, Digest]
    export: ExportCheck
    cpu_s: float = 0.0
    transcript: Digest | None = None
    remarks: tuple[str, ...] = ()

    def manifest(self, *, definition: Digest, card: Digest) -> ModelManifest:
        """What the registry registers of it.

        Args:
            definition, card: of the training set, as stored.
        """
        return ModelManifest(
            record_format=4 if self.classes else 3,
            model=self.model,
            fingerprint=self.fingerprint,
            code=self.code,
            artifact=self.artifact,
            format=self.format,
            output=self.output,
            encoding=self.encoding,
            training_set=self.training_set,
            definition=definition,
            card=card,
            predictions=self.predictions,
            environment=self.environment,
            seed=self.seed,
            params=self.params,
            metrics=self.metrics,
            base_rate=self.base_rate,
            fitted=self.fitted,
            tested=self.tested,
            feature_auc=self.feature_auc,
            feature_r2=self.feature_r2,
            pair_power=self.pair_power,
            export=self.export,
            classes=self.classes or msgspec.UNSET,
        )
