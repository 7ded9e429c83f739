"""Features of an environment, read: for the rows of a spine from history, for keys from online
state.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import TypeAlias

import msgspec
import polars as pl

from mainspring.elements.declaration import Named
from mainspring.elements.time import Micros
from mainspring.features.history.gather import backfill_requested
from mainspring.features.history.reader import HistoryReader
from mainspring.features.on_demand import CompiledOnDemandView, compute_on_request
from mainspring.features.online.read import FeatureRows, read_online
from mainspring.features.requested import (
    AnyView,
    FeatureReference,
    parse_requested,
    views_in,
)
from mainspring.features.requests import cast_entity_keys, prepare_spine, resolve_read_time
from mainspring.features.stream.open import StreamPorts, materialize_to_head
from mainspring.features.view import CompiledView, with_lookups
from mainspring.registry.errors import UnknownAsset
from mainspring.serving.state.read import read_on_demand_views
from mainspring.serving.state.views import ServedViews
from mainspring.sources.imported import require_imported

__all__ = ["FeatureReader", "ViewNames"]

ViewNames: TypeAlias = str | Named | Iterable[str | Named]
"""Names of feature views, or their declarations; one alone or several."""


class FeatureReader:
    """Reads the feature views of one environment, as the environment holds them; what is edited and
    not applied yet is not read.

    Args:
        held: the views that the environment holds.
        declared: gives the views as they are declared now, by name and in that order; called
            once, and only for what the environment does not hold; `declared_on_demand` the same
            for on-demand views.
    """

    def __init__(
        self,
        ports: StreamPorts,
        held: ServedViews,
        *,
        declared: Callable[[], Mapping[str, CompiledView]],
        declared_on_demand: Callable[[], Mapping[str, CompiledOnDemandView]],
        history: HistoryReader,
    ) -> None:
        self._ports, self._held, self._compile_declared = ports, held, declared
        self._compile_declared_on_demand, self._history = declared_on_demand, history
        self._on_demand: tuple[int, Mapping[str, CompiledOnDemandView]] = (-1, {})

    @cached_property
    def _declared(self) -> Mapping[str, CompiledView]:
        return self._compile_declared()

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

    def view_or_on_demand(self, name: str) -> AnyView:
        """A feature view or an on-demand view: as this environment holds it, and as it is declared
        only where it holds none of that name.  Raises: UnknownAsset ACC-006.
        """
        held: Mapping[str, AnyView] = {**self._held_on_demand(), **self._held.held()}
        if name in held:
            return held[name]
        declared: Mapping[str, AnyView] = {**self._compile_declared_on_demand(), **self._declared}
        if name not in declared:
            known = ", ".join(sorted({*held, *declared}))
            raise UnknownAsset(kind="feature view", name=name, known=known)
        return declared[name]

    def _held_on_demand(self) -> Mapping[str, CompiledOnDemandView]:
        """Those that the training sets of the environment use; read once for each version of it."""
        current = self._held.version()
        if self._on_demand[0] != current.version:
            ports = self._ports
            found = read_on_demand_views(current, state=ports.state, objects=ports.objects)
            self._on_demand = (current.version, found)
        return self._on_demand[1]

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
        requested = parse_requested(features, self.view_or_on_demand)
        self._require_read(views_in(requested))
        asked = prepare_spine(spine, views_in(requested))
        found = (
            backfill_requested(each, self._history.answer, asked, request=spine)
            for each in requested
        )
        return pl.concat([pl.DataFrame(), *found], how="horizontal")

    def get_online_features(
        self,
        features: FeatureReference | Sequence[FeatureReference],
        *,
        keys: Sequence[Mapping[str, object]],
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
        requested = parse_requested(features, self.view_or_on_demand)
        views = views_in(requested)
        self._require_read(views)
        now, request = self._ports.data_clock.now(), cast_entity_keys(keys, views)
        for view in with_lookups(views):
            materialize_to_head(view, self._ports)
        found = read_online(
            views,
            self._ports.online,
            request.columns,
            at=[resolve_read_time(at, now=now)] * request.height,
            reasons=reasons,
        )
        columns = dict(found.columns)
        for each in requested:
            if isinstance(each.view, CompiledOnDemandView):
                columns |= compute_on_request(each.view, keys)
        return msgspec.structs.replace(
            found, columns={name: columns[name] for each in requested for name in each.columns}
        )
