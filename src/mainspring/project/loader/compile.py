"""Compile what is declared, for whoever asks about what no environment holds yet."""

from collections.abc import Callable
from dataclasses import dataclass

from mainspring.features.on_demand import CompiledOnDemandView
from mainspring.features.spec import FeatureSet, FeatureView
from mainspring.features.view import CompiledView
from mainspring.project.kinds.definition import compile_asset_view
from mainspring.project.loader.load import Project
from mainspring.sources.compiled import CompiledSource

__all__ = [
    "ProjectFeatures",
    "compile_declared",
    "compile_declared_on_demand",
    "compile_declared_sources",
    "compile_declared_views",
]


@dataclass(frozen=True, eq=False)
class ProjectFeatures:
    """What a project declares of features, compiled when it is asked for.

    Args:
        load: gives the project; None where it does not load, and then it declares nothing.
        partitions: into how many parts online state is divided, where it is read.
    """

    load: Callable[[], Project | None]
    partitions: int

    def views(self) -> dict[str, CompiledView]:
        """The feature views by name, in the order of declaration."""
        project = self.load()
        return compile_declared_views(project, partitions=self.partitions) if project else {}

    def on_demand(self) -> dict[str, CompiledOnDemandView]:
        """The on-demand views."""
        project = self.load()
        return compile_declared_on_demand(project) if project else {}

    def feature_sets(self) -> dict[str, FeatureSet]:
        """The feature sets."""
        project = self.load()
        return {each.name: each for each in project.declarations.feature_sets} if project else {}


def compile_declared(project: Project, view: FeatureView, *, partitions: int = 1) -> CompiledView:
    """A declared view, and the views that it looks keys up in, ready to compute.

    Args:
        partitions: into how many parts their online state is divided, in the environment that they
            are read in.
    """
    assets = project.graph.assets
    return compile_asset_view(view, project.schemas, assets, partitions=partitions)


def compile_declared_sources(project: Project) -> dict[str, CompiledSource]:
    """Every declared source, ready to take rows in, by name in the order of declaration."""
    return {
        source.name: CompiledSource(source, project.schemas[source.name])
        for source in project.declarations.sources
    }


def compile_declared_views(project: Project, *, partitions: int = 1) -> dict[str, CompiledView]:
    """Every declared view, ready to compute, by name in the order of declaration."""
    return {
        view.name: compile_declared(project, view, partitions=partitions)
        for view in project.declarations.views
    }


def compile_declared_on_demand(project: Project) -> dict[str, CompiledOnDemandView]:
    """Every declared on-demand view, by name in the order of declaration, with the types that the
    declared training sets have.
    """
    return {
        view.name: CompiledOnDemandView.of(
            view,
            [
                project.schemas[training_set.spine.name].select(training_set.request)
                for training_set in project.declarations.training_sets
                if any(used is view for used in training_set.on_demand)
            ],
        )
        for view in project.declarations.on_demand_views
    }
