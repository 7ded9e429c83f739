"""`project.toml`: the project's name, its environments and the keys that they trust, and the price
of an hour of one core.

All faults are reported at once, each with its line.  An unknown key is a fault: otherwise a
misspelt `protected` would leave production open.
"""

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from mainspring.elements.errors import Location, UnreadableDuration, UnreadableInstant
from mainspring.elements.time import MINUTE, Micros, parse_duration, parse_instant
from mainspring.gates.policy import TrustPolicy
from mainspring.ports.signer import PublicKey
from mainspring.ports.tls import ServerTlsFiles
from mainspring.ports.traces import TraceSettings
from mainspring.project.config.admission import parse_admission
from mainspring.project.config.audit import AuditConfig, parse_audit
from mainspring.project.config.engines import EngineChoices, parse_engines
from mainspring.project.config.execution import parse_execution
from mainspring.project.config.inference import parse_inference_log
from mainspring.project.config.settings import Settings
from mainspring.project.config.tls import parse_tls
from mainspring.project.config.traces import parse_traces
from mainspring.project.errors import ConfigurationFault, ProjectErrors, UnknownEnvironment
from mainspring.serving.admission.limits import AdmissionLimits
from mainspring.serving.execution.declared import Execution
from mainspring.serving.inference.spec import InferenceLog

__all__ = [
    "STATE_FOLDER",
    "Cost",
    "EnvironmentConfig",
    "ProjectConfig",
    "default_config",
    "parse_config",
]

STATE_FOLDER = ".mainspring"
"""The folder in the project with the files of the embedded engines."""

_PROTECTED = {"dev": False, "staging": True, "prod": True}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_KEY = re.compile(r"ed25519:[A-Za-z0-9+/]{43}=")
_CURRENCY = re.compile(r"[A-Z]{3}")
_MOST_PARTITIONS = 1_024
_HIGHEST_FLOOR = 2**53
_ROLES = ("tester", "approver", "releaser")
_OF_ENVIRONMENT = (
    "protected",
    "requires",
    "trust",
    "floors",
    "as_of",
    "engines",
    "partitions",
    "parity",
    "disk_floor_mb",
    "lag_limit",
    "history_memory_mb",
    "allow_timeless",
    "admission",
    "execution",
    "tls",
    "inference_log",
    "traces",
)
_MOST_MEGABYTES = 1_000_000
_LINE_OF_SYNTAX_ERROR = re.compile(r"at line (\d+)")


@dataclass(frozen=True, kw_only=True)
class EnvironmentConfig:
    """One environment.

    Args:
        protected: only promoted builds with valid attestations serve here.
        requires: types of attestation that a build needs to be promoted here, such as `gates` and
            `approval`.
        trust: the public keys that are accepted here, by role: `tester`, `approver`, `releaser`.
        floors: the lowest sequences of releases and policies that a server accepts here.
        as_of: the time at which the clock of the data starts, for historical data; empty: now.
        engines: the products that store its log, online rows and tables, and run its training.
        partitions: the number of partitions of a view's online state, so that as many processes
            can materialize it; no feature value depends on it.
        history_memory_mb: how much memory an answer from history gives to facts; what does not fit
            goes to disk.  0: half of the machine's.
        allow_timeless: whether a protected environment takes models that rest on sources without
            event times, for which leakage cannot be excluded.
        parity: the share of predictions whose features are recomputed in the background and
            compared as bytes, 0 to 1.
        disk_floor_mb: with less than that free on the disk of its state, a server is not ready and
            takes nothing in.
        lag_limit: for how long a record may wait to be folded before a server is not ready.
        admission: how many requests may wait for a model, and how often each caller may ask.
        execution: where the models of its endpoints compute.
        tls: the files that its servers speak TLS with, relative ones to the project's folder; None:
            they speak plain HTTP.
        inference_log: how predictions are logged where endpoints do not say it.
        traces: where its servers send traces; None: nowhere, unless they are told to.
    """

    protected: bool
    requires: tuple[str, ...] = ()
    trust: Mapping[str, tuple[PublicKey, ...]] = field(default_factory=dict)
    as_of: str = ""
    engines: EngineChoices = field(default_factory=EngineChoices)
    partitions: int = 1
    parity: float = 0.01
    disk_floor_mb: int = 8
    lag_limit: Micros = 10 * MINUTE
    history_memory_mb: int = 0
    allow_timeless: bool = False
    floors: Mapping[str, int] = field(default_factory=dict)
    admission: AdmissionLimits = field(default_factory=AdmissionLimits)
    execution: Execution = field(default_factory=Execution)
    tls: ServerTlsFiles | None = None
    inference_log: InferenceLog = field(default_factory=InferenceLog)
    traces: TraceSettings | None = None

    @property
    def history_bytes(self) -> int | None:
        """The memory of answers from history; None: half of the machine's."""
        return self.history_memory_mb << 20 or None

    @property
    def trust_policy(self) -> TrustPolicy:
        """What a model version needs to serve here."""
        return TrustPolicy(
            protected=self.protected,
            requires=self.requires,
            trust=self.trust,
            floors=self.floors,
            allow_timeless=self.allow_timeless,
        )


@dataclass(frozen=True, kw_only=True)
class Cost:
    """The price of an hour of one core; None shows no costs."""

    cpu_hour: float | None = None
    currency: str = "EUR"


@dataclass(frozen=True, kw_only=True)
class ProjectConfig:
    """A project's settings; `environments` always holds dev, staging and prod.

    Args:
        engines: the defaults of environments, and the stores of state and objects of all of them,
            since they share what was built.
    """

    name: str
    environments: Mapping[str, EnvironmentConfig]
    cost: Cost = field(default_factory=Cost)
    engines: EngineChoices = field(default_factory=EngineChoices)
    audit: AuditConfig = field(default_factory=AuditConfig)

    def environment(self, name: str) -> EnvironmentConfig:
        """The settings of an environment.  Raises: UnknownEnvironment ACC-004."""
        if name not in self.environments:
            raise UnknownEnvironment(environment=name, known=", ".join(self.environments))
        return self.environments[name]


def default_config(name: str) -> ProjectConfig:
    """The settings without a `project.toml`: dev is open; staging and prod are protected and
    require verdicts of the gates.
    """
    return ProjectConfig(
        name=name, environments={env: _default_environment(env) for env in _PROTECTED}
    )


def parse_config(text: str, *, path: str, name: str) -> ProjectConfig:
    """The settings in the text of `project.toml`.

    Args:
        path: the file, for messages.
        name: the project's name if the file has none.

    Raises: ProjectErrors PRJ-020 with a ConfigurationFault PRJ-023
        for each fault.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _LINE_OF_SYNTAX_ERROR.search(str(error))
        at = Location(path, int(found[1]) if found else text.count("\n") + 1)
        raise ProjectErrors(
            faults=(ConfigurationFault(setting="project.toml", problem=str(error), at=at),)
        ) from error
    settings = Settings(text, path)
    config = _project(settings, document, name)
    if settings.faults:
        raise ProjectErrors(faults=tuple(settings.faults))
    return config


def _project(settings: Settings, document: object, name: str) -> ProjectConfig:
    top = settings.table(document, "", known=("audit", "name", "cost", "engines", "environments"))
    environments = settings.table(top.get("environments", {}), "environments")
    for env in environments:
        settings.text(
            env, f"environments.{env}", _NAME, "named with letters, digits, dashes and underscores"
        )
    engines = parse_engines(settings, top.get("engines", {}), "engines", otherwise=EngineChoices())
    names = [*_PROTECTED, *(env for env in environments if env not in _PROTECTED)]
    return ProjectConfig(
        name=settings.text(
            top.get("name", name), "name", _NAME, "letters, digits, dashes and underscores"
        ),
        environments={
            env: _environment(settings, environments.get(env, {}), env, engines) for env in names
        },
        cost=_cost(settings, top.get("cost", {})),
        engines=engines,
        audit=parse_audit(settings, top.get("audit", {})),
    )


def _environment(
    settings: Settings, value: object, name: str, engines: EngineChoices
) -> EnvironmentConfig:
    setting, default = f"environments.{name}", _default_environment(name)
    table = settings.table(value, setting, known=_OF_ENVIRONMENT)
    trust = settings.table(table.get("trust", {}), f"{setting}.trust", known=_ROLES)
    floors = settings.table(table.get("floors", {}), f"{setting}.floors")
    return EnvironmentConfig(
        protected=settings.flag(table.get("protected", default.protected), f"{setting}.protected"),
        requires=settings.texts(
            table.get("requires", list(default.requires)),
            f"{setting}.requires",
            _NAME,
            "types of attestation",
        ),
        trust={
            role: _keys(settings, keys, f"{setting}.trust.{role}") for role, keys in trust.items()
        },
        floors={
            name: settings.whole(floor, f"{setting}.floors.{name}", most=_HIGHEST_FLOOR)
            for name, floor in floors.items()
        },
        as_of=_instant(settings, table.get("as_of", default.as_of), f"{setting}.as_of"),
        engines=parse_engines(
            settings,
            table.get("engines", {}),
            f"{setting}.engines",
            otherwise=engines,
            shared=("objects", "state"),
        ),
        partitions=settings.whole(
            table.get("partitions", default.partitions),
            f"{setting}.partitions",
            most=_MOST_PARTITIONS,
        ),
        parity=_share(settings, table.get("parity", default.parity), f"{setting}.parity"),
        disk_floor_mb=settings.whole(
            table.get("disk_floor_mb", default.disk_floor_mb),
            f"{setting}.disk_floor_mb",
            most=_MOST_MEGABYTES,
        ),
        history_memory_mb=_megabytes(settings, table, f"{setting}.history_memory_mb"),
        lag_limit=_length(settings, table.get("lag_limit"), f"{setting}.lag_limit"),
        allow_timeless=settings.flag(
            table.get("allow_timeless", default.allow_timeless), f"{setting}.allow_timeless"
        ),
        admission=parse_admission(settings, table.get("admission", {}), f"{setting}.admission"),
        execution=parse_execution(settings, table.get("execution", {}), f"{setting}.execution"),
        tls=parse_tls(settings, table.get("tls", {}), f"{setting}.tls"),
        traces=parse_traces(settings, table.get("traces", {}), f"{setting}.traces"),
        inference_log=parse_inference_log(
            settings,
            table.get("inference_log", {}),
            f"{setting}.inference_log",
            protected=table.get("protected", default.protected) is True,
        ),
    )


def _megabytes(settings: Settings, table: Mapping[str, object], setting: str) -> int:
    """A number of megabytes; 0 where none is given."""
    name = setting.rpartition(".")[2]
    return settings.whole(table[name], setting, most=_MOST_MEGABYTES) if name in table else 0


def _share(settings: Settings, value: object, setting: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
        return float(value)
    settings.fault(setting, f"must be a share from 0 to 1, not {value!r}")
    return 0.0


def _length(settings: Settings, value: object, setting: str) -> Micros:
    """A length of time as text; the default where there is none."""
    if value is None:
        return EnvironmentConfig.lag_limit
    try:
        return parse_duration(str(value))
    except UnreadableDuration:
        settings.fault(setting, f"must be a length of time such as 10m, not {value!r}")
        return EnvironmentConfig.lag_limit


def _instant(settings: Settings, value: object, setting: str) -> str:
    """A date or time as text; TOML's own notation for dates is accepted too."""
    text = value.isoformat() if isinstance(value, date) else str(value)
    if text:
        try:
            parse_instant(text)
        except UnreadableInstant:
            settings.fault(
                setting, f"must be a date or time such as 2013-10-01T12:00:00Z, not {text!r}"
            )
    return text


def _keys(settings: Settings, value: object, setting: str) -> tuple[PublicKey, ...]:
    return tuple(
        PublicKey(key)
        for key in settings.texts(value, setting, _KEY, "public keys such as ed25519:BASE64")
    )


def _cost(settings: Settings, value: object) -> Cost:
    table = settings.table(value, "cost", known=("cpu_hour", "currency"))
    price = table.get("cpu_hour")
    if price is not None and (
        isinstance(price, bool) or not isinstance(price, int | float) or not 0 <= price < math.inf
    ):
        settings.fault("cost.cpu_hour", f"must be a price of at least 0, not {price!r}")
        price = None
    return Cost(
        cpu_hour=None if price is None else float(price),
        currency=settings.text(
            table.get("currency", Cost().currency),
            "cost.currency",
            _CURRENCY,
            "three capital letters",
        ),
    )


def _default_environment(name: str) -> EnvironmentConfig:
    protected = _PROTECTED.get(name, True)
    return EnvironmentConfig(protected=protected, requires=("gates",) if protected else ())
