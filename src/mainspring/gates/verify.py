"""Does a chain of attestations prove that a version may serve?  Pure: the loader gives what it
read, the keys that it trusts, and the time.

Everything that is wrong is told at once.  A statement counts only if its signature is by a key
trusted for its role, and if it speaks of this version, these bytes, this policy, this environment
and this day; among those that do, the newest of each type decides.

A comparison says something about one champion only: having lost to another one later, when somebody
tried to promote it again, does not unsay that a version was better than the one it replaced, or a
rollback to it would find it refused.  So of comparisons the newest for each champion count, and one
that is passed is enough.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal as OneOf

from msgspec import UNSET

from mainspring.elements.errors import NewerFormat
from mainspring.elements.identity import Digest, short
from mainspring.elements.time import Micros, format_instant
from mainspring.gates.attestation import (
    PAYLOAD_TYPE,
    STATEMENT_TYPE,
    Envelope,
    Statement,
    claimed_type,
    format_of_statement,
    is_comparison,
    parse_statement,
    role_for,
    statement_name,
    subjects_of,
)
from mainspring.gates.errors import UnprovenVersion, UnreadableAttestation
from mainspring.ports.signer import PublicKey, Verifier
from mainspring.registry.version import ModelVersion

__all__ = [
    "OLDEST_BINDING_FORMAT",
    "ChainItem",
    "ChainReport",
    "compared_champion",
    "signed_gates",
    "verify_chain",
]

OLDEST_BINDING_FORMAT = 2
"""The oldest format of statements that bind all that a verdict must be bound to.  Raised together
with `STATEMENT_FORMAT` where a new field binds something: older statements then prove nothing in a
protected environment, until `mainspring gates renew` has signed new ones.
"""

Standing = OneOf["proven", "missing", "stale", "failed", "untrusted"]
# From the most to the least that a statement could be worth, so that the best one on file speaks
# for its type.
_WORTH: tuple[Standing, ...] = ("failed", "proven", "stale", "untrusted")

_ALWAYS = ("no_leakage", "parity")
"""The gates that every release has judged.  What a later one judges of every model besides is in
the list of each of its statements; asked of older statements, it would refuse what they prove.
"""


@dataclass(frozen=True)
class ChainItem:
    """How one required statement stands, and why; `actor` is who made it, and until `expires_at` it
    counts.
    """

    predicate_type: str
    standing: Standing
    reason: str = ""
    actor: str = ""
    expires_at: Micros | None = None

    def __str__(self) -> str:
        return (
            f"{statement_name(self.predicate_type).removeprefix('mainspring/')} {self.standing}"
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

    @property
    def expires_at(self) -> Micros | None:
        """When the first of its statements runs out; None where none does."""
        return min(
            (item.expires_at for item in self.items if item.expires_at is not None), default=None
        )

    def require(self) -> None:
        """Return, or raise GAT-006 with everything that is missing, stale, failed or untrusted."""
        if self.faults:
            raise UnprovenVersion(
                version=self.version,
                environment=self.environment,
                faults="; ".join(map(str, self.faults)),
            )


@dataclass(frozen=True)
class _Weighed:
    """How a statement stands, when it was issued, and the champion that it speaks of."""

    item: ChainItem
    at: Micros = 0
    champion: str = ""

    @property
    def counts(self) -> bool:
        """Whether it says yes or no, and not nothing."""
        return self.item.standing in ("proven", "failed")


@dataclass(frozen=True)
class _Question:
    """What a statement must speak of to count."""

    version: ModelVersion
    artifact: Digest
    environment: str
    policy: Digest
    now: Micros
    oldest_format: int
    asset: str


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
    oldest_format: int = OLDEST_BINDING_FORMAT,
    asset: str = "",
) -> ChainReport:
    """How each required statement stands.

    Args:
        artifact: the digest of the bytes that would serve, as computed from them.
        required: predicate types: `gate_predicate(name)` of each gate, and `APPROVAL` where one is
            asked for.
        trust: for each role the keys that this environment accepts.
        oldest_format: of statements that count.
        asset: the model that it would serve as, by its first name; empty for the name that it was
            trained under.
    """
    served_as = asset or f"model.{version.model}"
    question = _Question(
        version, artifact, environment, policy_fingerprint, now, oldest_format, served_as
    )
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
    asked = set(_ALWAYS)
    for envelope in envelopes:
        if _is_signed(envelope, trust.get("tester", ()), verifier):
            predicate = parse_statement(envelope.payload).predicate
            asked.update(predicate.required_gates if predicate.policy == policy else ())
    return tuple(sorted(asked))


def compared_champion(
    envelopes: Sequence[Envelope],
    *,
    policy: Digest,
    trust: Mapping[str, Sequence[PublicKey]],
    verifier: Verifier,
) -> Digest | None:
    """The champion that trusted testers have last found a version better than under a policy; None
    where it was compared with the base rate, or with nothing.
    """
    won = [
        statement.predicate
        for envelope in envelopes
        if _is_signed(envelope, trust.get("tester", ()), verifier)
        and is_comparison((statement := parse_statement(envelope.payload)).predicate_type)
        and statement.predicate.policy == policy
        and statement.predicate.passed
    ]
    newest = max(won, key=lambda predicate: predicate.issued_at, default=None)
    return Digest(newest.champion) if newest and newest.champion else None


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


def _best(predicate_type: str, judged: Sequence[_Weighed]) -> ChainItem:
    """The item that speaks for a type: what counts goes before what does not, and then the
    newest.
    """
    name = statement_name(predicate_type)
    candidates = [each for each in judged if statement_name(each.item.predicate_type) == name]
    if not candidates:
        return ChainItem(predicate_type, "missing")
    counting = [each for each in candidates if each.counts]
    if is_comparison(predicate_type):
        newest = _newest_by_champion(counting)
        counting = [each for each in newest if each.item.standing == "proven"] or newest
    return _newest(counting or candidates).item


def _newest_by_champion(weighed: Sequence[_Weighed]) -> list[_Weighed]:
    champions = {each.champion for each in weighed}
    return [
        _newest([each for each in weighed if each.champion == champion]) for champion in champions
    ]


def _newest(weighed: Sequence[_Weighed]) -> _Weighed:
    return max(weighed, key=lambda each: (each.at, -_WORTH.index(each.item.standing)))


def _weigh(
    envelope: Envelope,
    question: _Question,
    *,
    trust: Mapping[str, Sequence[PublicKey]],
    verifier: Verifier,
) -> _Weighed:
    """How a statement stands.  Of one that cannot be trusted only the type that it claims is taken,
    to say what is wrong with it.
    """
    try:
        statement = parse_statement(envelope.payload)
    except UnreadableAttestation as error:
        return _Weighed(ChainItem("", "untrusted", error.reason))
    except NewerFormat as error:
        kind = claimed_type(envelope.payload)
        return _Weighed(ChainItem(kind, "untrusted", f"{error.message}: upgrade Mainspring"))
    predicate, kind = statement.predicate, statement.predicate_type
    if not _is_signed(envelope, trust.get(role_for(kind), ()), verifier):
        reason = f"no valid signature by a key accepted for {role_for(kind)}s"
        return _Weighed(ChainItem(kind, "untrusted", reason))
    if fault := _distrust(statement, question):
        return _Weighed(ChainItem(kind, "untrusted", fault, predicate.actor))
    return _Weighed(_standing_of(statement, question), predicate.issued_at, predicate.champion)


def _standing_of(statement: Statement, question: _Question) -> ChainItem:
    """How a statement that can be trusted stands."""
    predicate, kind = statement.predicate, statement.predicate_type
    if fault := _staleness(statement, question):
        return ChainItem(kind, "stale", fault, predicate.actor)
    if not predicate.passed:
        return ChainItem(kind, "failed", predicate.summary, predicate.actor)
    return ChainItem(kind, "proven", "", predicate.actor, predicate.expires_at)


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
    if predicate.record is not UNSET and predicate.record != version.digest_of_record:
        return "the record of the version was changed since: its author, place or time"
    if role_for(statement.predicate_type) == "approver" and (
        predicate.actor == version.author or not predicate.actor.startswith("person:")
    ):
        return f"{predicate.actor} cannot approve it"
    return ""


def _staleness(statement: Statement, question: _Question) -> str:
    """Why a trusted statement does not count any more, or here; or nothing."""
    predicate, found = statement.predicate, format_of_statement(statement.predicate_type)
    if found < question.oldest_format:
        return (
            f"signed in format {found}, which does not bind all that format "
            f"{question.oldest_format} does"
        )
    if predicate.asset is not UNSET and predicate.asset != question.asset:
        return f"made for {predicate.asset}, not for {question.asset}"
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
