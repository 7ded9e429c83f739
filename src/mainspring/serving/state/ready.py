"""Put a map in place only when the state of its views has been built: until then the one before
answers.

Most maps never wait, for `apply` builds state before it moves the map.  One does after a promotion
into an environment that divides its state otherwise, or keeps it in another store: there the
consumers build it once they see the map.
"""

from collections.abc import Callable, Mapping, Sequence

from mainspring.features.state.stream import shards_of
from mainspring.features.view import CompiledView
from mainspring.ports.log import LogReader
from mainspring.ports.online import OnlineReader
from mainspring.serving.host import ServedEnvironment
from mainspring.serving.state.views import ServedViews
from mainspring.sources.topic import topic_of

__all__ = ["MaterializedLoader"]

_NOT_BEGUN = -1


class MaterializedLoader:
    """Loads maps as `load` does, each when it can be answered from.

    Args:
        kept: the views of the map that stands in the state, and of those before it.
    """

    def __init__(
        self,
        load: Callable[[ServedEnvironment], ServedEnvironment],
        kept: ServedViews,
        *,
        log: LogReader,
        online: OnlineReader,
    ) -> None:
        self._load, self._kept, self._log, self._online = load, kept, log, online
        self._views: Sequence[CompiledView] = ()
        self._floor: Mapping[str, int] | None = None

    def load(self, served: ServedEnvironment) -> ServedEnvironment:
        """The map as it stands now, or what is in place while state is being built; with nothing in
        place nothing is waited for.
        """
        views = self._kept.read()
        if views is not self._views and served.version >= 0 and not self._are_ready(views):
            return served
        self._views, self._floor = views, None
        return self._load(served)

    def _are_ready(self, views: Sequence[CompiledView]) -> bool:
        """Whether all have reached what the furthest of them had when this map was first seen, or
        what the log held where none had begun.
        """
        reached = [
            (topic, offset) for view in views for topic, offset in self._reached(view).items()
        ]
        if self._floor is None:
            self._floor = {
                topic: offset if offset > 0 else self._log.head(topic)
                for topic, offset in sorted(reached)
            }
        return all(
            offset > _NOT_BEGUN and offset >= self._floor.get(topic, 0) for topic, offset in reached
        )

    def _reached(self, view: CompiledView) -> dict[str, int]:
        """How far all partitions of a view have folded each topic."""
        positions = [self._online.read(shard, [])[0] for shard in shards_of(view)]
        topics = [topic_of(source.stream) for source in view.view.sources]
        return {
            topic: min(
                _NOT_BEGUN if position is None else position.offset(topic) for position in positions
            )
            for topic in topics
        }
