"""Sign what was found, and keep it: verdicts by a tester's key, approvals by an approver's."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from mainspring.elements.events import Actor, Event, ProjectName
from mainspring.elements.identity import Digest, canonical_json
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
        asked: the names of all gates that the policy asks for, so that a loader without the
            project's code knows what must be proven.
        champion: the version that it was compared with, empty for none.
        valid_for: how long it counts, None for ever.
    """

    version: ModelVersion
    policy: Digest
    environment: str
    champion: str = ""
    asked: tuple[str, ...] = ()
    valid_for: Micros | None = VALID_FOR


@dataclass(frozen=True, eq=False, kw_only=True)
class AttestationWriter:
    """Who signs, for which project, and where it is kept."""

    signer: Signer
    state: StateWriter
    objects: ObjectWriter
    project: ProjectName
    actor: Actor


class _Filed(msgspec.Struct, frozen=True, kw_only=True):
    """Document kind `attestation`, key `<environment>/<version digest>/<predicate type>`: the
    newest envelope of that type.
    """

    envelope: Digest
    passed: bool
    issued_at: Micros


def sign_verdicts(
    verdicts: Sequence[Verdict], binding: AttestationBinding, notary: AttestationWriter
) -> list[Envelope]:
    """Sign and file the verdicts, passed and failed alike, in one transaction with their events in
    the journal.

    Raises: ENG-008 when the key cannot be used.
    """
    return _file(
        [(gate_predicate(verdict.gate), verdict, verdict.at) for verdict in verdicts],
        binding,
        notary,
        kind="gate.judged",
    )


def sign_approval(
    binding: AttestationBinding, notary: AttestationWriter, *, at: Micros, reason: str = ""
) -> Envelope:
    """Sign and file an approval in the name of a person who is not the version's author.

    Raises: GAT-004 for the author, GAT-005 for what is not a person, ENG-008.
    """
    version = binding.version
    if not notary.actor.startswith("person:"):
        raise NotAPerson(version=version.label, actor=notary.actor)
    if notary.actor == version.author:
        raise SelfApproval(version=version.label, actor=notary.actor)
    finding = GateFinding(gate="approval", passed=True, summary=reason or "approved")
    return _file([(APPROVAL, finding, at)], binding, notary, kind="version.approved")[0]


def read_envelopes(
    state: StateReader, objects: ObjectReader, *, environment: str, version: Digest
) -> list[Envelope]:
    """The envelopes on file for a version in an environment, by predicate type; their signatures
    are not checked.

    Raises: GAT-007 when one cannot be read; ENG-002, ENG-003 when its object is gone or damaged.
    """
    documents = state.iter_documents("attestation", f"{environment}/{version}/")
    filed = [msgspec.json.decode(document.payload, type=_Filed) for document in documents]
    return [parse_envelope(objects.read(entry.envelope)) for entry in filed]


def _file(
    findings: Sequence[tuple[str, GateFinding, Micros]],
    binding: AttestationBinding,
    notary: AttestationWriter,
    *,
    kind: str,
) -> list[Envelope]:
    envelopes, changes, events = [], [], []
    for predicate_type, finding, at in findings:
        envelope = _sign(predicate_type, finding, binding, notary=notary, at=at)
        filed = _Filed(
            envelope=notary.objects.write(render_envelope(envelope)),
            passed=finding.passed,
            issued_at=at,
        )
        envelopes.append(envelope)
        changes.append(
            Change(
                "attestation",
                f"{binding.environment}/{binding.version.digest}/{predicate_type}",
                canonical_json(filed),
            )
        )
        events.append(_event(kind, finding, binding, notary=notary, at=at))
    notary.state.commit(changes, events)
    return envelopes


def _sign(
    predicate_type: str,
    finding: GateFinding,
    binding: AttestationBinding,
    *,
    notary: AttestationWriter,
    at: Micros,
) -> Envelope:
    version = binding.version
    predicate = Predicate(
        version=version.digest,
        artifact=version.artifact,
        fingerprint=version.fingerprint,
        policy=binding.policy,
        asked=binding.asked,
        environment=binding.environment,
        evaluation=version.predictions,
        champion=binding.champion,
        passed=finding.passed,
        summary=finding.summary,
        evidence=finding.evidence,
        actor=notary.actor,
        role=role_for(predicate_type),
        issued_at=at,
        expires_at=None if binding.valid_for is None else at + binding.valid_for,
    )
    subject = subjects_of(version.label, version=version.digest, artifact=version.artifact)
    payload = render_statement(
        Statement(subject=subject, predicate_type=predicate_type, predicate=predicate)
    )
    return sealed(payload, notary.signer.sign(pre_authentication_encoding(PAYLOAD_TYPE, payload)))


def _event(
    kind: str,
    finding: GateFinding,
    binding: AttestationBinding,
    *,
    notary: AttestationWriter,
    at: Micros,
) -> Event:
    return Event(
        kind=kind,
        project=notary.project,
        actor=notary.actor,
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
