"""Histories of edits: a person corrects a declaration, mends a file, pushes and corrects rows, and
applies; and the same raw log given to a workspace that never knew anything else.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

import mainspring as ms
from mainspring import col
from mainspring.app.workspace import Workspace
from mainspring.datasets.build import build_training_set
from mainspring.datasets.definition import compile_training_set_definition
from mainspring.elements.errors import MainspringError
from mainspring.elements.time import DAY, MINUTE
from mainspring.engines.local.clock import FrozenClock
from mainspring.ports.state import Change
from mainspring.project.kinds.definition import training_set_definition_of
from mainspring.project.loader.load import load_definitions
from mainspring.project.plan.read import read_origins
from mainspring.sources.quarantine import read_quarantine
from mainspring.sources.topic import raw_topic_of

__all__ = ["Desk", "Shape", "Step", "outcome", "replayed"]

START = 19_844 * DAY
IDS: tuple[str | list[str], ...] = ("n", ["n", "shop"], "m")
KNOWN = (None, "known", "late")
CONTRACTS: tuple[dict[str, Any], ...] = (
    {"amount": ms.Float64()},
    {"amount": ms.Float64(between=(0, 5))},
    {"amount": ms.Float64(nullable=False)},
    {"amount": ms.String()},
)
LATENESS = (None, "2d")


@dataclass(frozen=True)
class Shape:
    """How the project is declared: which of the choices above, and what the source is called."""

    id: int = 0
    known: int = 0
    contract: int = 0
    lateness: int = 0
    windows: int = 0
    label: int = 0
    renamed: bool = False


@dataclass(frozen=True)
class Step:
    """One thing that a person does.

    Args:
        act: `declare`, `write` (the file), `apply`, `push`, `release` or `drop`.
        rows: what is written or pushed: (n, m, shop, day, lag in days, amount).
        how: the operation of a push, or how an apply treats the file.
    """

    act: str
    shape: Shape = field(default_factory=Shape)
    rows: tuple[tuple[int, int, str, int, int, str], ...] = ()
    how: str = ""


def declared(shape: Shape, path: Path | None, *, has_training_set: bool = False) -> list[object]:
    """The declarations of a project."""
    columns: dict[str, Any] = {
        "n": ms.Int64(),
        "m": ms.Int64(),
        "shop": ms.String(),
        "at": ms.Timestamp(),
        "known": ms.Timestamp(),
    }
    known: Any = KNOWN[shape.known]
    known = col("at") + ms.hours(30) if known == "late" else known
    source = ms.Source(
        "orders" if shape.renamed else "sales",
        path.as_posix() if path else None,
        id=IDS[shape.id],
        event_time="at",
        known_at=known,
        contract=ms.Contract(**columns, **CONTRACTS[shape.contract]),
        lateness=LATENESS[shape.lateness],
        clock_skew=None,
        renamed_from="sales" if shape.renamed else "",
    )
    is_text = shape.contract == 3
    total = ms.count() if is_text else col("amount").sum()
    windows = (["3d"], ["7d"], ["3d", "30d"])[shape.windows]
    view = ms.FeatureView(
        "takings",
        source=source,
        entities=[ms.Entity("shop")],
        windows=windows,
        features={"total": total, "newest": col("n").last()},
    )
    if not has_training_set:
        return [source, view]
    label = col("amount").is_null() if is_text else col("amount") > (1, 3)[shape.label]
    training_set = ms.TrainingSet(
        "history",
        spine=source,
        prediction_time=col("at"),
        request=["n", "shop"],
        label=ms.Label(source, label, join_on="n"),
        features=[view],
        split=ms.split_by_time(
            train_from="2024-04-01", test_from="2024-05-10", test_until="2024-07-01"
        ),
    )
    return [source, view, training_set]


class Desk:
    """A workspace in memory whose project and file change while its log stays."""

    def __init__(self, path: Path) -> None:
        self.clock, self.path = FrozenClock(START + 40 * DAY), path
        self.shape, self._runtime = Shape(), None
        self.workspace = self._opened(Shape())

    def _opened(self, shape: Shape) -> Workspace:
        if self._runtime is None:
            fresh = Workspace.in_memory(declared(shape, None), clock=self.clock)
            self._runtime = fresh.runtime
        path = self.path if self.path.exists() else None
        project = load_definitions(declared(shape, path), name="memory")
        return Workspace(project, self._runtime, environment="dev", folder=None)

    def do(self, step: Step) -> bool:
        """Do a step; False for one that is refused with an error of ours."""
        self.clock.advance(7 * MINUTE)
        with suppress(MainspringError):
            self._do(step)
            return True
        return False

    def _do(self, step: Step) -> None:
        match step.act:
            case "declare":
                self.shape = replace(step.shape, renamed=self.shape.renamed or step.shape.renamed)
                self.workspace = self._opened(self.shape)
            case "write":
                write(self.path, step.rows)
                self.workspace = self._opened(self.shape)
            case "apply":
                options: dict[str, Any] = {}
                if step.how == "delete":
                    options = {"delete_missing": True}
                elif step.how == "leave":
                    options = {"data": False}
                elif step.how == "refresh" and self.path.exists():
                    options = {"refresh": [self.name]}
                self.workspace.apply(self.workspace.plan(**options))
            case "push":
                rows = [dict(zip(COLUMNS, values(row), strict=True)) for row in step.rows]
                self.workspace.ingest(self.name_held, rows, op=step.how)
            case "release" | "drop":
                self._resolve(step.act)

    def _resolve(self, act: str) -> None:
        rows = self.workspace.quarantine(self.name_held)
        chosen = [row.raw for row in rows[:2]]
        if act == "release":
            self.workspace.release(self.name_held, chosen)
        else:
            self.workspace.drop(self.name_held, chosen)

    @property
    def name(self) -> str:
        """What the source is declared as."""
        return "orders" if self.shape.renamed else "sales"

    @property
    def name_held(self) -> str:
        """What the environment calls it."""
        held = self.workspace._compiled_sources()
        return self.name if self.name in held else next(iter(held))


COLUMNS = ("n", "m", "shop", "at", "known", "amount")


def values(row: tuple[int, int, str, int, int, str]) -> tuple[Any, ...]:
    """A row in the columns of the source."""
    n, m, shop, day, lag, amount = row
    at = START + day * DAY + n * MINUTE
    return n, m, shop, at, at + lag * DAY, amount or None


def write(path: Path, rows: Sequence[tuple[int, int, str, int, int, str]]) -> None:
    """Write the file of the source."""
    lines = [",".join(COLUMNS)]
    for row in rows:
        n, m, shop, at, known, amount = values(row)
        times = [
            pl.Series([time]).cast(pl.Datetime("us")).dt.strftime("%Y-%m-%dT%H:%M:%SZ")[0]
            for time in (at, known)
        ]
        lines.append(f"{n},{m},{shop},{times[0]},{times[1]},{amount or ''}")
    path.write_text("\n".join(lines) + "\n")


def replayed(desk: Desk) -> Desk:
    """A workspace that has the raw log of another one, its objects and its declarations, and
    nothing else.
    """
    fresh = object.__new__(Desk)
    fresh.clock, fresh.path, fresh.shape, fresh._runtime = desk.clock, desk.path, desk.shape, None
    fresh.workspace = fresh._opened(desk.shape)
    ours, theirs = desk.workspace.runtime, fresh.workspace.runtime
    topic = raw_topic_of("sales")
    for frame in ours.log.read(topic):
        theirs.log.append({topic: frame.drop("_offset")}, expected={})
    for digest in ours.objects.iter_digests():
        theirs.objects.write(ours.objects.read(digest))
    for document in ours.state.iter_documents("asset"):
        change = Change("asset", document.key, document.payload)
        theirs.state.commit([change], [])
    return fresh


def outcome(desk: Desk) -> dict[str, Any]:
    """Every fact, refused row, feature and training row of what is declared."""
    workspace = desk.workspace
    source = workspace.source(desk.name_held)
    facts = workspace.facts_of(source)
    spine = pl.DataFrame(
        {
            "shop": ["a", "b", None] * 4,
            "prediction_time": [START + day * DAY for day in range(30, 42)],
        }
    )
    taught = workspace.get_historical_features(["takings"], spine=spine)
    keys = [{"shop": shop} for shop in ("a", "b")]
    told = workspace.get_online_features(["takings"], keys=keys).columns
    path = desk.path if desk.path.exists() else None
    whole = load_definitions(declared(desk.shape, path, has_training_set=True), name="memory")
    project = whole.with_origins(read_origins(workspace.runtime.state))
    [declared_set] = project.declarations.training_sets
    definition = training_set_definition_of(declared_set, project.schemas, project.graph.assets)
    built = build_training_set(
        compile_training_set_definition(definition), workspace.history, inputs={}
    )
    refused = [
        (row.raw, row.reason, row.row, row.fact)
        for row in read_quarantine(source.stream, workspace.runtime.log)
    ]
    return {
        "stream": source.stream,
        "facts": facts.drop("_offset").to_dicts(),
        "refused": refused,
        "taught": taught.to_dicts(),
        "told": told,
        "training": built.payload,
    }
