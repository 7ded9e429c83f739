"""A repository of models that are each one file: loaded when the server starts, and again when a
request says so.
"""

from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import NamedTuple

from mainspring.elements.errors import MainspringError
from mainspring.serving.protocol.errors import ModelNotLoaded, ModelNotManaged, UnknownModel
from mainspring.serving.protocol.model import ProtocolModel
from mainspring.serving.protocol.repository import RepositoryEntry

__all__ = ["FileModels"]


class _Held(NamedTuple):
    """What the server has of a name.

    Args:
        model: None while it is unloaded.
        reason: why it is, or why the last load failed.
    """

    model: ProtocolModel | None
    reason: str = ""


class FileModels:
    """Models by name; what answers goes on answering while it is loaded anew.

    Args:
        load: reads and opens each model as it is now.
        unmanaged: why requests may not load and unload; empty where they may.

    Raises: what a loader raises; a server begins with all its models or not at all.
    """

    def __init__(
        self, load: Mapping[str, Callable[[], ProtocolModel]], *, unmanaged: str = ""
    ) -> None:
        self._load, self._unmanaged, self._lock = load, unmanaged, Lock()
        self._held = {name: _Held(read()) for name, read in load.items()}

    @property
    def models(self) -> Sequence[ProtocolModel]:
        """Those that answer now."""
        return [held.model for held in self._held.values() if held.model is not None]

    @property
    def names(self) -> Sequence[str]:
        """Those that the server was started with, loaded or not."""
        return list(self._load)

    @property
    def reasons(self) -> Sequence[str]:
        """Of each model that does not answer, why."""
        missing = {name: held for name, held in self._held.items() if held.model is None}
        return [f"model {name}: {held.reason}" for name, held in missing.items()]

    def find(self, name: str, version: str, *, revision: str) -> ProtocolModel:
        """The model of this name.  Raises: UnknownModel SRV-091, ModelNotLoaded SRV-092."""
        held = self._known(name)
        if held.model is None:
            raise ModelNotLoaded(model=name, reason=held.reason)
        for asked, said in ((version, "version"), (revision, "revision")):
            if asked not in ("", held.model.version):
                asks = f" of {said} {asked!r}"
                raise UnknownModel(model=name, version=asks, known=held.model.version)
        return held.model

    def versions(self, name: str) -> Sequence[str]:
        """The one that is loaded, by the digest of its file."""
        held = self._known(name)
        return [held.model.version] if held.model else []

    def index(self) -> Sequence[RepositoryEntry]:
        """Every name that the server was started with."""
        return [
            RepositoryEntry(name, held.model.version, "READY", held.reason)
            if held.model
            else RepositoryEntry(name, "", "UNAVAILABLE", held.reason)
            for name, held in sorted(self._held.items())
        ]

    def load(self, name: str) -> None:
        """Read the file again.  A file that is no model changes nothing but the reason in the
        index.

        Raises: UnknownModel SRV-091, ModelNotManaged SRV-095, and what the loader raises.
        """
        self._require_managed(name, "loaded")
        with self._lock:
            try:
                self._held[name] = _Held(self._load[name]())
            except MainspringError as error:
                reason = f"the last load failed: {error.code} {error.message}"
                self._held[name] = _Held(self._held[name].model, reason)
                raise

    def unload(self, name: str) -> None:
        """Answer for it no longer, until it is loaded.  Raises: as `load`."""
        self._require_managed(name, "unloaded")
        with self._lock:
            self._held[name] = _Held(None, "unloaded by a request")

    def _known(self, name: str) -> _Held:
        held = self._held.get(name)
        if held is None:
            raise UnknownModel(model=name, version="", known=", ".join(self._held))
        return held

    def _require_managed(self, name: str, act: str) -> None:
        self._known(name)
        if self._unmanaged:
            raise ModelNotManaged(model=name, act=act, reason=self._unmanaged)
