"""The models that a server has open, each opened once and warmed up before it answers."""

from collections.abc import Collection

from mainspring.elements.identity import Digest
from mainspring.ports.models import ScorerLoader
from mainspring.ports.objects import ObjectReader
from mainspring.ports.placement import ON_CPU, Placement
from mainspring.registry.version import ModelVersion
from mainspring.serving.execution.warm_up import warm_up_scorer
from mainspring.serving.open import open_version
from mainspring.serving.predict import ServedModel

__all__ = ["OpenedModels"]


class OpenedModels:
    """Models by version, so that a map that was served before is served again at once.

    Args:
        partitions: into how many parts the online state of their views is divided.
        place: where they compute.
    """

    def __init__(
        self,
        objects: ObjectReader,
        scorers: ScorerLoader,
        *,
        partitions: int = 1,
        place: Placement = ON_CPU,
    ) -> None:
        self._objects, self._scorers = objects, scorers
        self._partitions, self._place = partitions, place
        self._by_version: dict[Digest, ServedModel] = {}

    def open(self, version: ModelVersion) -> ServedModel:
        """The version ready to answer.  Raises: what `open_version` raises; nothing of a version
        that raised is held.
        """
        if version.digest not in self._by_version:
            opened = open_version(
                version,
                objects=self._objects,
                scorers=self._scorers,
                partitions=self._partitions,
                place=self._place,
            )
            warm_up_scorer(opened.scorer, len(opened.encoding.columns))
            self._by_version[version.digest] = opened
        return self._by_version[version.digest]

    def forget_all_but(self, versions: Collection[Digest]) -> None:
        """Let go of all others, so that a server does not grow with every version."""
        self._by_version = {
            digest: model for digest, model in self._by_version.items() if digest in versions
        }
