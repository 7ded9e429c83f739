"""One endpoint as it answers now, and which of its revisions answers a request."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from mainspring.elements.errors import MainspringError
from mainspring.serving.errors import NotServing, UnknownRevision
from mainspring.serving.inference.policy import LogPolicy
from mainspring.serving.predict import ServedModel
from mainspring.serving.rollouts.share import takes_share
from mainspring.serving.rollouts.state import EndpointRevision, EndpointRollout
from mainspring.serving.spec import Rollout

__all__ = ["Chosen", "ServedEndpoint", "require_placed"]


class Chosen(NamedTuple):
    """The revision that answers, and its model."""

    revision: str
    model: ServedModel


@dataclass(frozen=True, eq=False, kw_only=True)
class ServedEndpoint:
    """One endpoint as it answers now.

    Args:
        current: the model that the map names; None when none may answer.
        revision: what it is called, with the endpoint's definition; None where nobody asks.
        previous: the model in charge, while `current` does not answer all.
        in_charge: the revision of `previous`.
        share: per cent of the requests that `current` answers beside `previous`.
        rollout: how `current` is to take over; None: at once.
        stands: the roll-out as it is on record; None where none is.
        sticky: the columns that name the entities of a request.
        refusal: why the loader did not take what the map points at; empty when it did.
        unplaced: the same as an error, where the model cannot compute as declared.
        log: how its predictions are logged.
    """

    name: str
    topic: str
    current: ServedModel | None
    revision: EndpointRevision | None = None
    previous: ServedModel | None = None
    in_charge: str = ""
    share: int = 100
    rollout: Rollout | None = None
    stands: EndpointRollout | None = None
    sticky: tuple[str, ...] = ()
    refusal: str = ""
    unplaced: MainspringError | None = None
    log: LogPolicy = field(default_factory=LogPolicy)

    @property
    def revision_name(self) -> str:
        """What `current` is called; empty where it has no name."""
        return self.revision.name if self.revision else ""

    @property
    def is_shadowed(self) -> bool:
        """Whether `current` is asked behind the caller's back."""
        return (
            self.previous is not None
            and self.stands is not None
            and self.stands.kind == "Shadow"
            and self.stands.candidate is not None
        )

    def require_model(self) -> ServedModel:
        """The model that the map names.  Raises: NotServing SRV-003 when there is none, and SRV-120
        to SRV-122 where that is because none can compute as declared.
        """
        if self.current is not None:
            return self.current
        if self.unplaced is not None:
            # A copy: one that is raised again and again would gather the traces of all.
            raise replace(self.unplaced)
        raise NotServing(endpoint=self.name, reason=self.refusal)

    def choose(self, key: str, asked: str = "") -> Chosen:
        """The revision that answers for this key, or that is asked for by name.

        Raises: as `require_model`; UnknownRevision SRV-070.
        """
        current = self.require_model()
        candidate = Chosen(self.revision_name, current)
        stable = candidate if self.previous is None else Chosen(self.in_charge, self.previous)
        if asked:
            return self._named(asked, stable, candidate)
        return candidate if takes_share(key, self.share, salt=candidate.revision) else stable

    def _named(self, asked: str, stable: Chosen, candidate: Chosen) -> Chosen:
        for name, chosen in (
            (stable.revision, stable),
            (candidate.revision, candidate),
            (stable.model.label, stable),
            (candidate.model.label, candidate),
            ("stable", stable),
            ("candidate", candidate),
        ):
            if name == asked and (name != "candidate" or self.previous is not None):
                return chosen
        known = ", ".join(dict.fromkeys((stable.revision, candidate.revision)))
        raise UnknownRevision(endpoint=self.name, revision=asked, known=known)

    def key_of(self, row: Mapping[str, object]) -> str:
        """What names the entities of a row; empty where it names none."""
        return "\x1f".join(f"{name}={row[name]}" for name in self.sticky if name in row)


def require_placed(endpoints: Collection[ServedEndpoint]) -> None:
    """Return where some endpoint has a model, or none for another reason than where it computes.

    While one answers, those that cannot are refused by themselves: a model that is deployed to the
    wrong place must not keep a server of others from starting again.

    Raises: SRV-120 to SRV-122.
    """
    if any(endpoint.current is not None for endpoint in endpoints):
        return
    for endpoint in endpoints:
        if endpoint.unplaced is not None:
            endpoint.require_model()
