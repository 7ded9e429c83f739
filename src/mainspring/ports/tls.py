"""The files that a server speaks TLS with."""

from pathlib import Path
from typing import NamedTuple

__all__ = ["ServerTlsFiles"]


class ServerTlsFiles(NamedTuple):
    """In PEM.

    Args:
        certificate: of the server, and after it those that lead to an authority.
        key: its private key, without a password.
        client_authority: certificates of who issues certificates to callers: only callers with one
            of theirs get in.  None asks callers for none.
    """

    certificate: Path
    key: Path
    client_authority: Path | None = None

    def within(self, folder: Path) -> "ServerTlsFiles":
        """The same, relative paths seen from a folder."""
        authority = self.client_authority
        return ServerTlsFiles(
            folder / self.certificate, folder / self.key, folder / authority if authority else None
        )
