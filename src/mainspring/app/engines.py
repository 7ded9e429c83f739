"""Opens the engines that `project.toml` names; others are not imported."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol
from urllib.parse import urlsplit

from mainspring.elements.events import ProjectName
from mainspring.elements.identity import digest_of_value, short
from mainspring.engines.local.compute import LocalCompute
from mainspring.engines.local.log import SqliteLog
from mainspring.engines.local.objects import FileObjects
from mainspring.engines.local.online import SqliteOnline
from mainspring.engines.local.state import SqliteState
from mainspring.engines.local.unopened import open_or_defer
from mainspring.ports.clock import Clock
from mainspring.ports.compute import Compute
from mainspring.ports.errors import ProductMissing, SecretMissing, StoreUnreachable
from mainspring.ports.log import LogWriter
from mainspring.ports.objects import ObjectWriter
from mainspring.ports.online import OnlineWriter
from mainspring.ports.state import StateStore
from mainspring.ports.tables import TableWriter
from mainspring.project.config.engines import EngineChoice, EngineChoices

if TYPE_CHECKING:
    from mainspring.engines.s3.bucket import S3Location

__all__ = [
    "OpenLog",
    "OpenState",
    "Stores",
    "log_store",
    "open_bucket",
    "open_compute",
    "open_log",
    "open_objects",
    "open_state",
    "open_stores",
    "open_tables",
]

_KNOCK_TIMEOUT_S = 3.0


class OpenLog(LogWriter, Protocol):
    """A log that can be closed."""

    def close(self) -> None:
        """Let go of files and connections; using the log afterwards is a fault."""
        ...


class OpenState(StateStore, Protocol):
    """State and leases that whoever opened them can close."""

    def close(self) -> None:
        """Let go of files and connections; using the state afterwards is a fault."""
        ...


class Stores(NamedTuple):
    """One engine for each port that stores data, but for the state."""

    log: OpenLog
    online: OnlineWriter
    tables: TableWriter
    objects: ObjectWriter


def open_stores(choices: EngineChoices, folder: Path, *, project: str) -> Stores:
    """All of them.

    Args:
        folder: where embedded engines store their files.
        project: what a server calls this project's share of it.

    Raises: StoreUnreachable ENG-012 when a server does not answer, ProductMissing
        ENG-013 when its client is not installed, SecretMissing ENG-014 when a secret
        is not set; WritesUnconditional ENG-301 for tables in a bucket that overwrites.
    """
    return Stores(
        log=open_log(choices.log, folder, project=project),
        online=_open_online(choices.online, folder, project=project),
        tables=open_tables(choices.tables, folder),
        objects=open_objects(choices.objects, folder / "objects"),
    )


def open_state(
    choice: EngineChoice, folder: Path | None, *, project: str, clock: Clock | None = None
) -> OpenState:
    """The state and journal of a project.

    Args:
        folder: where an embedded engine keeps its file; None keeps everything in memory.
        clock: what leases run out by; default: the machine's.
    """
    assert choice.product == "sqlite", choice
    return SqliteState(folder and folder / "state.db", ProjectName(project), clock=clock)


def open_compute(choice: EngineChoice) -> Compute:
    """What runs training."""
    assert choice.product == "local", choice
    return LocalCompute()


def open_log(choice: EngineChoice, folder: Path, *, project: str) -> OpenLog:
    """The log.  Raises: as `open_stores`."""
    if choice.product == "sqlite":
        return SqliteLog(folder / "log.db")
    with _installed("nats", package="nats-py", extra="nats"):
        from mainspring.engines.nats.log import NatsLog
    _require_listener(choice, port=4222, start="nats-server -js")
    secrets, settings = _secrets(choice, "log"), choice.settings
    return open_or_defer(
        lambda: NatsLog(
            choice.url,
            folder / "log-index.db",
            stream=settings.get("stream", project),
            credentials=Path(secrets["credentials"]) if "credentials" in secrets else None,
            authority=Path(settings["authority"]) if "authority" in settings else None,
        )
    )


def log_store(choices: EngineChoices) -> str:
    """What tells the log of an environment from that of others which share its state."""
    return short(digest_of_value(choices.log))


def open_objects(choice: EngineChoice, folder: Path) -> ObjectWriter:
    """The object store.  Raises: ProductMissing ENG-013, SecretMissing ENG-014."""
    if choice.product == "files":
        return open_or_defer(lambda: FileObjects(folder))
    with _installed("obstore", package="obstore", extra="s3"):
        from mainspring.engines.s3.objects import S3Objects
    return S3Objects(_bucket(choice, "objects"))


def _open_online(choice: EngineChoice, folder: Path, *, project: str) -> OnlineWriter:
    match choice.product:
        case "lmdb":
            from mainspring.engines.lmdb.online import LmdbOnline

            return open_or_defer(lambda: LmdbOnline(folder / "online.lmdb"))
        case "sqlite":
            return open_or_defer(lambda: SqliteOnline(folder / "online-rows.db"))
        case _:
            with _installed("redis", package="redis", extra="redis"):
                from mainspring.engines.redis.online import RedisOnline
            secrets = _secrets(choice, "online")
            prefix = choice.settings.get("prefix", f"mainspring:{project}")
            return RedisOnline(
                choice.url,
                prefix=prefix,
                username=secrets.get("username"),
                password=secrets.get("password"),
            )


def open_tables(choice: EngineChoice, folder: Path) -> TableWriter:
    """The offline store.  Raises: ProductMissing ENG-013, SecretMissing ENG-014;
    WritesUnconditional ENG-301 for a bucket that overwrites.
    """
    from mainspring.engines.delta.tables import DeltaTables

    if choice.product == "files":
        return DeltaTables(folder / "tables")
    with _installed("obstore", package="obstore", extra="s3"):
        from mainspring.engines.s3.bucket import require_conditional_writes
    bucket = _bucket(choice, "tables")
    require_conditional_writes(bucket)
    return DeltaTables(bucket.url, options=bucket.delta_options)


def open_bucket(address: str, choices: EngineChoices) -> "S3Location":
    """The place of an `s3://` address: with the settings of an engine that has its bucket, else
    with what the environment of the process says.

    Raises: ProductMissing ENG-013, SecretMissing ENG-014.
    """
    with _installed("obstore", package="obstore", extra="s3"):
        from mainspring.engines.s3.bucket import S3Location
    bucket = urlsplit(address).netloc
    for port, choice in (("objects", choices.objects), ("tables", choices.tables)):
        if choice.product == "s3" and urlsplit(choice.url).netloc == bucket:
            return replace(_bucket(choice, port), url=address)
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL", "")
    names = ("region", "access_key_id", "secret_access_key", "session_token")
    said = {name: os.environ.get(f"AWS_{name.upper()}", "") for name in names}
    return S3Location(url=address, endpoint=endpoint, **said)


def _bucket(choice: EngineChoice, port: str) -> "S3Location":
    from mainspring.engines.s3.bucket import S3Location

    return S3Location(url=choice.url, **choice.settings, **_secrets(choice, port))


def _secrets(choice: EngineChoice, port: str) -> dict[str, str]:
    return {
        name: _secret(variable, f"engines.{port}.{name}")
        for name, variable in choice.secrets.items()
    }


def _secret(variable: str, setting: str) -> str:
    value = os.environ.get(variable, "")
    if not value:
        raise SecretMissing(setting=setting, variable=variable)
    return value


@contextmanager
def _installed(module: str, *, package: str, extra: str) -> Iterator[None]:
    """Raise ENG-013 where an import finds that a product's client is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != module:
            raise
        raise ProductMissing(engine=module, package=package, extra=extra) from error


def _require_listener(choice: EngineChoice, *, port: int, start: str) -> None:
    """Raise ENG-012 when nobody takes connections at any of the addresses; a client would only go
    on trying.
    """
    reasons = []
    for url in choice.url.split(","):
        address = urlsplit(url)
        try:
            socket.create_connection(
                (address.hostname or "", address.port or port), timeout=_KNOCK_TIMEOUT_S
            ).close()
        except OSError as error:
            reasons.append(f"{address.hostname}:{address.port or port}: {error}")
        else:
            return
    raise StoreUnreachable(
        store=f"{choice.product} at {choice.url}", reason="; ".join(reasons), start=start
    )
