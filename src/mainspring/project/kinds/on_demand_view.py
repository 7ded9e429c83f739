"""On-demand feature views: computed from the request alone, so their definition is all they are."""

from collections.abc import Mapping

from mainspring.features.spec import OnDemandFeatureView
from mainspring.project.kinds.asset import Asset, Declaration, FingerprintContext
from mainspring.project.kinds.kind import FeatureProof, Kind

__all__ = ["OnDemandFeatureViewKind"]


class OnDemandFeatureViewKind(Kind[OnDemandFeatureView]):
    """On-demand feature views.  Their columns are checked with the training sets that use them."""

    name, declares, is_built = "on_demand", OnDemandFeatureView, False

    def own(self, declaration: Declaration) -> OnDemandFeatureView:
        """The declaration, as an on-demand feature view."""
        assert isinstance(declaration, OnDemandFeatureView)
        return declaration

    def inputs(self, declaration: Declaration, context: FingerprintContext) -> Mapping[str, object]:
        """What expressions mean."""
        del declaration
        return {"semantics": context.semantics}

    def proof(self, asset: Asset) -> FeatureProof | None:
        """Features are expressions: proven."""
        names = tuple(name for name, _ in self.own(asset.declaration).features)
        return FeatureProof(asset=asset.name, proven=names, tested=())
