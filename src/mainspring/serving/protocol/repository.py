"""Where the routes of the protocol find their models, and who may load them.

Source: Open Inference Protocol, model repository extension (`extension_model_repository.md`).
"""

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from mainspring.serving.protocol.model import ProtocolModel

__all__ = ["REVISION_HEADER", "ModelRepository", "RepositoryEntry"]

REVISION_HEADER: Final = "mainspring-revision"
"""Names, in lower case as calls have it, the revision that is to answer, past the shares of a
roll-out.
"""


class RepositoryEntry(NamedTuple):
    """A version in the index.

    Args:
        state: READY or UNAVAILABLE.
        reason: why it is not ready; empty otherwise.
    """

    name: str
    version: str
    state: str
    reason: str = ""


class ModelRepository(Protocol):
    """The models of one server.

    Guarantees: what is found goes on answering while it is replaced or unloaded.
    Errors: SRV-091 for a name or version that is not there (of an endpoint SRV-001), SRV-092 or
        SRV-003 for one that is not loaded, SRV-095 where requests load nothing.
    """

    def find(self, name: str, version: str, *, revision: str) -> ProtocolModel:
        """The model that answers the next request.

        Args:
            version: empty for the one in charge.
            revision: of its endpoint; empty for the one whose turn it is.
        """
        ...

    def versions(self, name: str) -> Sequence[str]:
        """Every version that may be asked for."""
        ...

    def index(self) -> Sequence[RepositoryEntry]:
        """Every version that the server knows, loaded or not, by name."""
        ...

    def load(self, name: str) -> None:
        """Load a model as it is now; the one before answers until it is there."""
        ...

    def unload(self, name: str) -> None:
        """Answer for a model no longer."""
        ...
