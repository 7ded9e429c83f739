"""Does a chain of attestations prove that a version may serve?  Pure: the loader gives what it
read, the keys that it trusts, and the time.

Everything that is wrong is told at once.  A statement counts only if its signature is by a key
trusted for its role, and if it speaks of this version, these bytes, this policy, this environment
and this day; among those that do, the newest of each type decides.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal as OneOf

from mainspring.elements.identity import Digest, short
from mainspring.elements.time import Micros, format_instant
from mainspring.gates.attestation import (
    APPROVAL,
    PAYLOAD_TYPE,
    STATEMENT_TYPE,
    Envelope,
    Predicate,
    Statement,
    parse_statement,
    role_for,
    subjects_of,
)
from mainspring.gates.errors import UnprovenVersion, UnreadableAttestation
from mainspring.gates.spec import GATES_OF_EVERY_MODEL
from mainspring.ports.signer import PublicKey, Verifier
from mainspring.registry.version import ModelVersion

__all__ = ["ChainItem", "ChainReport", "signed_gates", "verify_chain"]

Standing = OneOf["proven", "missing", "stale", "failed", "untrusted"]
# From the most to the least that a statement could be worth, so that the best one on file speaks
# for its type.
_WORTH: tuple[Standing, ...] = ("failed", "proven", "stale", "untrusted")


@dataclass(frozen=True)
class ChainItem:
    """How one required statement stands, and why; `actor` is who made it."""

    predicate_type: str
    standing: Standing
    reason: str = ""
    actor: str = ""

    def __str__(self) -> str:
        return (
            f"{self.predicate_type.removeprefix('mainspring/').removesuffix('/v1')} {self.standing}"
            + (f" ({self.reason})" if self.reason else "")
        )


@dataclass(frozen=True)
class ChainReport:
    """How every required statement about a version stands in an environment."""

    version: str
    environment: str
    items: tuple[ChainItem, ...]

    @property
    def faults(self) -> tuple[ChainItem, ...]:
        """What is not proven."""
        return tuple(item for item in self.items if item.standing != "proven")

    @property
    def is_proven(self) -> bool:
        """Whether the version may serve there."""
        return not self.faults

    def require(self) -> None:
        """Return, or raise GAT-006 with everything that is missing, stale, failed or untrusted."""
        if self.faults:
            raise UnprovenVersion(
                version=self.version,
                environment=self.environment,
                faults="; ".join(map(str, self.faults)),
            )


@dataclass(frozen=True)
class _Question:
    """What a statement must speak of to count."""

    version: ModelVersion
    artifact: Digest
    environment: str
    policy: Digest
    now: Micros


def verify_chain(
    version: ModelVersion,
    artifact: Digest,
    envelopes: Sequence[Envelope],
    *,
    environment: str,
    policy_fingerprint: Digest,
    required: Sequence[str],
    trust: Mapping[str, Sequence[PublicKey]],
    verifier: Verifier,
    now: Micros,
) -> ChainReport:
    """How each required statement stands.

    Args:
        artifact: the digest of the bytes that would serve, as computed from them.
        required: predicate types: `gate_predicate(name)` of each gate, and `APPROVAL` where one is
            asked for.
        trust: for each role the keys that this environment accepts.
    """
    question = _Question(version, artifact, environment, policy_fingerprint, now)
    judged = [_weigh(envelope, question, trust=trust, verifier=verifier) for envelope in envelopes]
    items = [_best(predicate_type, judged) for predicate_type in required]
    return ChainReport(version.label, environment, (*_iter_forged(version, artifact), *items))


def signed_gates(
    envelopes: Sequence[Envelope],
    *,
    policy: Digest,
    trust: Mapping[str, Sequence[PublicKey]],
    verifier: Verifier,
) -> tuple[str, ...]:
    """The gates that a policy asks for, as trusted testers have signed it, sorted; always those
    that every model has.

    A statement lists all gates of its policy, so that dropping the envelope of one gate does not
    drop the question.
    """
    asked = {gate.name for gate in GATES_OF_EVERY_MODEL}
    for envelope in envelopes:
        if _is_signed(envelope, trust.get("tester", ()), verifier):
            predicate = parse_statement(envelope.payload).predicate
            asked.update(predicate.asked if predicate.policy == policy else ())
    return tuple(sorted(asked))


def _iter_forged(version: ModelVersion, artifact: Digest) -> Iterator[ChainItem]:
    """What is wrong with the version itself, before anybody speaks about it."""
    if not version.is_intact:
        yield ChainItem(
            "version",
            "untrusted",
            f"its record has the digest {short(version.digest_of_manifest)}, not "
            f"{short(version.digest)}",
        )
    if artifact != version.artifact:
        yield ChainItem(
            "artifact",
            "untrusted",
            f"its bytes have the digest {short(artifact)}, not {short(version.artifact)}",
        )


def _best(predicate_type: str, judged: Sequence[tuple[Micros, ChainItem]]) -> ChainItem:
    """The item that speaks for a type: what counts goes before what does not, and then the
    newest.
    """
    candidates = [(at, item) for at, item in judged if item.predicate_type == predicate_type]
    if not candidates:
        return ChainItem(predicate_type, "missing")
    counting = [(at, item) for at, item in candidates if item.standing in ("proven", "failed")]
    return max(
        counting or candidates,
        key=lambda candidate: (candidate[0], -_WORTH.index(candidate[1].standing)),
    )[1]


def _weigh(
    envelope: Envelope,
    question: _Question,
    *,
    trust: Mapping[str, Sequence[PublicKey]],
    verifier: Verifier,
) -> tuple[Micros, ChainItem]:
    """When a statement was issued and how it stands.  Of one that cannot be trusted only the type
    that it claims is taken, to say what is wrong with it.
    """
    try:
        statement = parse_statement(envelope.payload)
    except UnreadableAttestation as error:
        return 0, ChainItem("", "untrusted", error.reason)
    predicate, kind = statement.predicate, statement.predicate_type
    if not _is_signed(envelope, trust.get(role_for(kind), ()), verifier):
        return 0, ChainItem(
            kind, "untrusted", f"no valid signature by a key accepted for {role_for(kind)}s"
        )
    if fault := _distrust(statement, question):
        return 0, ChainItem(kind, "untrusted", fault, predicate.actor)
    if fault := _staleness(predicate, question):
        return predicate.issued_at, ChainItem(kind, "stale", fault, predicate.actor)
    if not predicate.passed:
        return predicate.issued_at, ChainItem(kind, "failed", predicate.summary, predicate.actor)
    return predicate.issued_at, ChainItem(kind, "proven", "", predicate.actor)


def _is_signed(envelope: Envelope, keys: Sequence[PublicKey], verifier: Verifier) -> bool:
    return envelope.payload_type == PAYLOAD_TYPE and any(
        verifier.is_valid(envelope.message, signature, keys) for signature in envelope.signatures
    )


def _distrust(statement: Statement, question: _Question) -> str:
    """Why a well-signed statement is none of what it claims to be, or nothing."""
    predicate, version = statement.predicate, question.version
    if statement.type != STATEMENT_TYPE or predicate.role != role_for(statement.predicate_type):
        return "its type or role is not what it claims"
    named = {tuple(sorted(subject.digest.items())) for subject in statement.subject}
    expected = {
        tuple(sorted(subject.digest.items()))
        for subject in subjects_of("", version=version.digest, artifact=question.artifact)
    }
    if named != expected or (predicate.version, predicate.artifact) != (
        version.digest,
        question.artifact,
    ):
        return "it speaks of another version or of other bytes"
    if statement.predicate_type == APPROVAL and (
        predicate.actor == version.author or not predicate.actor.startswith("person:")
    ):
        return f"{predicate.actor} cannot approve it"
    return ""


def _staleness(predicate: Predicate, question: _Question) -> str:
    """Why a trusted statement does not count any more, or here; or nothing."""
    if predicate.environment != question.environment:
        return f"made for {predicate.environment}"
    if predicate.policy != question.policy:
        return "the policy has changed since"
    if (
        predicate.fingerprint != question.version.fingerprint
        or predicate.evaluation != question.version.predictions
    ):
        return "made of another build or on other rows"
    if predicate.expires_at is not None and predicate.expires_at <= question.now:
        return f"expired {format_instant(predicate.expires_at)}"
    return ""
