"""What a model can be asked to prove.  Gates are policy: changing one rebuilds nothing and asks for
a new verdict.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from mainspring.elements.declaration import ADDED
from mainspring.elements.time import DAY, Micros, parse_duration

__all__ = [
    "GATES_OF_EVERY_MODEL",
    "BeatsChampion",
    "FiniteScores",
    "Gate",
    "Latency",
    "MaxMetric",
    "MetricGate",
    "MinMetric",
    "NoLeakage",
    "Parity",
    "beats_champion",
    "finite_scores",
    "latency",
    "max_metric",
    "min_metric",
    "no_leakage",
    "parity",
]

ComparedOn = Literal["test", "replay"]


@dataclass(frozen=True)
class MinMetric:
    """A score on the test rows, overall or in every slice, is at least a bound.

    A slice fails only when its whole confidence interval lies on the wrong side: a small slice
    cannot be blamed for bad luck.  What was applied before there was `MaxMetric` may name an error
    here; it is at most the bound then.
    """

    metric: str
    bound: float
    by: str | None = None
    min_rows: int = 1
    confidence: float = 0.95

    @property
    def name(self) -> str:
        """`min_metric:roc_auc` or `min_metric:roc_auc:by:carrier`."""
        return f"min_metric:{self.metric}" + (f":by:{self.by}" if self.by else "")


@dataclass(frozen=True)
class MaxMetric:
    """An error on the test rows, overall or in every slice, is at most a bound; slices are judged
    as by `MinMetric`.
    """

    metric: str
    bound: float
    by: str | None = None
    min_rows: int = 1
    confidence: float = 0.95

    @property
    def name(self) -> str:
        """`max_metric:rmse` or `max_metric:rmse:by:carrier`."""
        return f"max_metric:{self.metric}" + (f":by:{self.by}" if self.by else "")


@dataclass(frozen=True)
class BeatsChampion:
    """Better than the model in charge on the same rows; without one, than the base rate.

    The interval of the paired difference must lie above `-tolerance`.

    Args:
        on: the rows that both answer: of the training set's test period, or logged requests.
        span: how far back logged requests are replayed, in microseconds.
        min_rows: so many of them must have a label.
    """

    metric: str
    tolerance: float = 0.0
    confidence: float = 0.95
    on: ComparedOn = field(default="test", metadata=ADDED)
    span: Micros = field(default=7 * DAY, metadata=ADDED)
    min_rows: int = field(default=200, metadata=ADDED)

    @property
    def name(self) -> str:
        """`beats_champion:log_loss`, or `beats_champion:log_loss:replay`."""
        return f"beats_champion:{self.metric}" + (":replay" if self.on == "replay" else "")


@dataclass(frozen=True)
class Latency:
    """A prediction of one row on the real serving path takes at most so long, features and all."""

    p99_ms: float
    requests: int = 500

    @property
    def name(self) -> str:
        """`latency`."""
        return "latency"


@dataclass(frozen=True)
class NoLeakage:
    """No training row knew its future: no view with hindsight, and no feature, or pair of features,
    that predicts the label too well alone.
    """

    max_single_feature_auc: float = 0.95
    max_single_feature_r2: float = field(default=0.99, metadata=ADDED)
    max_pair_auc: float = field(default=0.995, metadata=ADDED)
    max_pair_r2: float = field(default=0.995, metadata=ADDED)

    @property
    def name(self) -> str:
        """`no_leakage`."""
        return "no_leakage"


@dataclass(frozen=True)
class Parity:
    """The training set's features equal those that the online path answers, as bytes, on a
    sample.
    """

    rows: int = 200

    @property
    def name(self) -> str:
        """`parity`."""
        return "parity"


@dataclass(frozen=True)
class FiniteScores:
    """The model has a finite score where features are missing that will be: those of a key without
    facts, texts that were never seen, and what was null in the training set; each alone, and all
    together.

    A feature that no row of the training set lacked is not asked about: most models are fitted on
    complete requests, and a caller who leaves a field out is told so (422) instead of being given
    something that is no number.  But a new key comes without anybody's fault, so a model that has
    no answer for it is refused here, unless `required` says that callers are to be told then, too.
    """

    required: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """`finite_scores`."""
        return "finite_scores"


MetricGate = MinMetric | MaxMetric
Gate = MetricGate | BeatsChampion | Latency | NoLeakage | Parity | FiniteScores

GATES_OF_EVERY_MODEL: Final = (NoLeakage(), Parity(), FiniteScores())
"""What a model must prove whether its policy says so or not; a policy may set their parameters."""


def min_metric(
    metric: str, bound: float, *, by: str | None = None, min_rows: int = 1, confidence: float = 0.95
) -> MinMetric:
    """Ask for at least this score on the test rows: `roc_auc` or `accuracy`; `by` asks for it in
    every slice of a request column that has `min_rows` rows.
    """
    return MinMetric(metric, bound, by, min_rows, confidence)


def max_metric(
    metric: str, bound: float, *, by: str | None = None, min_rows: int = 1, confidence: float = 0.95
) -> MaxMetric:
    """Ask for at most this error on the test rows: `rmse`, `mae`, `log_loss` or `brier`; `by` asks
    for it in every slice of a request column that has `min_rows` rows.
    """
    return MaxMetric(metric, bound, by, min_rows, confidence)


def beats_champion(
    metric: str,
    *,
    tolerance: float = 0.0,
    confidence: float = 0.95,
    on: ComparedOn = "test",
    span: str = "7d",
    min_rows: int = 200,
) -> BeatsChampion:
    """Ask to be better than the model in charge, or with a tolerance: not worse by more than
    that.

    Args:
        on: `test`: both answer the rows of the training set's test period.  `replay`: both answer
            what the endpoints of this model were asked in this environment, with the features as
            they were known at each request, and are compared on the labels that have arrived:
            what a canary would show, before any exposure.  Without a model in charge nothing was
            asked, and the base rate is compared with on the test rows.
        span: how far back requests are replayed; at most the 50,000 newest.
        min_rows: so many of them must have a label by now.
    """
    if on not in ("test", "replay"):
        raise TypeError(f"beats_champion compares on='test' or on='replay', not {on!r}")
    return BeatsChampion(metric, tolerance, confidence, on, parse_duration(span), min_rows)


def latency(*, p99_ms: float, requests: int = 500) -> Latency:
    """Ask for a bound on the 99th percentile of the time that one prediction takes."""
    return Latency(p99_ms, requests)


def no_leakage(
    *,
    max_single_feature_auc: float = 0.95,
    max_single_feature_r2: float = 0.99,
    max_pair_auc: float = 0.995,
    max_pair_r2: float = 0.995,
) -> NoLeakage:
    """Set the power above which a feature, or a pair of them, is suspicious; every model has this
    gate.

    Args:
        max_single_feature_auc, max_pair_auc: for a label that is yes or no.
        max_single_feature_r2, max_pair_r2: for a label that is a number, the share of its variance
            that is explained.
    """
    return NoLeakage(max_single_feature_auc, max_single_feature_r2, max_pair_auc, max_pair_r2)


def parity(*, rows: int = 200) -> Parity:
    """Set how many rows are compared; every model has this gate."""
    return Parity(rows)


def finite_scores(*, required: Sequence[str] = ()) -> FiniteScores:
    """Set which features a request must have: where one of them is null, the caller gets 422 and
    no score.  Every model has this gate.
    """
    return FiniteScores(tuple(required))
