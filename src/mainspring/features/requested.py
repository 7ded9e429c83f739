"""Which features a caller asks for: whole views, on-demand views, or `view:feature`."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from mainspring.elements.declaration import names_of
from mainspring.features.errors import FeatureNamedTwice, FeatureUnknown
from mainspring.features.on_demand import CompiledOnDemandView
from mainspring.features.spec import FeatureView, OnDemandFeatureView
from mainspring.features.view import CompiledView

__all__ = ["AnyView", "FeatureReference", "RequestedView", "parse_requested", "views_in"]

FeatureReference = str | FeatureView | OnDemandFeatureView
"""The name of a view, its declaration, or `view:feature` for one of its features."""

AnyView = CompiledView | CompiledOnDemandView


class RequestedView(NamedTuple):
    """A view, and those of its features that are asked for."""

    view: AnyView
    columns: tuple[str, ...]


def parse_requested(
    features: Sequence[FeatureReference] | FeatureReference, view_of: Callable[[str], AnyView]
) -> list[RequestedView]:
    """The views of these features, each once, in the order in which they are first named.

    Args:
        view_of: gives a view or an on-demand view by its name.

    Raises: NotAName PRJ-080, FeatureUnknown FEA-074 for a feature that its view does not have,
        FeatureNamedTwice FEA-012 for a name that is asked for twice.
    """
    found: dict[str, RequestedView] = {}
    givers: dict[str, str] = {}
    for reference in names_of(features, "view"):
        name, _, column = reference.partition(":")
        view = found[name].view if name in found else view_of(name)
        if column and column not in view.column_names:
            raise FeatureUnknown(reference=f"{name}:{column}", known=", ".join(view.column_names))
        columns = (column,) if column else view.column_names
        for one in columns:
            if one in givers:
                raise FeatureNamedTwice(views=f"{givers[one]} and {name}", feature=one)
            givers[one] = name
        before = found[name].columns if name in found else ()
        found[name] = RequestedView(view, (*before, *columns))
    return list(found.values())


def views_in(requested: Sequence[RequestedView]) -> list[CompiledView]:
    """The feature views among them, which need keys; on-demand views need the request alone."""
    return [each.view for each in requested if isinstance(each.view, CompiledView)]
