"""Endpoints: a name that answers predictions of a model; the loader acts on what a map says."""

from collections.abc import Iterator

from mainspring.elements.errors import DeclarationError
from mainspring.project.faults.serving import endpoint_faults
from mainspring.project.kinds.asset import Declaration, FaultScope
from mainspring.project.kinds.kind import Kind
from mainspring.serving.spec import Endpoint

__all__ = ["EndpointKind"]


class EndpointKind(Kind[Endpoint]):
    """Endpoints.  Their name is part of a route, and has a rule of its own."""

    name, declares, is_built, has_plain_name = "endpoint", Endpoint, False, False

    def own(self, declaration: Declaration) -> Endpoint:
        """The declaration, as an endpoint."""
        assert isinstance(declaration, Endpoint)
        return declaration

    def parents(self, declaration: Declaration) -> tuple[Declaration, ...]:
        """Its model."""
        return (self.own(declaration).model,)

    def faults(self, declaration: Declaration, scope: FaultScope) -> Iterator[DeclarationError]:
        """A name that is no route, a roll-out that never ends, a model of another project."""
        yield from endpoint_faults(self.own(declaration), scope.root)
