"""What goes wrong with a request through no fault of its caller."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import ServingError

__all__ = ["InternalFault"]


@dataclass(eq=False, kw_only=True)
class InternalFault(ServingError):
    """The server has a bug, which ended this request and no other.

    Its log has the trace under the id of the answer, and `mainspring_unhandled_errors_total` in
    `/metrics` counts it by its route.
    """

    code: ClassVar[str] = "SRV-047"
    template: ClassVar[str] = "the server failed on this request; its log says more under {id}"
    remedy: ClassVar[str] = "give the id to whoever runs the server"

    id: str
