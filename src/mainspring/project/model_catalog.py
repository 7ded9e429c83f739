"""The models of an environment as people ask about them: how good they are, what their fits logged,
and the models themselves, to score with.
"""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from mainspring.datasets.build import parse_training_rows
from mainspring.datasets.card import TrainingSetCard
from mainspring.datasets.encoding import encode_frame
from mainspring.elements.declaration import Named, name_of
from mainspring.elements.stored import parse_stored
from mainspring.govern.model_report import ModelReport, read_model_report
from mainspring.project.kinds.evaluation import Runtime
from mainspring.registry.card import render_card
from mainspring.registry.environment import asset_names
from mainspring.registry.read import find_version, read_object, read_version
from mainspring.registry.read_environment import read_definition, read_environment
from mainspring.registry.version import ModelVersion
from mainspring.serving.explained import OpenExplainer
from mainspring.serving.importance import GlobalImportance, global_importance
from mainspring.serving.loaded_model import LoadedModel, load_model
from mainspring.serving.tracing.attested import attested_lines

__all__ = ["ModelCatalog"]

_MANY_ROWS, _FEW_ROWS = 200, 20


@dataclass(frozen=True, eq=False)
class ModelCatalog:
    """Looks at models and changes nothing.

    A model is named by its own name, for the version that the environment holds, or by a version:
    `late_arrival@v3`, or the beginning of its digest.

    Args:
        runtime: with the state that is proven of the environment.
        require_proven: raises for a version that may not be opened there.
        explainer_of: what explains the answers of a version.
    """

    runtime: Runtime
    environment: str
    require_proven: Callable[[ModelVersion], None]
    explainer_of: OpenExplainer

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

    def card(self, name: str | Named) -> str:
        """Its model card, as Markdown: what it is for, its metrics, what was signed about it here,
        what its scores come from, what it learned from, and where.

        Raises: UnknownVersion REG-001, ArtifactChanged REG-002, ObjectMissing ENG-002.
        Cost: explains 200 test rows, 20 where that is done by permutation: half a second.
        """
        state, objects, version = self.runtime.state, self.runtime.objects, self.version(name)
        held = read_environment(state, self.environment)
        pointers = held.pointers.values()
        pointer = next((each for each in pointers if each.build_digest == version.digest), None)
        definition = read_definition(state, pointer) if pointer else None
        importance = self._importance(version)
        return render_card(
            version,
            parse_stored(read_object(objects, version, "card"), TrainingSetCard),
            description=definition.notes_or_none.description if definition else "",
            verdicts=attested_lines(
                version, self.environment, held.version, state=state, objects=objects
            ),
            importance=importance.sizes if importance else {},
            importance_of=_said_of(importance) if importance else "",
        )

    def _importance(self, version: ModelVersion) -> GlobalImportance | None:
        """None where there are no test rows."""
        objects = self.runtime.objects
        rows = parse_training_rows(read_object(objects, version, "training_set"))
        explainer = self.explainer_of(version.digest)
        most = _FEW_ROWS if explainer.method == "permutation" else _MANY_ROWS
        tested = rows.filter(pl.col("_split") == "test")
        drawn = tested.sample(min(most, tested.height), seed=version.seed)
        return (
            global_importance(explainer, encode_frame(drawn, explainer.encoding))
            if drawn.height
            else None
        )

    def load(self, name: str | Named) -> LoadedModel:
        """The model, ready to score; every part is checked against its digest.

        Raises: UnknownVersion REG-001, ArtifactChanged REG-002; ModelRefused SRV-002 in a protected
            environment for what it does not hold, or cannot prove.
        """
        objects, scorers, version = self.runtime.objects, self.runtime.scorers, self.version(name)
        self.require_proven(version)
        return load_model(version, objects=objects, scorers=scorers)


def _said_of(importance: GlobalImportance) -> str:
    exactly = "exactly" if importance.exact else "estimated"
    return (
        f"Over {importance.rows:,} test rows, by {importance.method} ({exactly}), on the scale of "
        "the raw score:"
    )
