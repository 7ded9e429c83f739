"""Which product is used for each port: the tables `engines` of `project.toml`, for the whole
project or for one environment.

    [engines]                                   # defaults of every environment
    objects = "s3://lake/objects"

    [environments.prod.engines]
    log = "nats://127.0.0.1:4222"
    online = { url = "redis://cache:6379/0", password = "env:REDIS_PASSWORD" }

    [environments.prod.engines.tables]
    url = "s3://lake/tables"
    endpoint = "http://minio:9000"
    secret_access_key = "env:LAKE_SECRET"

An engine is the name of an embedded product, an address, or a table with an address and settings.
Secrets are never written in the file: `env:NAME` is read from the environment of the process when
the engine is opened.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from mainspring.project.config.settings import Settings

__all__ = ["EngineChoice", "EngineChoices", "parse_engines"]

_ANY_TEXT = re.compile(r".+")


@dataclass(frozen=True, kw_only=True)
class EngineChoice:
    """A product, and how to connect to it.

    Args:
        url: the address of its server; empty for an embedded product.
        settings: its settings by name.
        secrets: for each secret the environment variable that holds it.
    """

    product: str
    url: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class EngineChoices:
    """The engine of each port that stores data, and of the one that runs training."""

    state: EngineChoice = field(default_factory=lambda: EngineChoice(product="sqlite"))
    log: EngineChoice = field(default_factory=lambda: EngineChoice(product="sqlite"))
    online: EngineChoice = field(default_factory=lambda: EngineChoice(product="lmdb"))
    tables: EngineChoice = field(default_factory=lambda: EngineChoice(product="files"))
    objects: EngineChoice = field(default_factory=lambda: EngineChoice(product="files"))
    compute: EngineChoice = field(default_factory=lambda: EngineChoice(product="local"))


class _Product(NamedTuple):
    """The settings that a server's engine takes, and an example of its address."""

    name: str
    example: str
    settings: tuple[str, ...]
    secrets: tuple[str, ...]


_NATS = _Product("nats", "nats://HOST:4222", ("authority", "stream"), ("credentials",))
_REDIS = _Product("redis", "redis://HOST:6379/0", ("prefix",), ("password", "username"))
_S3 = _Product(
    "s3",
    "s3://BUCKET/PREFIX",
    ("endpoint", "region"),
    ("access_key_id", "secret_access_key", "session_token"),
)
_EMBEDDED = {
    "state": ("sqlite",),
    "log": ("sqlite",),
    "online": ("lmdb", "sqlite"),
    "tables": ("files",),
    "objects": ("files",),
    "compute": ("local",),
}
_BY_SCHEME: Mapping[str, Mapping[str, _Product]] = {
    "state": {},
    "log": {"nats": _NATS, "tls": _NATS},
    "online": {"redis": _REDIS, "rediss": _REDIS},
    "tables": {"s3": _S3},
    "objects": {"s3": _S3},
    "compute": {},
}


def parse_engines(
    settings: Settings,
    value: object,
    setting: str,
    *,
    otherwise: EngineChoices,
    shared: Collection[str] = (),
) -> EngineChoices:
    """The engines that a table names.

    Args:
        otherwise: the default for a port that it does not name.
        shared: ports that can be chosen for the whole project only.
    """
    ports = [port for port in _EMBEDDED if port not in shared]
    table = settings.table(value, setting, known=ports)
    chosen = {
        port: _choice(settings, table[port], f"{setting}.{port}", port)
        for port in ports
        if port in table
    }
    return replace(otherwise, **chosen)


def _choice(settings: Settings, value: object, setting: str, port: str) -> EngineChoice:
    if isinstance(value, str) and value in _EMBEDDED[port]:
        return EngineChoice(product=value)
    table = value if isinstance(value, dict) else {"url": value}
    addresses = _addresses(table.get("url"))
    product = _BY_SCHEME[port].get(addresses[0].scheme) if addresses else None
    if product is None:
        settings.fault(setting, f"must be {_allowed(port)}")
        return EngineChoice(product="")
    if any("@" in address.netloc or address.query for address in addresses):
        # The address is not printed: it may contain a password.
        example = f'{{ url = "{product.example}", {product.secrets[0]} = "env:NAME" }}'
        settings.fault(
            setting, f"must not have credentials or options in its address; write {example}"
        )
    return _server(settings, table, setting, product)


def _allowed(port: str) -> str:
    """What may stand for a port, as a sentence goes on after "must be".

    >>> _allowed("log"), _allowed("state")
    ('sqlite, or an address such as nats://HOST:4222', 'sqlite')
    """
    examples = dict.fromkeys(product.example for product in _BY_SCHEME[port].values())
    embedded = ", ".join(_EMBEDDED[port])
    return f"{embedded}, or an address such as {', '.join(examples)}" if examples else embedded


def _addresses(url: object) -> list[SplitResult]:
    """The parts of an address, or of several with commas between; none where one cannot be read."""
    try:
        found = [urlsplit(each) for each in url.split(",")] if isinstance(url, str) else []
        return (
            found
            if all(address.hostname and (address.port is None or address.port) for address in found)
            else []
        )
    except ValueError:
        return []


def _server(
    settings: Settings, table: dict[str, object], setting: str, product: _Product
) -> EngineChoice:
    settings.table(table, setting, known=("url", *product.settings, *product.secrets))
    plain = {
        name: settings.text(table[name], f"{setting}.{name}", _ANY_TEXT, "a text")
        for name in product.settings
        if name in table
    }
    secrets = {
        name: settings.variable(table[name], f"{setting}.{name}")
        for name in product.secrets
        if name in table
    }
    return EngineChoice(
        product=product.name, url=str(table["url"]), settings=plain, secrets=secrets
    )
