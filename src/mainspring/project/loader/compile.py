"""Compile a declared view, for whoever asks about one that no environment holds yet."""

from mainspring.features.spec import FeatureView
from mainspring.features.view import CompiledView
from mainspring.project.kinds.definition import compile_asset_view
from mainspring.project.loader.load import Project

__all__ = ["compile_declared"]


def compile_declared(project: Project, view: FeatureView, *, partitions: int = 1) -> CompiledView:
    """A declared view, and the views that it looks keys up in, ready to compute.

    Args:
        partitions: into how many parts their online state is divided, in the environment that they
            are read in.
    """
    assets = project.graph.assets
    return compile_asset_view(view, project.schemas, assets, partitions=partitions)
