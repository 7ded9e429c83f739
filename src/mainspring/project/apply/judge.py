"""Judge a model for an environment: gather evidence on the serving path, evaluate every gate, sign
the verdicts.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from mainspring.datasets.build import parse_training_rows
from mainspring.datasets.card import TrainingSetCard
from mainspring.datasets.predictions import parse_predictions
from mainspring.elements.identity import Digest
from mainspring.elements.stored import parse_stored
from mainspring.elements.time import Micros
from mainspring.features.online.parity import ParityReport, check_parity, sample_instants
from mainspring.features.state.stream import materialize_view
from mainspring.features.view import with_lookups
from mainspring.gates.attest import AttestationBinding, AttestationWriter, sign_verdicts
from mainspring.gates.check.beats_champion import Contender
from mainspring.gates.check.finite_scores import MissingReport
from mainspring.gates.judge import EvidenceSource, judge, required_gates
from mainspring.gates.spec import BeatsChampion, Gate
from mainspring.gates.verdict import Verdict
from mainspring.project.apply.missing import score_with_missing
from mainspring.project.apply.replayed import LoggedRequests
from mainspring.project.errors import GatesFailed
from mainspring.project.kinds.evaluation import Runtime
from mainspring.registry.read import read_object, read_version
from mainspring.registry.version import ModelVersion
from mainspring.serving.open import open_version
from mainspring.serving.predict import Predictor, ServedModel

__all__ = ["judge_version", "require_passed"]

_INSTANTS = 4
_TRIES = 3
_ACTOR = "service:gate"


def require_passed(verdicts: Sequence[Verdict], version: ModelVersion, *, environment: str) -> None:
    """Raises: GatesFailed GAT-010 with all verdicts, unless every gate passed."""
    failed = [f"{verdict.gate} ({verdict.summary})" for verdict in verdicts if not verdict.passed]
    if failed:
        raise GatesFailed(
            version=version.label,
            environment=environment,
            failed="; ".join(failed),
            verdicts=tuple(verdicts),
        )


def judge_version(
    gates: Sequence[Gate],
    version: Digest,
    *,
    runtime: Runtime,
    environment: str,
    policy: Digest,
    champion: Digest | None,
    asset: str = "",
    declared_at: Mapping[str, str] = {},
) -> list[Verdict]:
    """The signed verdicts on a version, one for each gate, passed or not.

    Args:
        asset: the model that it is judged as, by its first name; empty for the name that it was
            trained under.
        declared_at: the user's line of each view, to name in the verdicts.
    """
    judged = read_version(runtime.state, version)
    against = champion if champion and champion != version else None
    proof = _Proof(judged, runtime, read_version(runtime.state, against) if against else None)
    required = required_gates(gates)
    evidence = EvidenceSource(
        challenger=lambda: proof.contender(judged),
        champion=lambda: proof.contender(proof.champion) if proof.champion else None,
        card=lambda: proof.card,
        feature_auc=lambda: judged.feature_auc,
        feature_r2=lambda: judged.r2_alone,
        pair_power=lambda: judged.power_of_pairs,
        parity=proof.parity,
        latency_ms=proof.latency_ms,
        missing=proof.missing,
        replayed=lambda gate: proof.replayed(gate, environment),
        declared_at=declared_at,
    )
    verdicts = judge(
        required, evidence, subject=version, champion=against or "", at=runtime.clock.now()
    )
    writer = AttestationWriter(
        signer=runtime.signer,
        state=runtime.state,
        objects=runtime.objects,
        project=runtime.project,
        actor=runtime.actor,
    )
    binding = AttestationBinding(
        version=judged,
        policy=policy,
        environment=environment,
        champion=against or "",
        required_gates=tuple(gate.name for gate in required),
        asset=asset,
    )
    sign_verdicts(verdicts, binding, writer)
    return verdicts


@dataclass(frozen=True)
class _Standstill:
    """A clock at one instant."""

    at: Micros

    def now(self) -> Micros:
        """That instant."""
        return self.at


class _Proof:
    """Gathers the evidence on one version, each kind once."""

    def __init__(
        self, version: ModelVersion, runtime: Runtime, champion: ModelVersion | None
    ) -> None:
        self._version, self._runtime, self.champion = version, runtime, champion

    @cached_property
    def card(self) -> TrainingSetCard:
        """The card of the training set."""
        return parse_stored(
            read_object(self._runtime.objects, self._version, "card"), TrainingSetCard
        )

    @cached_property
    def _model(self) -> ServedModel:
        return open_version(
            self._version, objects=self._runtime.objects, scorers=self._runtime.scorers
        )

    @cached_property
    def _rows(self) -> pl.DataFrame:
        return parse_training_rows(
            read_object(self._runtime.objects, self._version, "training_set")
        )

    @cached_property
    def _tested(self) -> pl.DataFrame:
        return self._rows.filter(pl.col("_split") == "test")

    def contender(self, version: ModelVersion) -> Contender:
        """A version's predictions on its test rows."""
        predictions = parse_predictions(read_object(self._runtime.objects, version, "predictions"))
        return Contender(
            version=version.digest,
            artifact=version.artifact,
            predictions=predictions,
            base_rate=version.base_rate,
            class_rates=version.class_rates,
        )

    def replayed(self, gate: BeatsChampion, environment: str) -> tuple[Contender, Contender]:
        """Both versions on what was asked in an environment."""
        assert self.champion is not None, "asked only where there is one"
        logged = LoggedRequests(self._runtime, environment)
        return logged.contenders(gate, self._version, self.champion)

    def parity(self, rows: int) -> ParityReport:
        """Replay the stream around a few times of the test period, and compare its feature values
        with the training set.
        """
        reports = [self._parity_at(rows_near) for rows_near in self._rows_near_instants(rows)]
        example = next((report.example for report in reports if report.example), "")
        return ParityReport(
            rows=sum(r.rows for r in reports),
            values=sum(r.values for r in reports),
            differing=sum(r.differing for r in reports),
            example=example,
        )

    def _parity_at(self, rows: pl.DataFrame) -> ParityReport:
        runtime = self._runtime
        return check_parity(
            self._model.training_set.views,
            rows,
            log=runtime.log,
            online=runtime.temporary_stores().online,
            tables=runtime.tables,
        )

    def _rows_near_instants(self, rows: int) -> list[pl.DataFrame]:
        times: list[Micros] = self._tested["_prediction_time"].to_list()
        instants = sample_instants(times, instants=_INSTANTS, seed=self._version.seed)
        each = max(rows // len(instants), 1)
        return [
            self._tested.filter(pl.col("_prediction_time") >= instant).head(each)
            for instant in instants
        ]

    def missing(self, required: Sequence[str]) -> MissingReport:
        """How the model scores test rows from which features are taken away."""
        return score_with_missing(self._model, self._rows, required=required)

    def latency_ms(self, requests: int) -> Sequence[float]:
        """The time of single predictions on the serving path, including online state and log, with
        as much state as in production.

        Each is the best of three, because other processes on the machine can delay one of them.
        """
        rows = self._rows_near_instants(requests)[0]
        at = int(rows["_prediction_time"][0])
        scratch = self._runtime.temporary_stores()
        for view in with_lookups(self._model.training_set.views):
            materialize_view(
                view,
                log=self._runtime.log,
                online=scratch.online,
                now=at,
                before=at + 1,
                tables=self._runtime.tables,
            )
        predictor = Predictor(scratch.online, scratch.log, _Standstill(at), self._runtime.ids)
        asked = _requests_of(rows, self._model)
        self._time_one(predictor, asked[0])
        return [
            min(self._time_one(predictor, asked[place % len(asked)]) for _ in range(_TRIES))
            for place in range(requests)
        ]

    def _time_one(self, predictor: Predictor, row: Mapping[str, object]) -> float:
        started = time.perf_counter_ns()
        predictor.predict(
            self._model, [row], topic="inference:gate:latency", map_version=0, actor=_ACTOR
        )
        return (time.perf_counter_ns() - started) / 1e6


def _requests_of(rows: pl.DataFrame, model: ServedModel) -> list[dict[str, object]]:
    request = rows.select(model.training_set.spec.request)
    return request.with_columns(pl.selectors.datetime().to_physical()).to_dicts()
