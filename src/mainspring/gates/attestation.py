"""Attestations: signed statements that a version was judged or approved, and of exactly what that
was said.

A DSSE envelope holds the bytes of an in-toto Statement; the signature covers the bytes and their
type (PAE), so nothing is parsed before it is trusted. The predicate binds the verdict to build,
policy, environment, data, champion and time: an attestation that fits none of them proves nothing.
The format of a statement is the version at the end of its predicate type, as in-toto has it.

Source: https://github.com/secure-systems-lab/dsse, protocol v1; https://in-toto.io/Statement/v1
"""

import base64
import re
from typing import Literal as OneOf

import msgspec

from mainspring.elements.errors import NewerFormat
from mainspring.elements.events import Actor
from mainspring.elements.identity import Digest, canonical_json
from mainspring.elements.stored import FieldsByFormat
from mainspring.elements.time import Micros
from mainspring.gates.errors import UnreadableAttestation
from mainspring.gates.verdict import Evidence
from mainspring.ports.signer import PublicKey, Signature

__all__ = [
    "APPROVAL",
    "PAYLOAD_TYPE",
    "PREDICATE_FIELDS",
    "STATEMENT_FORMAT",
    "STATEMENT_TYPE",
    "Envelope",
    "Predicate",
    "Role",
    "Statement",
    "Subject",
    "claimed_type",
    "format_of_statement",
    "gate_predicate",
    "is_comparison",
    "parse_envelope",
    "parse_statement",
    "pre_authentication_encoding",
    "render_envelope",
    "render_statement",
    "role_for",
    "sealed",
    "statement_name",
    "subjects_of",
]

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
STATEMENT_FORMAT = 2
"""The format of what is signed now; older ones are read, newer ones refused."""

APPROVAL = f"mainspring/approval/v{STATEMENT_FORMAT}"

PREDICATE_FIELDS: FieldsByFormat = {
    1: (
        "version",
        "artifact",
        "fingerprint",
        "policy",
        "asked",
        "environment",
        "evaluation",
        "champion",
        "passed",
        "summary",
        "evidence",
        "actor",
        "role",
        "issued_at",
        "expires_at",
    ),
    2: (
        "version",
        "artifact",
        "fingerprint",
        "policy",
        "asked",
        "environment",
        "evaluation",
        "champion",
        "passed",
        "summary",
        "evidence",
        "actor",
        "role",
        "issued_at",
        "expires_at",
        "asset",
        "record",
    ),
}
"""What a predicate says in each format, by its keys; one that says more or less is refused, since a
field that is overlooked could be the one that binds it to something else.
"""

_PREDICATE_TYPE = re.compile(r"(?P<name>mainspring/.+)/v(?P<format>[1-9]\d*)")

Role = OneOf["tester", "approver"]
"""Whose key may sign: testers sign verdicts, approvers approvals."""


class Predicate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is said, and what it is bound to.

    Args:
        version: the digest of the version; `artifact`: of the exported model; `fingerprint`: of the
            model's definition.
        policy: the policy fingerprint that the gates were taken from; `required_gates`: the names
            of all gates that it asks for, stored as `asked`.
        evaluation: the digest of the predictions that were judged.
        champion: the version that it was compared with, empty for none.
        issued_at, expires_at: microseconds; None never expires.
        asset: the model that it was judged as, by its first name; `record`: the digest of the whole
            record of the version, its author among it.  Unset in format 1.
    """

    version: Digest
    artifact: Digest
    fingerprint: Digest
    policy: Digest
    required_gates: tuple[str, ...] = msgspec.field(name="asked")
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
    asset: str | msgspec.UnsetType = msgspec.UNSET
    record: Digest | msgspec.UnsetType = msgspec.UNSET


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


class _Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What can be said of a statement before its format is known."""

    predicate_type: str = msgspec.field(name="predicateType")
    predicate: dict[str, msgspec.Raw]


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
    'mainspring/gate/latency/v2'
    """
    return f"mainspring/gate/{gate}/v{STATEMENT_FORMAT}"


def statement_name(predicate_type: str) -> str:
    """A predicate type without its format: what a statement is about in every format.

    >>> statement_name("mainspring/gate/latency/v1")
    'mainspring/gate/latency'
    """
    typed = _PREDICATE_TYPE.fullmatch(predicate_type)
    return typed["name"] if typed else predicate_type


def format_of_statement(predicate_type: str) -> int:
    """The format that a predicate type names; 0 where it names none.

    >>> format_of_statement("mainspring/gate/latency/v1")
    1
    """
    typed = _PREDICATE_TYPE.fullmatch(predicate_type)
    return int(typed["format"]) if typed else 0


def is_comparison(predicate_type: str) -> bool:
    """Whether statements of this type compare a version with a champion, and so say something else
    for each champion.
    """
    return statement_name(predicate_type).startswith("mainspring/gate/beats_champion:")


def role_for(predicate_type: str) -> Role:
    """Whose key must sign statements of this type."""
    is_approval = statement_name(predicate_type) == statement_name(APPROVAL)
    return "approver" if is_approval else "tester"


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
    """The statement that `render_statement` wrote.

    Raises: UnreadableAttestation GAT-007; NewerFormat REG-005 for one that a later release signed.
    """
    try:
        claim = msgspec.json.decode(payload, type=_Claim)
        _require_fields(claim)
        return msgspec.json.decode(payload, type=Statement)
    except msgspec.DecodeError as error:
        raise UnreadableAttestation(reason=str(error)) from error


def claimed_type(payload: bytes) -> str:
    """The predicate type that a statement of any format claims; nothing of it is checked.  Raises:
    GAT-007.
    """
    try:
        return msgspec.json.decode(payload, type=_Claim).predicate_type
    except msgspec.DecodeError as error:
        raise UnreadableAttestation(reason=str(error)) from error


def _require_fields(claim: _Claim) -> None:
    """Raise where a statement has another format than this release knows, or other fields than its
    format.
    """
    found = format_of_statement(claim.predicate_type)
    if found > STATEMENT_FORMAT:
        raise NewerFormat(
            record=f"the statement {statement_name(claim.predicate_type)}",
            found=found,
            known=STATEMENT_FORMAT,
        )
    fields = PREDICATE_FIELDS.get(found)
    if fields is None or set(fields) != claim.predicate.keys():
        raise UnreadableAttestation(
            reason=f"its predicate has not the fields of {claim.predicate_type}"
        )


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
