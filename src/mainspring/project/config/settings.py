"""Reads settings from the tables of a TOML file, and collects every fault with its line."""

import re
from collections.abc import Collection

from mainspring.elements.errors import Location, MainspringError
from mainspring.project.errors import ConfigurationFault

__all__ = ["Settings"]

_REFERENCE = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)")
_HEADER = re.compile(r"\s*\[([^\[\]]+)\]")
_ASSIGNMENT = re.compile(r"\s*([A-Za-z0-9_.-]+)\s*=")


class Settings:
    """A file's settings; each is named by its keys, joined with dots.

    Args:
        path: the file, for messages.
    """

    def __init__(self, text: str, path: str) -> None:
        self._lines, self._path = text.splitlines(), path
        self.faults: list[MainspringError] = []

    def fault(self, setting: str, problem: str) -> None:
        """Record what is wrong with a setting."""
        self.faults.append(
            ConfigurationFault(
                setting=setting,
                problem=problem,
                at=self.location(setting),
            )
        )

    def location(self, setting: str) -> Location:
        """The line of a setting."""
        return Location(self._path, _line_of(setting, self._lines))

    def table(
        self, value: object, setting: str, *, known: Collection[str] = ()
    ) -> dict[str, object]:
        """A table's items; if `known` is given, each other key is a fault."""
        if not isinstance(value, dict):
            self.fault(setting, "must be a table")
            return {}
        prefix = f"{setting}." if setting else ""
        for key in value:
            if known and key not in known:
                self.fault(
                    f"{prefix}{key}", f"is not a setting; known here: {', '.join(sorted(known))}"
                )
        return value

    def text(self, value: object, setting: str, pattern: re.Pattern[str], wanted: str) -> str:
        """A text that matches the pattern."""
        if isinstance(value, str) and pattern.fullmatch(value):
            return value
        self.fault(setting, f"must be {wanted}, not {value!r}")
        return ""

    def variable(self, value: object, setting: str) -> str:
        """The environment variable that a secret is read from, which `env:NAME` names."""
        found = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            # The value is not printed: it may be the secret itself.
            self.fault(
                setting,
                "must name an environment variable, such as env:NAME: secrets are never written "
                "in this file",
            )
            return ""
        return found[1]

    def flag(self, value: object, setting: str) -> bool:
        """True or false."""
        if not isinstance(value, bool):
            self.fault(setting, f"must be true or false, not {value!r}")
        return value is True

    def whole(self, value: object, setting: str, *, most: int) -> int:
        """A whole number from 1 on."""
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most:
            return value
        self.fault(setting, f"must be a whole number from 1 to {most:,}, not {value!r}")
        return 1

    def texts(
        self, value: object, setting: str, pattern: re.Pattern[str], wanted: str
    ) -> tuple[str, ...]:
        """A list of texts that match the pattern."""
        if not isinstance(value, list):
            self.fault(setting, f"must be a list of {wanted}")
            return ()
        return tuple(self.text(item, setting, pattern, wanted) for item in value)


def _line_of(setting: str, lines: list[str]) -> int:
    """The line of the setting, or of the innermost table around it; 1 if neither is found."""
    best, depth, header = 1, 0, ""
    for number, line in enumerate(lines, start=1):
        if found := _HEADER.match(line):
            header = found[1].strip()
            path = header
        elif found := _ASSIGNMENT.match(line):
            path = f"{header}.{found[1]}" if header else found[1]
        else:
            continue
        if (setting + ".").startswith(path + ".") and len(path) > depth:
            best, depth = number, len(path)
    return best
