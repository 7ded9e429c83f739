"""Attestations: signed statements that a version was judged or approved, and of exactly what that
was said.

A DSSE envelope holds the bytes of an in-toto Statement; the signature covers the bytes and their
type (PAE), so nothing is parsed before it is trusted. The predicate binds the verdict to build,
policy, environment, data, champion and time: an attestation that fits none of them proves nothing.

Source: https://github.com/secure-systems-lab/dsse, protocol v1; https://in-toto.io/Statement/v1
"""

import base64
from typing import Literal as OneOf

import msgspec

from mainspring.elements.events import Actor
from mainspring.elements.identity import Digest, canonical_json
from mainspring.elements.time import Micros
from mainspring.gates.errors import UnreadableAttestation
from mainspring.gates.verdict import Evidence
from mainspring.ports.signer import PublicKey, Signature

__all__ = [
    "APPROVAL",
    "PAYLOAD_TYPE",
    "STATEMENT_TYPE",
    "Envelope",
    "Predicate",
    "Role",
    "Statement",
    "Subject",
    "gate_predicate",
    "parse_envelope",
    "parse_statement",
    "pre_authentication_encoding",
    "render_envelope",
    "render_statement",
    "role_for",
    "sealed",
    "subjects_of",
]

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
APPROVAL = "mainspring/approval/v1"

Role = OneOf["tester", "approver"]
"""Whose key may sign: testers sign verdicts, approvers approvals."""


class Predicate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is said, and what it is bound to.

    Args:
        version: the digest of the version; `artifact`: of the exported model; `fingerprint`: of the
            model's definition.
        policy: the policy fingerprint that the gates were taken from; `asked`: the names of all
            gates that it asks for.
        evaluation: the digest of the predictions that were judged.
        champion: the version that it was compared with, empty for none.
        issued_at, expires_at: microseconds; None never expires.
    """

    version: Digest
    artifact: Digest
    fingerprint: Digest
    policy: Digest
    asked: tuple[str, ...]
    environment: str
    evaluation: Digest
    champion: str
    passed: bool
    summary: str
    evidence: Evidence
    actor: Actor
    role: Role
    issued_at: Micros
    expires_at: Micros | None


class Subject(msgspec.Struct, frozen=True):
    """What a statement is about: a name and its digests by algorithm."""

    name: str
    digest: dict[str, str]


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """An in-toto Statement."""

    type: str = msgspec.field(name="_type", default=STATEMENT_TYPE)
    subject: tuple[Subject, ...]
    predicate_type: str = msgspec.field(name="predicateType")
    predicate: Predicate


class _Signed(msgspec.Struct, frozen=True):
    keyid: PublicKey
    sig: str


class _Wire(msgspec.Struct, frozen=True, kw_only=True):
    """A DSSE envelope as JSON."""

    payload_type: str = msgspec.field(name="payloadType")
    payload: str
    signatures: tuple[_Signed, ...]


class Envelope(msgspec.Struct, frozen=True):
    """Signed bytes: `payload` is a Statement, not to be read before one of the signatures is
    trusted.
    """

    payload_type: str
    payload: bytes
    signatures: tuple[Signature, ...]

    @property
    def message(self) -> bytes:
        """What the signatures sign."""
        return pre_authentication_encoding(self.payload_type, self.payload)


def gate_predicate(gate: str) -> str:
    """The predicate type of a gate's verdicts.

    >>> gate_predicate("latency")
    'mainspring/gate/latency/v1'
    """
    return f"mainspring/gate/{gate}/v1"


def role_for(predicate_type: str) -> Role:
    """Whose key must sign statements of this type."""
    return "approver" if predicate_type == APPROVAL else "tester"


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """DSSE's PAE: type and payload with their lengths, so that neither can be taken for a part of
    the other.

    >>> pre_authentication_encoding("http://example.com/HelloWorld", b"hello world")
    b'DSSEv1 29 http://example.com/HelloWorld 11 hello world'
    """
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def subjects_of(label: str, *, version: Digest, artifact: Digest) -> tuple[Subject, ...]:
    """The two things that a statement is about: the version, and the bytes that would serve."""
    return (
        Subject(label, {"sha256": version.removeprefix("sha256:")}),
        Subject("artifact", {"sha256": artifact.removeprefix("sha256:")}),
    )


def render_statement(statement: Statement) -> bytes:
    """The statement as canonical JSON."""
    return canonical_json(statement)


def parse_statement(payload: bytes) -> Statement:
    """The statement that `render_statement` wrote.  Raises: GAT-007."""
    try:
        return msgspec.json.decode(payload, type=Statement)
    except msgspec.DecodeError as error:
        raise UnreadableAttestation(reason=str(error)) from error


def sealed(payload: bytes, signature: Signature) -> Envelope:
    """The envelope around a statement's bytes and the signature over their encoding."""
    return Envelope(PAYLOAD_TYPE, payload, (signature,))


def render_envelope(envelope: Envelope) -> bytes:
    """The envelope as DSSE's JSON."""
    signatures = tuple(_Signed(s.public_key, _text(s.value)) for s in envelope.signatures)
    return canonical_json(
        _Wire(
            payload_type=envelope.payload_type,
            payload=_text(envelope.payload),
            signatures=signatures,
        )
    )


def parse_envelope(document: bytes) -> Envelope:
    """The envelope that `render_envelope` wrote; its signatures are not checked.  Raises:
    GAT-007.
    """
    try:
        wire = msgspec.json.decode(document, type=_Wire)
        signatures = tuple(
            Signature(s.keyid, base64.b64decode(s.sig, validate=True)) for s in wire.signatures
        )
        return Envelope(
            wire.payload_type, base64.b64decode(wire.payload, validate=True), signatures
        )
    except (msgspec.DecodeError, ValueError) as error:
        raise UnreadableAttestation(reason=str(error)) from error


def _text(payload: bytes) -> str:
    return base64.b64encode(payload).decode()
