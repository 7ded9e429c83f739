"""Which features a caller asks for: views and on-demand views, feature sets, or `view:feature`."""

from collections.abc import Callable, Sequence
from itertools import chain
from typing import NamedTuple

from mainspring.elements.declaration import names_of
from mainspring.features.errors import FeatureNamedTwice, FeatureUnknown
from mainspring.features.on_demand import CompiledOnDemandView
from mainspring.features.spec import FeatureSet, FeatureView, OnDemandFeatureView
from mainspring.features.view import CompiledView

__all__ = ["AnyView", "FeatureReference", "RequestedView", "parse_requested", "views_in"]

FeatureReference = str | FeatureView | OnDemandFeatureView | FeatureSet
"""The name of a view or of a feature set, its declaration, or `view:feature` for one of its
features.
"""

AnyView = CompiledView | CompiledOnDemandView


class RequestedView(NamedTuple):
    """A view, and those of its features that are asked for."""

    view: AnyView
    columns: tuple[str, ...]


def parse_requested(
    features: Sequence[FeatureReference] | FeatureReference,
    views_of: Callable[[str], Sequence[RequestedView]],
) -> list[RequestedView]:
    """The views of these features, each once, in the order in which they are first named.

    Args:
        views_of: gives by its name a view, or the views of a feature set.

    Raises: NotAName PRJ-080, FeatureUnknown FEA-074 for a feature that its view does not have,
        FeatureNamedTwice FEA-012 for a name that is asked for twice.
    """
    found: dict[str, RequestedView] = {}
    givers: dict[str, str] = {}
    named = (_views_named(reference, views_of) for reference in names_of(features, "view"))
    for view, columns in chain.from_iterable(named):
        own = view.view.name
        for one in columns:
            if one in givers:
                raise FeatureNamedTwice(views=f"{givers[one]} and {own}", feature=one)
            givers[one] = own
        before = found[own].columns if own in found else ()
        found[own] = RequestedView(view, (*before, *columns))
    return list(found.values())


def _views_named(
    reference: str, views_of: Callable[[str], Sequence[RequestedView]]
) -> Sequence[RequestedView]:
    name, _, column = reference.partition(":")
    views = views_of(name)
    return _narrowed(views, column, reference) if column else views


def _narrowed(
    views: Sequence[RequestedView], column: str, reference: str
) -> Sequence[RequestedView]:
    """The one view that has a column, with that one.  Raises: FeatureUnknown FEA-074."""
    found = [RequestedView(each.view, (column,)) for each in views if column in each.columns]
    if not found:
        known = ", ".join(name for each in views for name in each.columns)
        raise FeatureUnknown(reference=reference, known=known)
    return found


def views_in(requested: Sequence[RequestedView]) -> list[CompiledView]:
    """The feature views among them, which need keys; on-demand views need the request alone."""
    return [each.view for each in requested if isinstance(each.view, CompiledView)]
