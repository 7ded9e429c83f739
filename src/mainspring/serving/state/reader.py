"""Features of an environment, read: for the rows of a spine from history, for keys from online
state.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import polars as pl

from mainspring.elements.time import Micros
from mainspring.features.history.gather import backfill_from
from mainspring.features.online.read import FeatureRows, read_online
from mainspring.features.requests import cast_entity_keys, prepare_spine, resolve_read_time
from mainspring.features.stream.open import materialize_to_head
from mainspring.features.view import CompiledView, with_lookups
from mainspring.project.apply.runtime import Runtime
from mainspring.project.loader.definition import compile_declared
from mainspring.project.loader.load import Project
from mainspring.registry.errors import UnknownAsset
from mainspring.serving.state.materializer import OnlineMaterializer
from mainspring.sources.facts import read_facts
from mainspring.sources.spec import Source

__all__ = ["FeatureReader"]


class FeatureReader:
    """Reads the feature views of one environment, as the environment holds them; what is edited and
    not applied yet is not read.
    """

    def __init__(
        self, project: Project, tools: Runtime, streams: OnlineMaterializer, *, partitions: int
    ) -> None:
        self._project, self._tools, self._streams = project, tools, streams
        self._partitions = partitions

    def view(self, name: str) -> CompiledView:
        """A feature view, compiled: as this environment holds it, and as it is declared only where
        it holds none of that name.  Raises: ACC-006.
        """
        held = self._streams.kept.held()
        if name in held:
            return held[name]
        declared = next(
            (view for view in self._project.declarations.views if view.name == name), None
        )
        if declared is None:
            raise UnknownAsset(kind="feature view", name=name, known=", ".join(self._view_names()))
        return compile_declared(self._project, declared, partitions=self._partitions)

    def views(self) -> list[CompiledView]:
        """Every feature view that is declared or held here."""
        return [self.view(name) for name in self._view_names()]

    def _views_of(self, names: Sequence[str]) -> list[CompiledView]:
        return [self.view(name) for name in ([names] if isinstance(names, str) else names)]

    def _view_names(self) -> list[str]:
        """In the order in which they are declared, then those that this environment still holds."""
        return list(
            dict.fromkeys(
                [
                    *(view.name for view in self._project.declarations.views),
                    *sorted(self._streams.kept.held()),
                ]
            )
        )

    def get_historical_features(
        self, features: Sequence[str], *, spine: pl.DataFrame
    ) -> pl.DataFrame:
        """Features of these views for every row of the spine, point-in-time correct, in its order;
        no row is dropped.

        Args:
            features: names of feature views, which answer as this environment holds them: what is
                edited and not applied yet is not asked.
            spine: join keys, and `prediction_time`: timestamps (without a zone: UTC), ISO 8601 text
                or int64 microseconds.

        Raises: ACC-006, FEA-010 for a column that is missing or of another type.
        """
        views = self._views_of(features)
        asked = prepare_spine(spine, views)
        return pl.concat(
            [spine, *(backfill_from(view, self._facts_of, asked) for view in views)],
            how="horizontal",
        )

    def get_online_features(
        self,
        features: Sequence[str],
        *,
        keys: Sequence[Mapping[str, object]] | pl.DataFrame,
        at: Micros | str | datetime | None = None,
        reasons: bool = False,
    ) -> FeatureRows:
        """Features of these views for each key, from online state, at the clock's now or (exact or
        refused) at another time.

        Args:
            keys: the join keys of each row.
            reasons: say also, for each row and `view.entity`, whether its key is known and a fact
                in its window: `FeatureRows.reasons`.

        Returns: values as models take them: instants and lengths of time are int64 microseconds.

        Raises: FEA-002 when that time lies before what is kept, FEA-003, FEA-004 for a missing join
            key or one of another type, FEA-011 for the future, FEA-012 where two views give a
            column of one name, FEA-013 for a view with hindsight.
        """
        views = self._views_of(features)
        now, request = self._tools.data_clock.now(), cast_entity_keys(keys, views)
        for view in with_lookups(views):
            materialize_to_head(view, self._tools)
        return read_online(
            views,
            self._tools.online,
            request.columns,
            at=[resolve_read_time(at, now=now)] * request.height,
            reasons=reasons,
        )

    def _facts_of(self, source: Source) -> pl.DataFrame:
        return read_facts(source, log=self._tools.log, tables=self._tools.tables)
