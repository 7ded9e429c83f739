"""Resolve the names of views in feature sets: from here on a set holds declarations and no names,
and what no view has the name of is told with the other mistakes.
"""

from dataclasses import replace

from mainspring.features.spec import FeatureSelection, FeatureView, OnDemandFeatureView
from mainspring.project.loader.bind import Exchange
from mainspring.project.loader.declarations import Declarations

__all__ = ["resolve_feature_sets"]


def resolve_feature_sets(declarations: Declarations) -> Declarations:
    """The declarations, each view that a feature set names in place of its name."""
    views: dict[str, FeatureView | OnDemandFeatureView] = {
        **{view.name: view for view in declarations.on_demand_views},
        **{view.name: view for view in declarations.views},
    }

    if not declarations.feature_sets:
        return declarations

    def resolved(selection: FeatureSelection) -> FeatureSelection:
        return replace(selection, view=views.get(selection.view_name, selection.view))

    exchange = Exchange(FeatureSelection, resolved)
    return replace(declarations, assets=tuple(map(exchange.bound, declarations.assets)))
