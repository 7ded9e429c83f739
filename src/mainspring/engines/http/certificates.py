"""What a server shows by TLS, and whom it lets in: read from files at its start, and again whenever
one of them changes.

A connection goes on with what was there when it began.  A replacement that cannot be used is
logged, and what was there before goes on too.
"""

import logging
import os
import ssl
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from mainspring.elements.plain_file import read_plain
from mainspring.engines.http.errors import TlsFileUnusable, TlsKeyExposed
from mainspring.ports.tls import ServerTlsFiles

__all__ = ["TLS_PERIOD_S", "ServerCertificates"]

TLS_PERIOD_S = 1.0
"""How often a server looks whether its files have changed."""

_LARGEST_BYTES = 1 << 20
_LOG = logging.getLogger("mainspring.server")
_LOG_EVERY_S = 10.0


class _Mark(NamedTuple):
    """What of a file changes with its content."""

    inode: int
    size: int
    modified_ns: int
    mode: int


class ServerCertificates:
    """The certificate of a server, its key, and the authorities of its callers.

    Its attributes: `context` for connections that begin now; `names` that the certificate gives the
    server, hosts and addresses as text.

    Raises: TlsFileUnusable SRV-054, TlsKeyExposed SRV-055.
    """

    def __init__(self, files: ServerTlsFiles) -> None:
        self.files = files
        self._marks = _marks(files)
        self._failed: list[_Mark | None] = []
        self.context, certificate = _load(files)
        self.names = _names(certificate)
        if _has_lapsed(certificate):
            _LOG.warning("%s", _lapsed(files, certificate).message)
        self._failures, self._next_line = 0, 0.0

    def look(self) -> None:
        """Take the files anew where they have changed.

        Raises: TlsFileUnusable SRV-054 and TlsKeyExposed SRV-055 for a replacement that cannot be
            used, from the second look on: files are replaced one after the other, and do not fit
            together in between.
        """
        marks = _marks(self.files)
        if marks == self._marks:
            self._failed = []
            return
        try:
            context, certificate = _load(self.files)
            if _has_lapsed(certificate):
                raise _lapsed(self.files, certificate)
        except (TlsFileUnusable, TlsKeyExposed):
            if self._failed == marks:
                raise
            self._failed = marks
            return
        self.context, self.names, self._marks = context, _names(certificate), marks
        _LOG.info("TLS goes on with new files, valid until %s", certificate.not_valid_after_utc)

    @contextmanager
    def followed(self) -> Iterator[None]:
        """Look again and again while the block runs, in a thread: a disk that hangs is no matter
        of the event loop.
        """
        end = threading.Event()
        thread = threading.Thread(
            target=self._look_until, args=(end,), name="mainspring-tls", daemon=True
        )
        thread.start()
        try:
            yield
        finally:
            end.set()
            thread.join(TLS_PERIOD_S)

    def _look_until(self, end: threading.Event) -> None:
        logged = ""
        while not end.wait(TLS_PERIOD_S):
            try:
                self.look()
                logged = ""
            except (TlsFileUnusable, TlsKeyExposed) as error:
                if logged != error.message:
                    _LOG.warning("TLS goes on with the files before: %s", error)
                logged = error.message
            # the edge of a thread: were it to end, no replacement would ever be taken
            except Exception as error:
                if logged != str(error):
                    _LOG.warning("TLS goes on with the files before", exc_info=error)
                logged = str(error)

    def note_failure(self, reason: str) -> None:
        """A handshake failed; all of them are one line of the log every ten seconds."""
        self._failures += 1
        now = time.monotonic()
        if now >= self._next_line:
            _LOG.warning("TLS handshakes that failed: %d, the last: %s", self._failures, reason)
            self._failures, self._next_line = 0, now + _LOG_EVERY_S

    def is_trusted(self, name: str) -> bool:
        """Whether the authorities of this system vouch for it under a name."""
        server, _ = _load(self.files._replace(client_authority=None))
        return _meet(server, ssl.create_default_context(), name)


def _load(files: ServerTlsFiles) -> tuple[ssl.SSLContext, x509.Certificate]:
    """What the files say.  Raises: TlsFileUnusable SRV-054, TlsKeyExposed SRV-055."""
    certificates = _certificates(files.certificate)
    _require_private(files.key)
    with _refusing(files.key):
        key = load_pem_private_key(_bytes(files.key), password=None)
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*form) != certificates[0].public_key().public_bytes(*form):
        raise TlsFileUnusable(
            file=str(files.key), reason=f"it is not the key of {files.certificate}"
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    with _refusing(files.certificate):
        context.load_cert_chain(files.certificate, files.key)
    if files.client_authority is not None:
        _certificates(files.client_authority)
        with _refusing(files.client_authority):
            context.load_verify_locations(files.client_authority)
        context.verify_mode = ssl.CERT_REQUIRED
    return context, certificates[0]


def _certificates(path: Path) -> list[x509.Certificate]:
    with _refusing(path):
        return x509.load_pem_x509_certificates(_bytes(path))


def _bytes(path: Path) -> bytes:
    return read_plain(path, most=_LARGEST_BYTES)


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """What cannot be read in a file, as ours; what OpenSSL says of a key is never its content."""
    try:
        yield
    except ssl.SSLError as error:
        reason = (error.reason or str(error)).lower().replace("_", " ")
        raise TlsFileUnusable(file=str(path), reason=reason) from error
    except OSError as error:
        raise TlsFileUnusable(file=str(path), reason=error.strerror or str(error)) from error
    except TypeError as error:
        raise TlsFileUnusable(file=str(path), reason="it needs a password") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise TlsFileUnusable(
            file=str(path), reason="it holds no PEM of the kind that belongs here"
        ) from error


def _require_private(path: Path) -> None:
    """Return for a key that its owner alone can read; of root's one group may, as servers that are
    not root are given one.
    """
    with _refusing(path):
        found = path.stat()
    mode, is_ours = stat.S_IMODE(found.st_mode), found.st_uid == os.geteuid()
    group_reads = stat.S_IRGRP if found.st_uid == 0 and not is_ours else 0
    if not is_ours and found.st_uid != 0:
        raise TlsKeyExposed(file=str(path), reason="it belongs to another user")
    if mode & (stat.S_IRWXG | stat.S_IRWXO) & ~group_reads:
        raise TlsKeyExposed(file=str(path), reason=f"its mode is {mode:04o}")


def _marks(files: ServerTlsFiles) -> list[_Mark | None]:
    return [_mark(path) for path in files if path is not None]


def _mark(path: Path) -> _Mark | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return _Mark(found.st_ino, found.st_size, found.st_mtime_ns, found.st_mode)


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    """The hosts and addresses that it names."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    addresses = found.get_values_for_type(x509.IPAddress)
    return (*found.get_values_for_type(x509.DNSName), *(str(each) for each in addresses))


def _has_lapsed(certificate: x509.Certificate) -> bool:
    now = datetime.now(UTC)
    return not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def _lapsed(files: ServerTlsFiles, certificate: x509.Certificate) -> TlsFileUnusable:
    since, until = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return TlsFileUnusable(
        file=str(files.certificate),
        reason=f"it is valid from {since:%Y-%m-%dT%H:%MZ} to {until:%Y-%m-%dT%H:%MZ}",
    )


def _meet(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> bool:
    """Whether a client gets through a handshake with a server, both in memory."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(back, there, server_hostname=name)
    answering = server.wrap_bio(there, back, server_side=True)
    for session in (asking, answering, asking):
        try:
            session.do_handshake()
        except ssl.SSLWantReadError:
            continue
        except ssl.SSLError:
            return False
    return True
