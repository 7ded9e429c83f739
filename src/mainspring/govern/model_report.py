"""What is known of a model version: its metrics, and where everything went that its fit logged and
printed.
"""

import math
from collections.abc import Iterator

import msgspec

from mainspring.datasets.predictions import parse_predictions
from mainspring.elements.events import EventValue
from mainspring.elements.html import html_page, html_table, html_text
from mainspring.elements.identity import Digest, short
from mainspring.elements.stored import parse_stored
from mainspring.elements.time import Micros, format_instant
from mainspring.ports.errors import ObjectMissing
from mainspring.ports.objects import ObjectReader
from mainspring.ports.state import StateReader
from mainspring.registry.read import read_object
from mainspring.registry.version import ModelVersion
from mainspring.stats.metrics import METRICS
from mainspring.training.outcome import FitLog
from mainspring.training.run import MetricPoint, RunParameter

__all__ = [
    "ARTIFACT_FACT",
    "MetricReport",
    "ModelReport",
    "ModelSummary",
    "html_metrics",
    "read_model_report",
    "summarise_version",
]

ARTIFACT_FACT = "artifact: "
"""Begins the name of the fact of a build that has the digest of a logged file."""


class MetricReport(msgspec.Struct, frozen=True, kw_only=True):
    """A metric on the test rows with its 95 % interval; None where the rows cannot say."""

    name: str
    value: float | None
    low: float | None
    high: float | None

    def __str__(self) -> str:
        if self.value is None:
            return f"{self.name} undefined"
        interval = f" [{self.low:.4f}, {self.high:.4f}]" if self.low is not None else ""
        return f"{self.name} {self.value:.4f}{interval}"


class ModelSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A version by its label, its metrics on the test rows, and what people should know about how
    it uses its columns; empty for most.
    """

    model: str
    label: str
    version: Digest
    tested: int
    metrics: tuple[MetricReport, ...]
    remarks: str = ""

    def __str__(self) -> str:
        metrics = ", ".join(map(str, self.metrics))
        remarks = f"; note: {self.remarks}" if self.remarks else ""
        return f"{self.label}: {metrics} on {self.tested:,} test rows{remarks}"


class ModelReport(ModelSummary, frozen=True, kw_only=True):
    """All of a version.

    Args:
        params, logged, artifacts: what the fit logged with `run`; files by name, each the digest of
            an object.
        printed: what the fit printed; empty where it ran in its caller's process.
        is_kept: whether logged metrics, files and printed text are still stored: those of older
            versions are garbage once a newer one is trained.
    """

    registered_at: Micros
    author: str
    fitted: int
    params: dict[str, RunParameter]
    logged: tuple[MetricPoint, ...]
    artifacts: dict[str, Digest]
    printed: str
    is_kept: bool

    def _repr_html_(self) -> str:
        return html_page(
            f"{self.label}  {short(self.version)}",
            html_metrics(self),
            html_table("Parameters", ("name", "value"), list(self.params.items())),
            html_text(self.printed) if self.printed else "",
        )

    def lines(self) -> Iterator[str]:
        """The report as text for people."""
        yield f"{self.label}  {short(self.version)}"
        yield (
            f"  registered {format_instant(self.registered_at)[:19]}Z by {self.author}; "
            f"{self.fitted:,} rows fitted, {self.tested:,} tested"
        )
        yield from _block("Metrics on the test rows", list(map(str, self.metrics)))
        yield from _block("Note", [self.remarks] if self.remarks else [])
        yield from _block(
            "Parameters (run.log_params)", [f"{name} = {self.params[name]}" for name in self.params]
        )
        yield from _block("Logged metrics (run.log_metric)", list(_curves(self.logged)))
        yield from _block(
            "Files (run.log_artifact)",
            [f"{name}  {digest}" for name, digest in self.artifacts.items()],
        )
        yield from _block("Printed by the fit", self.printed.splitlines())
        if not self.is_kept:
            yield "  What this version logged and printed is not stored any more."


def html_metrics(summary: ModelSummary) -> str:
    """The metrics of a version as a table."""
    return html_table(
        f"{summary.label} on {summary.tested:,} test rows",
        ("metric", "value", "from (95 %)", "to"),
        [(each.name, each.value, each.low, each.high) for each in summary.metrics],
    )


def summarise_version(
    version: ModelVersion, *, state: StateReader, objects: ObjectReader
) -> ModelSummary:
    """A version and its metrics.  Raises and Cost: as `read_model_report`."""
    return ModelSummary(
        model=version.model,
        label=version.label,
        version=version.digest,
        tested=version.tested,
        metrics=tuple(_metrics(version, objects)),
        remarks=str(_facts_of(version, state).get("remarks", "")),
    )


def read_model_report(
    version: ModelVersion, *, state: StateReader, objects: ObjectReader
) -> ModelReport:
    """What is known of a version.

    Raises: ArtifactChanged REG-002, ObjectMissing ENG-002 for its predictions.
    Cost: about 0.2 s for 100,000 test rows, for the intervals.
    """
    facts = _facts_of(version, state)
    logged, printed, is_kept = _kept(facts, objects)
    return ModelReport(
        model=version.model,
        label=version.label,
        version=version.digest,
        tested=version.tested,
        metrics=tuple(_metrics(version, objects)),
        remarks=str(facts.get("remarks", "")),
        registered_at=version.registered_at,
        author=version.author,
        fitted=version.fitted,
        params=version.params,
        logged=logged,
        artifacts={
            name.removeprefix(ARTIFACT_FACT): Digest(str(digest))
            for name, digest in facts.items()
            if name.startswith(ARTIFACT_FACT)
        },
        printed=printed,
        is_kept=is_kept,
    )


def _metrics(version: ModelVersion, objects: ObjectReader) -> Iterator[MetricReport]:
    predictions = parse_predictions(read_object(objects, version, "predictions"))
    for name, value in sorted(version.metrics.items()):
        metric = METRICS.get(name)
        interval = metric.interval(predictions.labels, predictions.scores) if metric else None
        is_known = interval is not None and interval.is_known
        yield MetricReport(
            name=name,
            value=value if math.isfinite(value) else None,
            low=interval.low if interval and is_known else None,
            high=interval.high if interval and is_known else None,
        )


def _facts_of(version: ModelVersion, state: StateReader) -> dict[str, EventValue]:
    """What the journal has on the fit that made it; a build on record may be a later one."""
    made = [
        recorded.event.facts
        for recorded in state.iter_events(kind="build.made")
        if recorded.event.subject == f"model.{version.model}"
        and recorded.event.facts.get("digest") == version.digest
    ]
    return dict(made[-1]) if made else {}


def _kept(
    facts: dict[str, EventValue], objects: ObjectReader
) -> tuple[tuple[MetricPoint, ...], str, bool]:
    """The logged metrics and the printed text, and whether they are still stored."""
    logged, transcript = facts.get("logged"), facts.get("transcript")
    try:
        log = parse_stored(objects.read(Digest(str(logged))), FitLog) if logged else None
        printed = objects.read(Digest(str(transcript))).decode() if transcript else ""
    except ObjectMissing:
        return (), "", False
    return log.metrics if log else (), printed, True


def _curves(points: tuple[MetricPoint, ...]) -> Iterator[str]:
    """Each metric once: its last value, and how many there are."""
    for name in dict.fromkeys(point.name for point in points):
        values = [point for point in points if point.name == name]
        last = values[-1]
        steps = f" at step {last.step}, the last of {len(values):,}" if len(values) > 1 else ""
        yield f"{name} {last.value:g}{steps}"


def _block(title: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield f"  {title}"
        yield from (f"    {line}" for line in lines)
