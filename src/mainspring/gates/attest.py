"""Sign what was found, and keep it: verdicts by a tester's key, approvals by an approver's."""

from collections.abc import Sequence
from dataclasses import dataclass

from mainspring.elements.events import Actor, Event, ProjectName
from mainspring.elements.identity import Digest, digest_of_value
from mainspring.elements.stored import StoredRecord, parse_document, render_stored
from mainspring.elements.time import DAY, Micros
from mainspring.gates.attestation import (
    APPROVAL,
    PAYLOAD_TYPE,
    Envelope,
    Predicate,
    Statement,
    gate_predicate,
    parse_envelope,
    pre_authentication_encoding,
    render_envelope,
    render_statement,
    role_for,
    sealed,
    subjects_of,
)
from mainspring.gates.errors import NotAPerson, SelfApproval
from mainspring.gates.verdict import GateFinding, Verdict
from mainspring.ports.objects import ObjectReader, ObjectWriter
from mainspring.ports.signer import Signer
from mainspring.ports.state import Change, StateReader, StateWriter
from mainspring.registry.version import ModelVersion

__all__ = [
    "VALID_FOR",
    "AttestationBinding",
    "AttestationWriter",
    "FiledStatement",
    "read_envelopes",
    "sign_approval",
    "sign_verdicts",
]

VALID_FOR: Micros = 90 * DAY
"""How long a verdict counts: data and world move on, and a model that nobody has looked at for a
quarter is not proven any more.
"""


@dataclass(frozen=True, kw_only=True)
class AttestationBinding:
    """What a statement is bound to.

    Args:
        policy: the policy fingerprint of the model; `environment`: where it is to serve.
        required_gates: the names of all gates that the policy asks for, so that a loader without
            the project's code knows what must be proven.
        champion: the version that it was compared with, empty for none.
        valid_for: how long it counts, None for ever.
        asset: the model that the version is judged as, `model.` and its first name; empty for the
            name that it was trained under.
    """

    version: ModelVersion
    policy: Digest
    environment: str
    champion: str = ""
    required_gates: tuple[str, ...] = ()
    valid_for: Micros | None = VALID_FOR
    asset: str = ""


@dataclass(frozen=True, eq=False, kw_only=True)
class AttestationWriter:
    """Who signs, for which project, and where it is kept."""

    signer: Signer
    state: StateWriter
    objects: ObjectWriter
    project: ProjectName
    actor: Actor


class FiledStatement(StoredRecord, frozen=True, kw_only=True):
    """Document kind `attestation`, key `<environment>/<version digest>/<binding>/<predicate type>`:
    the newest envelope of that type and binding.

    The binding is a digest of policy, champion and signer.  With one envelope for each type alone,
    as release 0.1 filed them without a binding in the key, a promotion that was refused under
    another policy, or signed with a key that the environment does not trust, took the place of the
    statements that prove what serves there.
    """

    title = "the record of an attestation"
    document = "attestation"

    envelope: Digest
    passed: bool
    issued_at: Micros


def sign_verdicts(
    verdicts: Sequence[Verdict], binding: AttestationBinding, writer: AttestationWriter
) -> list[Envelope]:
    """Sign and file the verdicts, passed and failed alike, in one transaction with their events in
    the journal.

    Raises: KeyUnusable ENG-008 when the key cannot be used.
    """
    return _file(
        [(gate_predicate(verdict.gate), verdict, verdict.at) for verdict in verdicts],
        binding,
        writer,
        kind="gate.judged",
    )


def sign_approval(
    binding: AttestationBinding, writer: AttestationWriter, *, at: Micros, reason: str = ""
) -> Envelope:
    """Sign and file an approval in the name of a person who is not the version's author.

    Raises: SelfApproval GAT-004 for the author, NotAPerson GAT-005 for what is not a person,
        KeyUnusable ENG-008.
    """
    version = binding.version
    if not writer.actor.startswith("person:"):
        raise NotAPerson(version=version.label, actor=writer.actor)
    if writer.actor == version.author:
        raise SelfApproval(version=version.label, actor=writer.actor)
    finding = GateFinding(gate="approval", passed=True, summary=reason or "approved")
    return _file([(APPROVAL, finding, at)], binding, writer, kind="version.approved")[0]


def read_envelopes(
    state: StateReader, objects: ObjectReader, *, environment: str, version: Digest
) -> list[Envelope]:
    """The envelopes on file for a version in an environment, those of every policy, champion and
    signer; their signatures are not checked.

    Raises: UnreadableAttestation GAT-007 when one cannot be read; ObjectMissing ENG-002,
        ObjectDamaged ENG-003 when its object is gone or damaged.
    """
    documents = state.iter_documents("attestation", f"{environment}/{version}/")
    filed = [parse_document(document, FiledStatement) for document in documents]
    return [parse_envelope(objects.read(entry.envelope)) for entry in filed]


def _file(
    findings: Sequence[tuple[str, GateFinding, Micros]],
    binding: AttestationBinding,
    writer: AttestationWriter,
    *,
    kind: str,
) -> list[Envelope]:
    envelopes, changes, events = [], [], []
    slot = _slot(binding, writer)
    for predicate_type, finding, at in findings:
        envelope = _sign(predicate_type, finding, binding, writer=writer, at=at)
        filed = FiledStatement(
            envelope=writer.objects.write(render_envelope(envelope)),
            passed=finding.passed,
            issued_at=at,
        )
        envelopes.append(envelope)
        changes.append(
            Change(
                "attestation",
                f"{slot}/{predicate_type}",
                render_stored(filed),
            )
        )
        events.append(_event(kind, finding, binding, writer=writer, at=at))
    writer.state.commit(changes, events)
    return envelopes


def _slot(binding: AttestationBinding, writer: AttestationWriter) -> str:
    """Where statements of a binding are filed: a later one of the same takes the place of the
    earlier, and of no other.
    """
    bound = digest_of_value([binding.policy, binding.champion, writer.signer.public_key])
    name = bound.removeprefix("sha256:")
    return f"{binding.environment}/{binding.version.digest}/{name}"


def _sign(
    predicate_type: str,
    finding: GateFinding,
    binding: AttestationBinding,
    *,
    writer: AttestationWriter,
    at: Micros,
) -> Envelope:
    version = binding.version
    predicate = Predicate(
        version=version.digest,
        artifact=version.artifact,
        fingerprint=version.fingerprint,
        policy=binding.policy,
        required_gates=binding.required_gates,
        environment=binding.environment,
        evaluation=version.predictions,
        champion=binding.champion,
        passed=finding.passed,
        summary=finding.summary,
        evidence=finding.evidence,
        actor=writer.actor,
        role=role_for(predicate_type),
        issued_at=at,
        expires_at=None if binding.valid_for is None else at + binding.valid_for,
        asset=binding.asset or f"model.{version.model}",
        record=version.digest_of_record,
    )
    subject = subjects_of(version.label, version=version.digest, artifact=version.artifact)
    payload = render_statement(
        Statement(subject=subject, predicate_type=predicate_type, predicate=predicate)
    )
    return sealed(payload, writer.signer.sign(pre_authentication_encoding(PAYLOAD_TYPE, payload)))


def _event(
    kind: str,
    finding: GateFinding,
    binding: AttestationBinding,
    *,
    writer: AttestationWriter,
    at: Micros,
) -> Event:
    return Event(
        kind=kind,
        project=writer.project,
        actor=writer.actor,
        at=at,
        subject=binding.version.digest,
        environment=binding.environment,
        facts={
            "version": binding.version.label,
            "gate": finding.gate,
            "passed": finding.passed,
            "summary": finding.summary,
        },
    )
