"""Authorities that exist for one test, and the certificates that they issue."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

__all__ = ["LOOPBACK", "Authority", "KeyPair"]

LOOPBACK = ("localhost", "127.0.0.1")


class KeyPair(NamedTuple):
    """The files of a certificate and its key."""

    certificate: Path
    key: Path


class Authority:
    """Issues certificates; its own lies at `certificate`."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder, self._name = folder, name
        self._key = ec.generate_private_key(ec.SECP256R1())
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        whole = _builder(name, name, self._key).add_extension(constraints, critical=True)
        self.certificate = folder / f"{name}.pem"
        self.certificate.write_bytes(_pem(whole.sign(self._key, SHA256())))

    def issue(
        self, name: str = "server", *, names: tuple[str, ...] = LOOPBACK, days: float = 30
    ) -> KeyPair:
        """A certificate for these names, at a path by its own; one that is there is replaced in
        place.

        Args:
            days: until it lapses; below 0: since it has.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(name, self._name, key, days=days)
        if names:
            known = x509.SubjectAlternativeName([_general(each) for each in names])
            builder = builder.add_extension(known, critical=False)
        pair = KeyPair(self._folder / f"{name}.crt", self._folder / f"{name}.key")
        pair.certificate.write_bytes(_pem(builder.sign(self._key, SHA256())))
        pair.key.touch(mode=0o600)
        pair.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return pair

    def context(self, caller: KeyPair | None = None) -> ssl.SSLContext:
        """What a caller who trusts this authority connects with, as itself where it is someone."""
        context = ssl.create_default_context(cafile=str(self.certificate))
        if caller is not None:
            context.load_cert_chain(caller.certificate, caller.key)
        return context


def _builder(
    subject: str, issuer: str, key: ec.EllipticCurvePrivateKey, *, days: float = 30
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    begin = now - timedelta(days=1) + min(timedelta(), timedelta(days=days))
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(now + timedelta(days=days))
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _general(name: str) -> x509.GeneralName:
    is_address = name.replace(".", "").isdigit() or ":" in name
    return x509.IPAddress(ip_address(name)) if is_address else x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)
