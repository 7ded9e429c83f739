"""The table `audit` of `project.toml`: where checkpoints of the journal are kept outside, and whose
count.

    [audit]
    checkpoints = "/mnt/worm/journal"        # or s3://BUCKET/PREFIX, with settings as of an engine
    trust = ["ed25519:..."]                  # `mainspring auth key` shows yours
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mainspring.ports.signer import PublicKey
from mainspring.project.config.engines import EngineChoice, EngineChoices, parse_engines
from mainspring.project.config.settings import Settings

__all__ = ["AuditConfig", "parse_audit"]

_KEY = re.compile(r"ed25519:[A-Za-z0-9+/]{43}=")


@dataclass(frozen=True, kw_only=True)
class AuditConfig:
    """How the journal is guarded.

    Args:
        checkpoints: a folder to which each checkpoint is copied; empty: none.
        store: an object store for the same.
        trust: the keys whose checkpoints count; empty: the local one.
    """

    checkpoints: str = ""
    store: EngineChoice | None = None
    trust: tuple[PublicKey, ...] = ()


def parse_audit(settings: Settings, value: object) -> AuditConfig:
    """The table's settings."""
    table = settings.table(value, "audit", known=("checkpoints", "trust"))
    place = table.get("checkpoints", "")
    is_path = isinstance(place, str) and "://" not in place
    chosen = (
        None
        if is_path
        else parse_engines(
            settings, {"objects": place}, "audit.checkpoints", otherwise=EngineChoices()
        ).objects
    )
    keys = _keys(settings, table.get("trust", []))
    return AuditConfig(checkpoints=str(place) if is_path else "", store=chosen, trust=tuple(keys))


def _keys(settings: Settings, value: object) -> Sequence[PublicKey]:
    found = settings.texts(value, "audit.trust", _KEY, "public keys such as ed25519:BASE64")
    return [PublicKey(key) for key in found]
