"""Backups as tests restore them: by the key that the one who made it would have noted."""

import json
from pathlib import Path

__all__ = ["signed_by"]


def signed_by(archive: Path) -> list[str]:
    """The key in the signature of a backup, for a test that trusts it."""
    return [json.loads((archive / "manifest.sig").read_text())["public_key"]]
