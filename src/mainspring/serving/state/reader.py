"""Features of an environment, read: for the rows of a spine from history, for keys from online
state.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property, partial
from threading import Lock
from typing import NamedTuple, Protocol, TypeAlias

import polars as pl

from mainspring.elements.declaration import Named, names_of
from mainspring.elements.foreign_frame import GivenRows
from mainspring.elements.time import Micros
from mainspring.features.history.gather import backfill_requested
from mainspring.features.history.reader import HistoryReader
from mainspring.features.on_demand import CompiledOnDemandView, request_schema
from mainspring.features.online.prepared import PreparedRead
from mainspring.features.online.read import FeatureRows
from mainspring.features.physical import Value, plain_values
from mainspring.features.requested import (
    AnyView,
    FeatureReference,
    RequestedView,
    parse_requested,
    views_in,
)
from mainspring.features.requests import prepare_spine, spine_of_rows
from mainspring.features.spec import FeatureSet, merge_selections
from mainspring.features.stream.open import StreamPorts
from mainspring.features.view import CompiledView, with_lookups
from mainspring.registry.errors import UnknownAsset
from mainspring.serving.state.freshness import Freshness
from mainspring.serving.state.prepared import PreparedFeatures
from mainspring.serving.state.read import read_feature_sets, read_on_demand_views
from mainspring.serving.state.views import ServedViews
from mainspring.sources.imported import require_imported

__all__ = ["FeatureReader", "ViewNames"]

_PREPARED_KEPT = 64

ViewNames: TypeAlias = str | Named | Iterable[str | Named]
"""Names of feature views, or their declarations; one alone or several."""


class FeatureDeclarations(Protocol):
    """What is declared now, by name and in that order."""

    def views(self) -> Mapping[str, CompiledView]:
        """The feature views."""
        ...

    def on_demand(self) -> Mapping[str, CompiledOnDemandView]:
        """The on-demand views."""
        ...

    def feature_sets(self) -> Mapping[str, FeatureSet]:
        """The feature sets."""
        ...


class FeatureReader:
    """Reads the feature views of one environment, as the environment holds them; what is edited and
    not applied yet is not read.

    Args:
        held: the views that the environment holds.
        declared: what is declared, asked only for what the environment does not hold; absent where
            nothing else than that is read.
        counted: the log and the state as they count what this process writes (see `freshness`);
            default: both are looked at before every read.
        folds: whether an online read folds what the log holds itself; else a consumer does.
    """

    def __init__(
        self,
        ports: StreamPorts,
        held: ServedViews,
        *,
        history: HistoryReader,
        declared: FeatureDeclarations | None = None,
        counted: tuple[object, object] = (None, None),
        folds: bool = True,
    ) -> None:
        self._ports, self._held, self._declarations = ports, held, declared
        self._history, self._counted, self._folds = history, counted, folds
        self._prepared: dict[tuple[str, ...], PreparedFeatures] = {}
        self._keeping = Lock()
        self._definitions = _HeldDefinitions(-1, {}, {})

    @cached_property
    def _declared(self) -> Mapping[str, CompiledView]:
        return self._declarations.views() if self._declarations else {}

    def view(self, name: str) -> CompiledView:
        """A feature view, compiled: as this environment holds it, and as it is declared only where
        it holds none of that name.  Raises: UnknownAsset ACC-006.
        """
        held = self._held.held()
        if name in held:
            return held[name]
        if name not in self._declared:
            raise UnknownAsset(kind="feature view", name=name, known=", ".join(self._view_names()))
        return self._declared[name]

    def views(self) -> list[CompiledView]:
        """Every feature view that is declared or held here."""
        return [self.view(name) for name in self._view_names()]

    def _require_read(self, views: Iterable[CompiledView]) -> None:
        """Raises: FileNotRead SRC-037 where the file of a source was not read yet."""
        sources = [source for view in with_lookups(list(views)) for source in view.view.sources]
        require_imported(sources, self._ports.log)

    def views_of(self, name: str) -> Sequence[RequestedView]:
        """A feature view, an on-demand view, or the views of a feature set: as this environment
        holds it, and as it is declared only where it holds none of that name.  Raises: UnknownAsset
        ACC-006.
        """
        definitions = self._held_definitions()
        held: Mapping[str, AnyView] = {**definitions.on_demand, **self._held.held()}
        if name in held:
            return [_whole(held[name])]
        if name in definitions.sets:
            return [self._typed(each) for each in definitions.sets[name]]
        declarations = self._declarations
        on_demand = declarations.on_demand() if declarations else {}
        declared: Mapping[str, AnyView] = {**on_demand, **self._declared}
        if name in declared:
            return [_whole(declared[name])]
        sets = declarations.feature_sets() if declarations else {}
        if name in sets:
            return [
                RequestedView(view, each.columns or view.column_names)
                for each in merge_selections([sets[name]])
                for view in [self.views_of(each.view_name)[0].view]
            ]
        known = ", ".join(sorted({*held, *definitions.sets, *declared, *sets}))
        raise UnknownAsset(kind="feature view", name=name, known=known)

    def feature_sets(self) -> dict[str, Sequence[RequestedView]]:
        """Every feature set by its name, as `views_of` gives it: those that this environment holds,
        and those that are declared only.
        """
        declared = self._declarations.feature_sets() if self._declarations else {}
        names = sorted({*self._held_definitions().sets, *declared})
        return {name: self.views_of(name) for name in names}

    def _typed(self, requested: RequestedView) -> RequestedView:
        """An on-demand view of a set, with the types that training sets have."""
        view = requested.view
        if not isinstance(view, CompiledOnDemandView):
            return requested
        known = self._held_definitions().on_demand.get(view.view.name)
        return requested._replace(view=replace(view, schema=known.schema)) if known else requested

    def _held_definitions(self) -> "_HeldDefinitions":
        """On-demand views and feature sets of the environment; read once for each version of it."""
        current = self._held.version()
        if self._definitions.version != current.version:
            state, objects = self._ports.state, self._ports.objects
            self._definitions = _HeldDefinitions(
                current.version,
                read_on_demand_views(current, state=state, objects=objects),
                read_feature_sets(
                    current, state=state, objects=objects, partitions=self._held.partitions
                ),
            )
        return self._definitions

    def _view_names(self) -> list[str]:
        """In the order in which they are declared, then those that this environment still holds."""
        return list(dict.fromkeys([*self._declared, *sorted(self._held.held())]))

    def get_historical_features(
        self, features: FeatureReference | Sequence[FeatureReference], *, spine: pl.DataFrame
    ) -> pl.DataFrame:
        """The features of these views, without the columns of the spine, for every row of it, in
        its order and point-in-time correct.

        Args:
            features: names of feature views and on-demand views, which answer as this environment
                holds them: what is edited and not applied yet is not asked.
            spine: join keys, what on-demand views read, and `prediction_time`: timestamps (without
                a zone: UTC), ISO 8601 text or int64 microseconds.

        Raises: UnknownAsset ACC-006, FileNotRead SRC-037, SpineUnusable FEA-010 for a column that
            is missing or of another type.
        """
        requested = parse_requested(features, self.views_of)
        self._require_read(views_in(requested))
        asked = prepare_spine(spine, views_in(requested))
        found = (
            backfill_requested(each, self._history.answer, asked, request=spine)
            for each in requested
        )
        return pl.concat([pl.DataFrame(), *found], how="horizontal")

    def historical_columns(
        self,
        features: FeatureReference | Sequence[FeatureReference],
        *,
        rows: Sequence[Mapping[str, object]],
    ) -> dict[str, list[Value]]:
        """As `get_historical_features`, for rows as a request has them: each value is read by the
        type that facts and training sets have, and answered as models take it.

        Raises: as `get_historical_features`; MissingRequestField FEA-003, WrongRequestType FEA-004,
            RequestTypesUnknown FEA-073.
        """
        requested = parse_requested(features, self.views_of)
        on_demand = [each.view for each in requested if not isinstance(each.view, CompiledView)]
        spine = spine_of_rows(rows, views_in(requested), request_schema(on_demand))
        found = self.get_historical_features(features, spine=spine)
        return {column.name: plain_values(column) for column in found.iter_columns()}

    def get_online_features(
        self,
        features: FeatureReference | Sequence[FeatureReference],
        *,
        keys: GivenRows,
        at: Micros | str | datetime | None = None,
        reasons: bool = False,
    ) -> FeatureRows:
        """Features of these views for each key, from online state, at the clock's now or (exact or
        refused) at another time.

        Args:
            keys: the join keys of each row, and what on-demand views read.
            reasons: say also, for each row and `view.entity`, whether its key is known and a fact
                in its window: `FeatureRows.reasons`.

        Returns: values as models take them: instants and lengths of time are int64 microseconds.

        Raises: HorizonPassed FEA-002 when that time lies before what is kept, MissingRequestField
            FEA-003, WrongRequestType FEA-004 for a missing join key or one of another type,
            MomentAhead FEA-011 for the future, FeatureNamedTwice FEA-012 where two views give a
            column of one name, HindsightAsked FEA-013 for a view with hindsight,
            RequestTypesUnknown FEA-073.
        """
        return self._prepared_for(features).read_columns(keys, at=at, reasons=reasons)

    def prepare(self, features: FeatureReference | Sequence[FeatureReference]) -> PreparedFeatures:
        """The features of these views, to be read online again and again.

        Raises: UnknownAsset ACC-006, FileNotRead SRC-037, FeatureUnknown FEA-074, FeatureNamedTwice
            FEA-012, HindsightAsked FEA-013, RequestTypesUnknown FEA-073.
        """
        return self._prepare(tuple(names_of(features, "view")))

    def _prepared_for(
        self, features: FeatureReference | Sequence[FeatureReference]
    ) -> PreparedFeatures:
        """The same, kept for who asks again."""
        names = (features,) if isinstance(features, str) else tuple(names_of(features, "view"))
        found = self._prepared.get(names)
        if found is None:
            found = self._prepare(names)
            with self._keeping:
                if len(self._prepared) >= _PREPARED_KEPT:
                    del self._prepared[next(iter(self._prepared))]
                self._prepared[names] = found
        return found

    def _prepare(self, names: tuple[str, ...]) -> PreparedFeatures:
        return PreparedFeatures(
            partial(self._resolved, names),
            self._ports,
            self._held,
            freshness=Freshness(*self._counted),
            folds=self._folds,
        )

    def _resolved(self, names: Sequence[str]) -> PreparedRead:
        requested = parse_requested(names, self.views_of)
        self._require_read(views_in(requested))
        return PreparedRead(requested, self._ports.online)


class _HeldDefinitions(NamedTuple):
    """What a version of the environment holds beside feature views."""

    version: int
    on_demand: Mapping[str, CompiledOnDemandView]
    sets: Mapping[str, Sequence[RequestedView]]


def _whole(view: AnyView) -> RequestedView:
    return RequestedView(view, view.column_names)
