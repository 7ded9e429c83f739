"""The feature views and feature sets of an environment as people ask about them: how fresh and how
large their state is, what they mean, what they say now.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from mainspring.elements.declaration import Named, name_of
from mainspring.elements.identity import canonical_json
from mainspring.elements.time import Micros
from mainspring.features.distribution import Distribution, distribution_of
from mainspring.features.errors import FeatureOverflow, HorizonPassed
from mainspring.features.explanation import ViewExplanation, explain_view
from mainspring.features.history.file import BackfillProgress, BackfillReport, backfill_file
from mainspring.features.history.reader import HistoryReader
from mainspring.features.online.measure import measure_state, sample_answers
from mainspring.features.requested import (
    FeatureReference,
    RequestedView,
    parse_requested,
    views_in,
)
from mainspring.features.state.stream import shards_of
from mainspring.features.view import CompiledView, with_lookups
from mainspring.project.kinds.evaluation import Runtime
from mainspring.project.kinds.union import asset_name
from mainspring.project.loader.fingerprint import canonical_value
from mainspring.project.loader.load import Project
from mainspring.project.plan.notation import render_field
from mainspring.registry.environment import AssetNotes
from mainspring.registry.read_environment import read_definition, read_environment
from mainspring.sources.imported import require_imported
from mainspring.sources.spec import NO_EVENT_TIME, Source
from mainspring.sources.topic import topic_of

__all__ = [
    "ApplyStatus",
    "FeatureCatalog",
    "FeatureSetListing",
    "FeaturesReport",
    "SourceClocks",
    "ViewReport",
    "ViewStatus",
]


ApplyStatus = Literal[
    "as declared",
    "edited, not applied",
    "not applied yet",
    "no longer declared",
    "as applied; the project does not load",
]
"""How what an environment holds of a view or a set stands to what the project's files declare."""


class ViewStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One view and its online state.

    Args:
        standing: the report is about what the environment holds, or about what is declared if it
            holds nothing yet.
        outputs: the feature columns.
        is_folded: whether it has any state here; without one all that follows is 0 or absent.
        folded: records of its sources that state has taken in; `lag` more are in the log.
        keys, size_bytes: of the state.
        newest_event: event time of the newest fact in it, and `newest_visible` the latest time at
            which any became visible, in microseconds.
        event_age, visible_age: how long before the clock's now these are, in microseconds.
    """

    name: str
    standing: ApplyStatus
    entities: tuple[str, ...]
    outputs: tuple[str, ...]
    is_folded: bool
    folded: int
    lag: int
    keys: int
    size_bytes: int
    newest_event: Micros | None
    newest_visible: Micros | None
    event_age: Micros | None
    visible_age: Micros | None


class FeatureSetListing(msgspec.Struct, frozen=True, kw_only=True):
    """One feature set.

    Args:
        standing: how it stands to its declaration, as that of a view does.
        features: the columns that it gives, in order; views: those that they are of.
    """

    name: str
    standing: ApplyStatus
    features: tuple[str, ...]
    views: tuple[str, ...]


class FeaturesReport(msgspec.Struct, frozen=True, kw_only=True):
    """All views and feature sets of an environment at one moment of its data."""

    environment: str
    at: Micros
    views: tuple[ViewStatus, ...]
    sets: tuple[FeatureSetListing, ...] = ()


class SourceClocks(msgspec.Struct, frozen=True, kw_only=True):
    """A source's two clocks, as the declaration writes them; whether the second is assumed."""

    source: str
    event_time: str
    known_at: str
    is_assumed: bool


class ViewReport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one view.

    Args:
        sampled: of how many keys of each entity, at most, the distributions are.
        silence: why there are none; empty where there are.
    """

    status: ViewStatus
    explanation: ViewExplanation
    clocks: tuple[SourceClocks, ...]
    at: Micros
    sampled: int
    distributions: tuple[Distribution, ...]
    silence: str


class FeatureCatalog:
    """Looks at views and their state and changes neither, and answers from history.

    Args:
        declared: gives what the project declares; None where it does not load.
        view, views: give a view as the environment holds it, compiled, and all of them; `views_of`
            also one that is on-demand, and those of a feature set; `sets` gives all of these.
        history: answers from history.
    """

    def __init__(
        self,
        declared: Callable[[], Project | None],
        runtime: Runtime,
        environment: str,
        *,
        view: Callable[[str], CompiledView],
        views: Callable[[], Sequence[CompiledView]],
        views_of: Callable[[str], Sequence[RequestedView]],
        sets: Callable[[], Mapping[str, Sequence[RequestedView]]],
        history: HistoryReader,
    ) -> None:
        self._declared, self._tools, self._environment = declared, runtime, environment
        self._view, self._views, self._views_of = view, views, views_of
        self._sets, self._history = sets, history

    def report(self) -> FeaturesReport:
        """Every view and feature set.  Cost: reads all online state, about 4 µs a row."""
        now = self._tools.data_clock.now()
        views = tuple(self._status(view, now) for view in self._views())
        sets = tuple(
            FeatureSetListing(
                name=name,
                standing=self._standing(f"feature_set.{name}"),
                features=tuple(column for each in requested for column in each.columns),
                views=tuple(each.view.view.name for each in requested),
            )
            for name, requested in self._sets().items()
        )
        return FeaturesReport(environment=self._environment, at=now, views=views, sets=sets)

    def show(self, name: str | Named, *, keys: int = 1_000) -> ViewReport:
        """One view in words, and what it says at the clock's now of a sample of its keys.  Raises:
        UnknownAsset ACC-006.
        """
        view, now = self._view(name_of(name, "feature view")), self._tools.data_clock.now()
        distributions, silence = self._distributions(view, now, keys)
        return ViewReport(
            status=self._status(view, now),
            explanation=msgspec.structs.replace(
                explain_view(view), **msgspec.structs.asdict(self._notes(view))
            ),
            clocks=tuple(_clocks_of(source) for source in view.view.sources),
            at=now,
            sampled=keys,
            distributions=distributions,
            silence=silence,
        )

    def backfill(
        self,
        names: Sequence[FeatureReference] | FeatureReference,
        *,
        spine: Path | str,
        out: Path | str,
        progress: BackfillProgress = lambda *_: None,
    ) -> BackfillReport:
        """As `get_historical_features`, from a file into another piece by piece.

        Args:
            progress: called with a view, the number of rows done, and of all rows.

        Raises: UnknownAsset ACC-006, FileNotRead SRC-037, SpineUnusable FEA-010, FeatureOverflow
            FEA-001.
        """
        requested = parse_requested(names, self._views_of)
        views = views_in(requested)
        sources = [source for view in with_lookups(views) for source in view.view.sources]
        require_imported(sources, self._tools.log)
        return backfill_file(
            requested, Path(spine), Path(out), reader=self._history, progress=progress
        )

    def _status(self, view: CompiledView, now: Micros) -> ViewStatus:
        shards, log, online = shards_of(view), self._tools.log, self._tools.online
        positions = [
            position for shard in shards if (position := online.read(shard, [])[0]) is not None
        ]
        is_folded = len(positions) == len(shards)
        topics = [topic_of(source.stream) for source in view.view.sources]
        folded = (
            sum(min(position.offset(topic) for position in positions) for topic in topics)
            if is_folded
            else 0
        )
        measure = measure_state(view, online)
        visible = (
            max((position.visible_until for position in positions), default=None)
            if folded
            else None
        )
        newest, visible = _time_of(measure.newest_event), _time_of(visible)
        return ViewStatus(
            name=view.view.name,
            standing=self._standing(asset_name(view.view)),
            entities=tuple(entity.name for entity in view.view.entities),
            outputs=view.column_names,
            is_folded=is_folded,
            folded=folded,
            lag=sum(log.head(topic) for topic in topics) - folded,
            keys=measure.keys,
            size_bytes=measure.size_bytes,
            newest_event=newest,
            newest_visible=visible,
            event_age=None if newest is None else now - newest,
            visible_age=None if visible is None else now - visible,
        )

    def _distributions(
        self, view: CompiledView, now: Micros, keys: int
    ) -> tuple[tuple[Distribution, ...], str]:
        if view.view.knowledge == "as_corrected":
            return (), "it sees with hindsight, which is never read online"
        try:
            values = sample_answers(view, self._tools.online, at=now, keys=keys)
        except HorizonPassed as error:
            return (), f"{error.code} {error.message}"
        except FeatureOverflow as error:
            return (), f"{error.code} {error.feature} does not fit int64 for one of the keys"
        spread = tuple(
            distribution_of(field.name, field.dtype, values[field.name]) for field in view.fields
        )
        return spread, "" if any(values.values()) else "state holds no key yet"

    def _notes(self, view: CompiledView) -> AssetNotes:
        """As declared now, and of a view that is not declared any more as it was applied."""
        name, state = asset_name(view.view), self._tools.state
        project = self._declared()
        declared = project.graph.assets.get(name) if project else None
        pointer = read_environment(state, self._environment).pointers.get(name)
        found = (
            declared.definition
            if declared
            else read_definition(state, pointer)
            if pointer
            else None
        )
        return found.notes_or_none if found else AssetNotes()

    def _standing(self, name: str) -> ApplyStatus:
        """Of the asset of this name."""
        state = self._tools.state
        held, project = (
            read_environment(state, self._environment).pointers.get(name),
            self._declared(),
        )
        if held is None:
            return "not applied yet"
        if project is None:
            return "as applied; the project does not load"
        declared = project.graph.assets.get(name)
        if declared is None:
            return "no longer declared"
        return (
            "as declared"
            if declared.build_fingerprint == held.build_fingerprint
            else "edited, not applied"
        )


def _time_of(moment: Micros | None) -> Micros | None:
    """The moment, unless it stands for none."""
    return None if moment == NO_EVENT_TIME.value else moment


def _clocks_of(source: Source) -> SourceClocks:
    event_time, known_at = (
        canonical_json(canonical_value(clock)).decode()
        for clock in (source.event_time, source.known_at)
    )
    return SourceClocks(
        source=source.name,
        event_time="none" if source.is_timeless else render_field("event_time", event_time),
        known_at=render_field("known_at", known_at),
        is_assumed=source.known_at_assumed,
    )
