"""The signature of a backup: over the bytes of its manifest, which names every file by its digest
and says whether secrets are in it.  It lies beside the manifest.
"""

import base64
from collections.abc import Iterable

import msgspec

from mainspring.elements.identity import canonical_json
from mainspring.ports.signer import PublicKey, Signature, Signer, Verifier

__all__ = ["SIGNATURE", "parse_backup_signature", "sign_manifest", "signature_fits"]

SIGNATURE = "manifest.sig"
_PURPOSE = b"mainspring-backup\n"
"""Stands before what is signed, so that a signature of something else is none of a backup."""


class _Wire(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    public_key: str
    signature: str


def sign_manifest(manifest: bytes, signer: Signer) -> bytes:
    """The file with the signature of a manifest; `parse_backup_signature` reads it.  Raises:
    KeyUnusable ENG-008.
    """
    made = signer.sign(_PURPOSE + manifest)
    return canonical_json(_Wire(made.public_key, base64.b64encode(made.value).decode()))


def parse_backup_signature(payload: bytes) -> Signature:
    """The signature in these bytes, unchecked.  Raises: ValueError for anything else."""
    wire = msgspec.json.decode(payload, type=_Wire)
    return Signature(PublicKey(wire.public_key), base64.b64decode(wire.signature, validate=True))


def signature_fits(
    manifest: bytes, signature: Signature, verifier: Verifier, *, keys: Iterable[PublicKey]
) -> bool:
    """Whether one of these keys signed the manifest."""
    return verifier.is_valid(_PURPOSE + manifest, signature, tuple(keys))
