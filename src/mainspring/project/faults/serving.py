"""What can be wrong with models and their gates, endpoints and monitors."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import PurePath

from mainspring.datasets.classes import names_classes
from mainspring.elements.errors import DeclarationError
from mainspring.elements.schema import Schema
from mainspring.gates.spec import (
    BeatsChampion,
    Gate,
    Latency,
    MaxMetric,
    MetricGate,
    MinMetric,
    NoLeakage,
)
from mainspring.monitoring.spec import Monitor
from mainspring.project.loader.errors import (
    InvalidEndpointName,
    InvalidValue,
    OutsideProject,
    RolloutSteps,
    WrongDirection,
)
from mainspring.serving.inference.spec import DURABILITIES, InferenceLog, is_share
from mainspring.serving.spec import ABTest, Canary, Endpoint
from mainspring.stats.metrics import METRICS, METRICS_OF_CLASSES
from mainspring.training.spec import Model

__all__ = ["endpoint_faults", "model_faults", "monitor_faults"]

_CALLED = {
    "auc": "roc_auc",
    "brier_score": "brier",
    "mean_absolute_error": "mae",
    "root_mean_squared_error": "rmse",
}
"""What other libraries call a metric, and its name here."""

_ROUTE = re.compile(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*")


def model_faults(model: Model, schemas: Mapping[str, Schema]) -> Iterator[DeclarationError]:
    """Values that are not gates, gates listed twice, unknown metrics, bounds that can never be
    passed or failed, metrics of one score for several classes, and slices by columns that are not
    in the request.
    """
    user = f"model {model.name}"
    for stranger in (gate for gate in model.gates if not isinstance(gate, Gate)):
        yield InvalidValue(
            user=user,
            problem=f"{stranger!r} is not a gate: make one with ms.gates",
            at=model.declared_at,
        )
    gates = [gate for gate in model.gates if isinstance(gate, Gate)]
    for name, number in Counter(gate.name for gate in gates).items():
        if number > 1:
            yield InvalidValue(
                user=user, problem=f"gate {name} is listed {number} times", at=model.declared_at
            )
    yield from _class_faults(model, gates, schemas)
    for gate in gates:
        yield from _direction_faults(model, gate)
        for problem in _gate_problems(gate):
            yield InvalidValue(
                user=user, problem=f"gate {gate.name}: {problem}", at=model.declared_at
            )
        if (
            isinstance(gate, MetricGate)
            and gate.by is not None
            and gate.by not in model.training_set.request
        ):
            problem = (
                f"gate {gate.name} slices by {gate.by!r}, which is not in request of "
                f"training set {model.training_set.name}"
            )
            yield InvalidValue(user=user, problem=problem, at=model.declared_at)


def _class_faults(
    model: Model, gates: Sequence[Gate], schemas: Mapping[str, Schema]
) -> Iterator[DeclarationError]:
    """Gates that judge several classes by a metric of one score a row."""
    label = model.training_set.label
    schema = schemas.get(label.source.name)
    if schema is None or not names_classes(label, schema):
        return
    for gate in gates:
        if not isinstance(gate, MetricGate | BeatsChampion):
            continue
        metric = METRICS.get(gate.metric)
        if metric is not None and not metric.knows_classes:
            yield InvalidValue(
                user=f"model {model.name}",
                problem=f"gate {gate.name}: {gate.metric} is a metric of one score a row, and the "
                f"label names one of several classes; there are: {', '.join(METRICS_OF_CLASSES)}",
                at=model.declared_at,
            )


def _gate_problems(gate: Gate) -> Iterator[str]:
    """Mistakes that would otherwise be found only after an hour of training."""
    if isinstance(gate, MetricGate | BeatsChampion):
        if gate.metric in _CALLED:
            yield f"{gate.metric} is called {_CALLED[gate.metric]!r} here"
        elif gate.metric not in METRICS:
            yield f"there is no metric {gate.metric!r}; there are: {', '.join(sorted(METRICS))}"
        if not 0 < gate.confidence < 1:
            yield f"confidence must lie between 0 and 1, not {gate.confidence}"
    if isinstance(gate, MetricGate) and not math.isfinite(gate.bound):
        yield f"the bound must be a finite number, not {gate.bound}"
    if isinstance(gate, NoLeakage):
        for bound, value in asdict(gate).items():
            if not 0 < value <= 1:
                yield f"{bound} must be above 0 and at most 1, not {value}"
    if isinstance(gate, Latency) and not (gate.p99_ms > 0 and gate.requests > 0):
        yield f"p99_ms and requests must be above 0, not {gate.p99_ms} and {gate.requests}"


def _direction_faults(model: Model, gate: Gate) -> Iterator[DeclarationError]:
    """A bound on the wrong side of a metric."""
    if not isinstance(gate, MetricGate):
        return
    metric = METRICS.get(_CALLED.get(gate.metric, gate.metric))
    if metric is not None and metric.greater_is_better != isinstance(gate, MinMetric):
        gate_name, instead = "min_metric", "max_metric"
        if isinstance(gate, MaxMetric):
            gate_name, instead = instead, gate_name
        yield WrongDirection(
            model=model.name,
            metric=metric.name,
            what="a score" if metric.greater_is_better else "an error",
            gate=gate_name,
            instead=instead,
            bound=gate.bound,
            at=model.declared_at,
        )


def endpoint_faults(endpoint: Endpoint, root: str) -> Iterator[DeclarationError]:
    """A name that cannot be a route, a roll-out that never ends, a model of another project."""
    at = endpoint.declared_at
    if not _ROUTE.fullmatch(endpoint.name):
        yield InvalidEndpointName(name=endpoint.name, at=at)
    yield from _rollout_faults(endpoint)
    for problem in _log_problems(endpoint.log):
        yield InvalidValue(user=f"endpoint {endpoint.name}", problem=problem, at=at)
    yield from _outside(endpoint, f"endpoint {endpoint.name}", root)


def _rollout_faults(endpoint: Endpoint) -> Iterator[DeclarationError]:
    """Steps that do not rise, a share that is none, a rule that always or never speaks."""
    at, user, rollout = endpoint.declared_at, f"endpoint {endpoint.name}", endpoint.rollout
    if rollout is None:
        return
    if isinstance(rollout, Canary):
        steps = rollout.steps
        rises = all(before < after for before, after in zip((0, *steps), steps, strict=False))
        if not steps or steps[-1] != 100 or not rises:
            yield RolloutSteps(endpoint=endpoint.name, steps=str(list(steps)), at=at)
    if isinstance(rollout, ABTest) and not 0 < rollout.share < 100:
        problem = f"the share of an A/B test lies between 1 and 99, not at {rollout.share}"
        yield InvalidValue(user=user, problem=problem, at=at)
    rules = rollout.rules
    for name, times in (
        ("errors", rules.errors),
        ("latency", rules.latency),
        ("scores", rules.scores),
    ):
        if times is not None and not 1 <= times < math.inf:
            problem = f"the rule {name} is how many times as often, from 1, not {times}"
            yield InvalidValue(user=user, problem=problem, at=at)
    if rules.quality is not None and not 0 <= rules.quality < math.inf:
        problem = f"the rule quality is a difference of losses, from 0, not {rules.quality}"
        yield InvalidValue(user=user, problem=problem, at=at)
    if not 0 < rules.alpha < 1:
        problem = f"alpha lies between 0 and 1, not at {rules.alpha}"
        yield InvalidValue(user=user, problem=problem, at=at)


def _log_problems(log: object) -> Iterator[str]:
    """What a log declares that it cannot be; annotations are not enforced where a project is
    written.
    """
    if log is None:
        return
    if not isinstance(log, InferenceLog):
        yield f"log must be an ms.InferenceLog, not {log!r}"
        return
    if log.durability not in (None, *DURABILITIES):
        yield f"durability is {' or '.join(map(repr, DURABILITIES))}, not {log.durability!r}"
    if log.sample is not None and not is_share(log.sample):
        yield f"sample is a share from 0 to 1, not {log.sample!r}"
    if log.asynchronous not in (None, True, False):
        yield f"asynchronous is True or False, not {log.asynchronous!r}"


def monitor_faults(
    monitor: Monitor, root: str, schemas: Mapping[str, Schema]
) -> Iterator[DeclarationError]:
    """A sensitivity that can never or always be exceeded, a model of another project or of several
    classes.
    """
    if not monitor.sensitivity > 0:
        yield InvalidValue(
            user=f"monitor {monitor.name}",
            problem=f"sensitivity must be above 0, not {monitor.sensitivity}",
            at=monitor.declared_at,
        )
    label = monitor.model.training_set.label
    schema = schemas.get(label.source.name)
    if schema is not None and names_classes(label, schema):
        yield InvalidValue(
            user=f"monitor {monitor.name}",
            problem="a model of several classes cannot be monitored yet: labels are compared with "
            "one score a row",
            at=monitor.declared_at,
        )
    yield from _outside(monitor, f"monitor {monitor.name}", root)


def _outside(user: Endpoint | Monitor, words: str, root: str) -> Iterator[DeclarationError]:
    place = user.model.declared_at
    if root and not PurePath(place.path).is_relative_to(root):
        yield OutsideProject(
            user=words, model=user.model.name, other=str(place), at=user.declared_at
        )
