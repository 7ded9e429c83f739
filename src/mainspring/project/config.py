"""`project.toml`: what the project is called, its environments and whom they trust, and what an hour of a core costs.

Every fault is reported at once with the line it is on.  A key that is not known is a fault: a misspelt `protected` would else leave production open.
"""

import math
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date

from mainspring.elements.errors import DeclarationError, Location, UnreadableInstant
from mainspring.elements.time import parse_instant
from mainspring.ports.signer import PublicKey
from mainspring.project.errors import ConfigurationFault, ProjectErrors

__all__ = ["Cost", "EnvironmentConfig", "ProjectConfig", "default_config", "parse_config"]

_PROTECTED = {"dev": False, "staging": True, "prod": True}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_KEY = re.compile(r"ed25519:[A-Za-z0-9+/]{43}=")
_CURRENCY = re.compile(r"[A-Z]{3}")
_HEADER = re.compile(r"\s*\[([^\[\]]+)\]")
_ASSIGNMENT = re.compile(r"\s*([A-Za-z0-9_.-]+)\s*=")
_LINE_OF_SYNTAX_ERROR = re.compile(r"at line (\d+)")


@dataclass(frozen=True, kw_only=True)
class EnvironmentConfig:
    """One environment.

    Args:
        protected: only promoted builds with their attestations serve here.
        requires: types of attestation that a build needs to be promoted here, such as `gates` and `approval`.
        trust: the public keys that are accepted here, by role.
        as_of: where the clock of the data starts, for a project that looks at history; empty: now.
    """

    protected: bool
    requires: tuple[str, ...] = ()
    trust: Mapping[str, tuple[PublicKey, ...]] = field(default_factory=dict)
    as_of: str = ""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What an hour of one core costs; None shows no costs."""

    cpu_hour: float | None = None
    currency: str = "EUR"


@dataclass(frozen=True, kw_only=True)
class ProjectConfig:
    """A project's settings; `environments` always holds dev, staging and prod."""

    name: str
    environments: Mapping[str, EnvironmentConfig]
    cost: Cost = field(default_factory=Cost)


def default_config(name: str) -> ProjectConfig:
    """What holds without a `project.toml`: dev is open; staging and prod are protected and ask for verdicts of the gates."""
    return ProjectConfig(name=name, environments={env: _default_environment(env) for env in _PROTECTED})


def parse_config(text: str, *, path: str, name: str) -> ProjectConfig:
    """The settings in the text of `project.toml`.

    Args:
        path: the file, for messages.
        name: the project's name where the file gives none.

    Raises:
        PRJ-020 with a PRJ-023 for each fault.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _LINE_OF_SYNTAX_ERROR.search(str(error))
        at = Location(path, int(found[1]) if found else text.count("\n") + 1)
        raise ProjectErrors(faults=(ConfigurationFault(setting="project.toml", problem=str(error), at=at),)) from error
    reading = _Reading(text, path)
    config = _project(reading, document, name)
    if reading.faults:
        raise ProjectErrors(faults=tuple(reading.faults))
    return config


class _Reading:
    """Takes settings out of tables and collects what is wrong with them; a setting is named by its keys with dots between."""

    def __init__(self, text: str, path: str) -> None:
        self._lines, self._path = text.splitlines(), path
        self.faults: list[DeclarationError] = []

    def fault(self, setting: str, problem: str) -> None:
        """Note what is wrong with a setting."""
        self.faults.append(ConfigurationFault(setting=setting, problem=problem, at=Location(self._path, _line_of(setting, self._lines))))

    def table(self, value: object, setting: str, *, known: Collection[str] = ()) -> dict[str, object]:
        """A table's items; each key that is not among the known ones is a fault, if any are given."""
        if not isinstance(value, dict):
            self.fault(setting, "must be a table")
            return {}
        prefix = f"{setting}." if setting else ""
        for key in value:
            if known and key not in known:
                self.fault(f"{prefix}{key}", f"is not a setting; here may stand {', '.join(sorted(known))}")
        return value

    def text(self, value: object, setting: str, pattern: re.Pattern[str], wanted: str) -> str:
        """A text that fits the pattern."""
        if isinstance(value, str) and pattern.fullmatch(value):
            return value
        self.fault(setting, f"must be {wanted}, not {value!r}")
        return ""

    def texts(self, value: object, setting: str, pattern: re.Pattern[str], wanted: str) -> tuple[str, ...]:
        """A list of texts that fit the pattern."""
        if not isinstance(value, list):
            self.fault(setting, f"must be a list of {wanted}")
            return ()
        return tuple(self.text(item, setting, pattern, wanted) for item in value)


def _project(reading: _Reading, document: object, name: str) -> ProjectConfig:
    top = reading.table(document, "", known=("name", "cost", "environments"))
    environments = reading.table(top.get("environments", {}), "environments")
    for env in environments:
        reading.text(env, f"environments.{env}", _NAME, "named with letters, digits, dashes and underscores")
    return ProjectConfig(
        name=reading.text(top.get("name", name), "name", _NAME, "letters, digits, dashes and underscores"),
        environments={env: _environment(reading, environments.get(env, {}), env) for env in [*_PROTECTED, *(e for e in environments if e not in _PROTECTED)]},
        cost=_cost(reading, top.get("cost", {})),
    )


def _environment(reading: _Reading, value: object, name: str) -> EnvironmentConfig:
    setting, default = f"environments.{name}", _default_environment(name)
    table = reading.table(value, setting, known=("protected", "requires", "trust", "as_of"))
    protected = table.get("protected", default.protected)
    if not isinstance(protected, bool):
        reading.fault(f"{setting}.protected", f"must be true or false, not {protected!r}")
    trust = reading.table(table.get("trust", {}), f"{setting}.trust")
    return EnvironmentConfig(
        protected=protected is True,
        requires=reading.texts(table.get("requires", list(default.requires)), f"{setting}.requires", _NAME, "types of attestation"),
        trust={role: _keys(reading, keys, f"{setting}.trust.{role}") for role, keys in trust.items()},
        as_of=_instant(reading, table.get("as_of", default.as_of), f"{setting}.as_of"),
    )


def _instant(reading: _Reading, value: object, setting: str) -> str:
    """A date or time, as written; TOML has a notation of its own for it, and text is taken as well."""
    text = value.isoformat() if isinstance(value, date) else str(value)
    if text:
        try:
            parse_instant(text)
        except UnreadableInstant:
            reading.fault(setting, f"must be a date or time such as 2013-10-01T12:00:00Z, not {text!r}")
    return text


def _keys(reading: _Reading, value: object, setting: str) -> tuple[PublicKey, ...]:
    return tuple(PublicKey(key) for key in reading.texts(value, setting, _KEY, "public keys such as ed25519:BASE64"))


def _cost(reading: _Reading, value: object) -> Cost:
    table = reading.table(value, "cost", known=("cpu_hour", "currency"))
    price = table.get("cpu_hour")
    if price is not None and (isinstance(price, bool) or not isinstance(price, int | float) or not 0 <= price < math.inf):
        reading.fault("cost.cpu_hour", f"must be a price of at least 0, not {price!r}")
        price = None
    return Cost(
        cpu_hour=None if price is None else float(price),
        currency=reading.text(table.get("currency", Cost().currency), "cost.currency", _CURRENCY, "three capital letters"),
    )


def _default_environment(name: str) -> EnvironmentConfig:
    protected = _PROTECTED.get(name, True)
    return EnvironmentConfig(protected=protected, requires=("gates",) if protected else ())


def _line_of(setting: str, lines: list[str]) -> int:
    """The line where the setting, or else the innermost table around it, is written; 1 where it is not found."""
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
