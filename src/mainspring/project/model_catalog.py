"""The models of an environment as people ask about them: how good they are, what their fits logged,
and the models themselves, to score with.
"""

from collections.abc import Callable
from dataclasses import dataclass

from mainspring.elements.declaration import Named, name_of
from mainspring.govern.model_report import ModelReport, read_model_report
from mainspring.project.kinds.evaluation import Runtime
from mainspring.registry.environment import asset_names
from mainspring.registry.read import find_version, read_version
from mainspring.registry.read_environment import read_environment
from mainspring.registry.version import ModelVersion
from mainspring.serving.loaded_model import LoadedModel, load_model

__all__ = ["ModelCatalog"]


@dataclass(frozen=True, eq=False)
class ModelCatalog:
    """Looks at models and changes nothing.

    A model is named by its own name, for the version that the environment holds, or by a version:
    `late_arrival@v3`, or the beginning of its digest.

    Args:
        runtime: with the state that is proven of the environment.
        require_proven: raises for a version that may not be opened there.
    """

    runtime: Runtime
    environment: str
    require_proven: Callable[[ModelVersion], None]

    def version(self, name: str | Named) -> ModelVersion:
        """The version that is meant.  Raises: UnknownVersion REG-001, NotAName PRJ-080."""
        state, wanted = self.runtime.state, name_of(name, "model")
        held = read_environment(state, self.environment).pointers.get(f"model.{wanted}")
        return read_version(state, held.build_digest) if held else find_version(state, wanted)

    def report(self, name: str | Named) -> ModelReport:
        """Its metrics with intervals, parameters, logged metrics and files, and what its fit
        printed.  Raises: UnknownVersion REG-001.
        """
        state, objects = self.runtime.state, self.runtime.objects
        return read_model_report(self.version(name), state=state, objects=objects)

    def reports(self) -> list[ModelReport]:
        """The same of every model that the environment holds."""
        current = read_environment(self.runtime.state, self.environment)
        return [self.report(name) for name in asset_names(current, "model")]

    def load(self, name: str | Named) -> LoadedModel:
        """The model, ready to score; every part is checked against its digest.

        Raises: UnknownVersion REG-001, ArtifactChanged REG-002; ModelRefused SRV-002 in a protected
            environment for what it does not hold, or cannot prove.
        """
        objects, scorers, version = self.runtime.objects, self.runtime.scorers, self.version(name)
        self.require_proven(version)
        return load_model(version, objects=objects, scorers=scorers)
