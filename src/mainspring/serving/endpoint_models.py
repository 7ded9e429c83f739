"""The models of an environment's endpoints, as the Open Inference Protocol asks for them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mainspring.serving.protocol.errors import ModelNotManaged, UnknownModel
from mainspring.serving.protocol.model import ProtocolModel, matrix_model
from mainspring.serving.protocol.repository import RepositoryEntry

if TYPE_CHECKING:
    # Importing the routes of the protocol must not take what computes features.
    from mainspring.serving.host import EndpointHost
    from mainspring.serving.predict import ServedModel
    from mainspring.serving.served_endpoint import ServedEndpoint

__all__ = ["EndpointModels"]


class EndpointModels:
    """An endpoint is a model by its name; its versions are those that answer now: the one in
    charge and, during a roll-out, the one before.  A version is asked for by its label
    (`late_arrival v3`) or its number (`3`).
    """

    def __init__(self, host: "EndpointHost") -> None:
        self._host = host

    def find(self, name: str, version: str, *, revision: str) -> ProtocolModel:
        """The model that answers the next request; a version that is asked for is past the shares
        of a roll-out.  Raises: UnknownEndpoint SRV-001, NotServing SRV-003, UnknownModel SRV-091.
        """
        if not version:
            return _as_protocol(name, self._host.choose(name, revision))
        endpoint = self._host.endpoint(name)
        endpoint.require_model()
        served = _serving(endpoint)
        for model in served:
            if version in (model.label, model.label.rpartition(" v")[2]):
                return _as_protocol(name, model)
        asked = f" of version {version!r}"
        known = ", ".join(model.label for model in served)
        raise UnknownModel(model=name, version=asked, known=known)

    def versions(self, name: str) -> Sequence[str]:
        """The labels of those that answer now."""
        return [model.label for model in _serving(self._host.endpoint(name))]

    def index(self) -> Sequence[RepositoryEntry]:
        """Of every endpoint what answers now; where nothing does, why."""
        entries = []
        for name, endpoint in sorted(self._host.served.endpoints.items()):
            ready = [RepositoryEntry(name, each.label, "READY") for each in _serving(endpoint)]
            refused = RepositoryEntry(name, "", "UNAVAILABLE", endpoint.refusal)
            entries += ready or [refused]
        return entries

    def load(self, name: str) -> None:
        """Raise ModelNotManaged SRV-095: which models an environment has is its map's matter."""
        self._refuse(name, "loaded")

    def unload(self, name: str) -> None:
        """Raise ModelNotManaged SRV-095, as `load`."""
        self._refuse(name, "unloaded")

    def _refuse(self, name: str, act: str) -> None:
        self._host.endpoint(name)
        reason = "it follows the environment"
        raise ModelNotManaged(model=name, act=act, reason=reason)


def _serving(endpoint: "ServedEndpoint") -> "list[ServedModel]":
    return [model for model in (endpoint.current, endpoint.previous) if model is not None]


def _as_protocol(name: str, model: "ServedModel") -> ProtocolModel:
    columns = model.encoding.column_names
    return matrix_model(name, model.label, model.scorer, columns, classes=model.classes)
