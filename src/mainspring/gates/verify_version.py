"""Read all that is on file about a model version, and verify that it may serve."""

from collections.abc import Sequence
from dataclasses import replace

from mainspring.datasets.card import TrainingSetCard
from mainspring.elements.identity import Digest, digest_of
from mainspring.elements.stored import parse_stored
from mainspring.elements.time import Micros
from mainspring.gates.attest import read_envelopes
from mainspring.gates.attestation import APPROVAL, gate_predicate
from mainspring.gates.policy import TrustPolicy
from mainspring.gates.verify import (
    OLDEST_BINDING_FORMAT,
    ChainItem,
    ChainReport,
    signed_gates,
    verify_chain,
)
from mainspring.ports.objects import ObjectReader
from mainspring.ports.signer import Verifier
from mainspring.ports.state import StateReader
from mainspring.registry.read import read_artifact, read_object
from mainspring.registry.version import ModelVersion

__all__ = ["verify_version"]


def verify_version(
    version: ModelVersion,
    policy_fingerprint: Digest,
    *,
    environment: str,
    policy: TrustPolicy,
    state: StateReader,
    objects: ObjectReader,
    verifier: Verifier,
    now: Micros,
    asset: str = "",
    gates: Sequence[str] = (),
) -> ChainReport:
    """How every statement that the version needs to serve stands.  The bytes that would serve are
    digested here, and not believed.

    Args:
        policy_fingerprint: of the model, as the environment that is to serve it holds it.
        policy: whom that environment trusts, and what it requires.
        asset: the model that it is to serve as, by its first name; empty for the name that it was
            trained under.
        gates: what its policy is known to ask for; what testers have signed of that comes on top.

    Raises: ArtifactChanged REG-002 when the artifact's bytes were changed, ObjectMissing ENG-002
        when they are gone, UnreadableAttestation GAT-007 when a statement cannot be read.
    """
    artifact = digest_of(read_artifact(objects, version).payload)
    envelopes = read_envelopes(state, objects, environment=environment, version=version.digest)
    signed = signed_gates(
        envelopes, policy=policy_fingerprint, trust=policy.trust, verifier=verifier
    )
    required = [gate_predicate(gate) for gate in sorted({*signed, *gates})] + (
        [APPROVAL] if "approval" in policy.requires else []
    )
    chain = verify_chain(
        version,
        artifact,
        envelopes,
        environment=environment,
        policy_fingerprint=policy_fingerprint,
        required=required,
        trust=policy.trust,
        verifier=verifier,
        now=now,
        oldest_format=OLDEST_BINDING_FORMAT if policy.protected else 1,
        asset=asset,
    )
    unknown_time = _without_time(version, objects) if policy.refuses_timeless else ()
    return replace(chain, items=(*unknown_time, *chain.items))


def _without_time(version: ModelVersion, objects: ObjectReader) -> tuple[ChainItem, ...]:
    """What an environment that asks for event times finds wrong with a version; its card is part of
    what is signed.
    """
    card = parse_stored(read_object(objects, version, "card"), TrainingSetCard)
    if not card.without_time:
        return ()
    reason = (
        f"{', '.join(card.without_time)} without event times, so leakage cannot be excluded; "
        "allow_timeless = true in the environment's settings accepts that"
    )
    return (ChainItem("time", "failed", reason),)
