"""Whom an environment trusts, and what it asks for before a model version may serve there."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mainspring.ports.signer import PublicKey

__all__ = ["TrustPolicy"]


@dataclass(frozen=True, kw_only=True)
class TrustPolicy:
    """What an environment asks of the model versions that serve in it.

    It comes from configuration, and never from the state database: whoever can write there must not
    be able to say whom to believe.

    Args:
        protected: only versions whose chain of attestations holds may serve.
        requires: types of attestation that a version needs, such as `gates` and `approval`.
        trust: the public keys that are accepted, by role: `tester`, `approver` and `releaser`.
        floors: the lowest sequence that is accepted: of `release` the version of the environment's
            map, of `model.NAME` (as it was first called) that of its policy.
        allow_timeless: whether a version may rest on sources without event times, for which leakage
            cannot be excluded.
    """

    protected: bool
    requires: tuple[str, ...] = ()
    trust: Mapping[str, tuple[PublicKey, ...]] = field(default_factory=dict)
    floors: Mapping[str, int] = field(default_factory=dict)
    allow_timeless: bool = False

    @property
    def releasers(self) -> tuple[PublicKey, ...]:
        """The keys that sign releases and policies; where no role `releaser` is listed those of the
        testers, since on one machine one key plays every role.
        """
        return self.trust["releaser"] if "releaser" in self.trust else self.trust.get("tester", ())

    @property
    def refuses_timeless(self) -> bool:
        """Whether no version may rest on a source without event times."""
        return self.protected and not self.allow_timeless
