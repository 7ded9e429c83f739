"""Where a server is asked, and a curl that trusts it."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mainspring.ports.http import LOOPBACK_HOSTS
from mainspring.ports.tls import ServerTlsFiles

if TYPE_CHECKING:
    from mainspring.engines.http.certificates import ServerCertificates

__all__ = ["ServerAddress", "address_of", "certificates_of", "hosts_of", "scheme_of", "shown_path"]

_HERE = "127.0.0.1"


class ServerAddress(NamedTuple):
    """Of a server.

    Args:
        url: with the port.
        curl: the command, with what it needs to find and to trust the server.
    """

    url: str
    curl: str = "curl"


def certificates_of(files: ServerTlsFiles | None) -> "ServerCertificates | None":
    """What the files hold; the module is imported where there are any.

    Raises: TlsFileUnusable SRV-054, TlsKeyExposed SRV-055.
    """
    if files is None:
        return None
    from mainspring.engines.http.certificates import ServerCertificates

    return ServerCertificates(files)


def hosts_of(tls: "ServerCertificates | None") -> tuple[str, ...]:
    """The hosts that the certificate names, each of which a caller may know the server by: nobody
    else can show that certificate, so no page of another site reaches it under them.
    """
    names = tls.names if tls else ()
    return tuple(name for name in names if "*" not in name and ":" not in name)


def scheme_of(tls: "ServerCertificates | None") -> str:
    """What the address of a server begins with."""
    return "http" if tls is None else "https"


def address_of(port: int, tls: "ServerCertificates | None") -> ServerAddress:
    """How a caller on this machine reaches the server."""
    if tls is None:
        return ServerAddress(f"http://{_HERE}:{port}")
    hosts = hosts_of(tls)
    ours = [host for host in (_HERE, "localhost") if host in hosts]
    host = (ours or [*hosts, _HERE])[0]
    words = ["curl"]
    if not tls.is_trusted(host):
        words.append(f"--cacert {shown_path(tls.files.certificate)}")
    if host not in LOOPBACK_HOSTS:
        words.append(f"--resolve {host}:{port}:{_HERE}")
    if tls.files.client_authority is not None:
        words.append("--cert client.crt --key client.key")
    return ServerAddress(f"https://{host}:{port}", " ".join(words))


def shown_path(path: Path) -> str:
    """A path as a shell in the present folder finds it."""
    here, there = Path.cwd(), path.resolve()
    return shlex.quote(str(there.relative_to(here) if there.is_relative_to(here) else there))
