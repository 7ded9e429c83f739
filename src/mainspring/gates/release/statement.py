"""Releases and policies as in-toto statements in DSSE envelopes.

A verdict says that a version is good; it does not say where it stands.  A release does, for one
version of one environment: it names every asset that the version holds, the digest of what is
declared of it, and the stored definitions that it is read with.  A policy says which gates one
model has to pass in one environment; its sequence grows, so that an older one can be told apart.
Both have formats of their own, as their predicate types say.
"""

from typing import Literal as OneOf
from typing import TypeVar

import msgspec

from mainspring.elements.errors import NewerFormat, RecordUnreadable
from mainspring.elements.events import Actor, ProjectName
from mainspring.elements.identity import Digest, canonical_json
from mainspring.elements.stored import StoredRecord, parse_document
from mainspring.elements.time import Micros
from mainspring.gates.attestation import (
    PAYLOAD_TYPE,
    STATEMENT_TYPE,
    Envelope,
    Subject,
    format_of_statement,
    parse_envelope,
    pre_authentication_encoding,
    render_envelope,
    sealed,
    statement_name,
)
from mainspring.gates.errors import UnreadableAttestation
from mainspring.ports.signer import Signer
from mainspring.ports.state import Document

__all__ = [
    "FiledPolicy",
    "FiledRelease",
    "PolicyPredicate",
    "ReleasePredicate",
    "ReleasedAsset",
    "ReleasedEndpoint",
    "parse_filed",
    "parse_signed",
    "render_signed",
]


class FiledRelease(StoredRecord, frozen=True, kw_only=True):
    """Document kind `release`, key `<environment>/<version:08d>`: the envelope, as DSSE's JSON."""

    title = "the record of a release"
    document = "release"

    envelope: str


class FiledPolicy(StoredRecord, frozen=True, kw_only=True):
    """Document kind `policy`, key `<environment>/<asset as first called>`: the envelope of the one
    in force, as DSSE's JSON.
    """

    title = "the record of a policy"
    document = "policy"

    envelope: str


class _Predicate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What releases and policies both say: where they hold, and who signed them when."""

    project: ProjectName
    environment: str
    actor: Actor
    role: OneOf["releaser"] = "releaser"
    issued_at: Micros


class ReleasedAsset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One asset of a version.

    Args:
        origin: the asset as it was first called; where a version was trained, it has that name.
        definition: the digest of what is declared of it; empty where nothing is on record.
        facts: the stored objects and the stream that it is read with, by name.
    """

    origin: str
    definition: str
    facts: dict[str, str]


class ReleasedEndpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which model and which version of it an endpoint answers with, and the digest of the
    endpoint's definition, its roll-out included.
    """

    asset: str
    version: str
    definition: str


class ReleasePredicate(_Predicate, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a version of an environment holds.

    Args:
        map: the digest of the version's record: pointers, who moved it when and why.
        policies: of each model, as first called, the sequence of its policy.
    """

    predicate_type = "mainspring/release/v1"

    version: int
    map: Digest
    assets: dict[str, ReleasedAsset]
    endpoints: dict[str, ReleasedEndpoint]
    policies: dict[str, int]


class PolicyPredicate(_Predicate, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which gates a model has to pass in an environment.

    Args:
        asset: the model as it was first called.
        policy: the fingerprint of the gates with their limits; `required_gates`: their names.
        sequence: the version of the environment that brought it.
    """

    predicate_type = "mainspring/policy/v1"

    asset: str
    policy: Digest
    required_gates: tuple[str, ...]
    sequence: int


P = TypeVar("P", ReleasePredicate, PolicyPredicate)


class _Claim(msgspec.Struct, frozen=True, kw_only=True):
    type: str = msgspec.field(name="_type")
    predicate_type: str = msgspec.field(name="predicateType")
    predicate: msgspec.Raw


def render_signed(predicate: P, subject: Subject, signer: Signer) -> str:
    """The signed statement in its envelope, as DSSE's JSON.  Raises: KeyUnusable ENG-008."""
    payload = canonical_json(
        {
            "_type": STATEMENT_TYPE,
            "subject": [subject],
            "predicateType": predicate.predicate_type,
            "predicate": predicate,
        }
    )
    signature = signer.sign(pre_authentication_encoding(PAYLOAD_TYPE, payload))
    return render_envelope(sealed(payload, signature)).decode()


def parse_filed(document: Document, kind: type[FiledRelease] | type[FiledPolicy]) -> Envelope:
    """The envelope on file; its signatures are not checked.  Raises: GAT-007, NewerFormat
    REG-005.
    """
    try:
        record = parse_document(document, kind)
        return parse_envelope(record.envelope.encode())
    except RecordUnreadable as error:
        raise UnreadableAttestation(reason=error.message) from error


def parse_signed(payload: bytes, kind: type[P]) -> P:
    """What a statement says that `render_signed` wrote.

    Raises: UnreadableAttestation GAT-007 for one of another type or with other fields; NewerFormat
        REG-005 for one that a later release of Mainspring signed.
    """
    try:
        claim = msgspec.json.decode(payload, type=_Claim)
        if claim.type != STATEMENT_TYPE or claim.predicate_type != kind.predicate_type:
            raise _refusal(claim.predicate_type, kind.predicate_type)
        return msgspec.json.decode(claim.predicate, type=kind)
    except msgspec.DecodeError as error:
        raise UnreadableAttestation(reason=str(error)) from error


def _refusal(found: str, wanted: str) -> NewerFormat | UnreadableAttestation:
    number, known = format_of_statement(found), format_of_statement(wanted)
    if statement_name(found) == statement_name(wanted) and number > known:
        record = f"the statement {statement_name(found)}"
        return NewerFormat(record=record, found=number, known=known)
    return UnreadableAttestation(reason=f"it is a statement {found[:100]}, not {wanted}")
