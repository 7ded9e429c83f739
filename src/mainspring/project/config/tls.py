"""`[environments.NAME.tls]`: the files that its servers speak TLS with."""

import re
from pathlib import Path

from mainspring.ports.tls import ServerTlsFiles
from mainspring.project.config.settings import Settings

__all__ = ["parse_tls"]

_KNOWN = ("cert", "key", "client_ca")
_NEEDED = ("cert", "key")
_PATH = re.compile(r"[^\0]+")


def parse_tls(settings: Settings, value: object, setting: str) -> ServerTlsFiles | None:
    """The table's files, relative ones to the project's folder; None for a table that is empty."""
    table = settings.table(value, setting, known=_KNOWN)
    if not table:
        return None
    for name in _NEEDED:
        if name not in table:
            settings.fault(setting, f"needs {name}: a certificate and its key go together")
    found = {
        name: Path(settings.text(table[name], f"{setting}.{name}", _PATH, "the path of a file"))
        for name in _KNOWN
        if name in table
    }
    return ServerTlsFiles(
        found.get("cert", Path()), found.get("key", Path()), found.get("client_ca")
    )
