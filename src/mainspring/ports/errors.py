"""What every engine raises, whatever the product behind it: callers decide by these, so they belong
to the ports and not to one engine.
"""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import EngineError, FlowError, ServingError

__all__ = [
    "AccessLogUnusable",
    "AnswerUnwanted",
    "BadRequest",
    "BodyTooComplex",
    "DeadlinePassed",
    "FileRefused",
    "FolderShared",
    "KeyUnusable",
    "LeaseHeld",
    "LeaseLost",
    "MethodNotAllowed",
    "ObjectDamaged",
    "ObjectMissing",
    "PortTaken",
    "ProductMissing",
    "RetentionPassed",
    "SecretMissing",
    "StaleWrite",
    "StoreBusy",
    "StoreDamaged",
    "StoreFailed",
    "StoreGone",
    "StoreUnreachable",
    "TaskFailed",
    "TaskOverdue",
    "TrustUnusable",
    "UnknownRoute",
    "UnknownServer",
]


@dataclass(eq=False, kw_only=True)
class StoreFailed(EngineError):
    """A store could not do an operation: for example the disk is full, a folder is not writable, or
    a value has a type that the store cannot hold.

    Nothing was written: every write of an engine is all or nothing.
    """

    code: ClassVar[str] = "ENG-001"
    template: ClassVar[str] = "{store} failed to {operation}: {reason}"
    remedy: ClassVar[str] = (
        "remove the cause (space, permissions, the type of a value) and do the same again"
    )

    store: str
    operation: str
    reason: str


@dataclass(eq=False, kw_only=True)
class ObjectMissing(EngineError):
    """The object store has no object of this digest: it was never built in this workspace, or was
    removed.
    """

    code: ClassVar[str] = "ENG-002"
    template: ClassVar[str] = "there is no object {digest}"
    remedy: ClassVar[str] = (
        "build it again with `mainspring apply`, or restore the object store from a backup"
    )

    digest: str


@dataclass(eq=False, kw_only=True)
class ObjectDamaged(EngineError):
    """The bytes of an object do not have the digest that they are stored under: the disk lost some,
    or somebody edited them.  They are never used.
    """

    code: ClassVar[str] = "ENG-003"
    template: ClassVar[str] = "object {digest} has bytes of digest {found}"
    remedy: ClassVar[str] = (
        "restore it from a backup, or build it again: writing the right bytes replaces the "
        "damaged ones"
    )

    digest: str
    found: str


@dataclass(eq=False, kw_only=True)
class StaleWrite(EngineError):
    """A write was based on a state that another writer has changed since.  Nothing was written."""

    code: ClassVar[str] = "ENG-004"
    template: ClassVar[str] = "{what} is at {found}, not at {expected}"
    remedy: ClassVar[str] = "read it again, decide again and write"

    what: str
    expected: str
    found: str


@dataclass(eq=False, kw_only=True)
class LeaseLost(EngineError):
    """A process lost its lease to another holder, because it did not renew it in time or was taken
    for dead.  It must not write any more.
    """

    code: ClassVar[str] = "ENG-005"
    template: ClassVar[str] = "{holder} does not hold the lease on {resource} any more"
    remedy: ClassVar[str] = "start again; finished steps are stored and not done twice"

    resource: str
    holder: str


@dataclass(eq=False, kw_only=True)
class TaskFailed(EngineError):
    """A worker process ended with an error; the message has the end of its output."""

    code: ClassVar[str] = "ENG-006"
    template: ClassVar[str] = "{module} ended with {status}\n{transcript}"
    remedy: ClassVar[str] = "read the last lines above: they are the output of the task"

    module: str
    status: str
    transcript: str


@dataclass(eq=False, kw_only=True)
class TaskOverdue(EngineError):
    """A worker process did not end in time; it and its children were killed."""

    code: ClassVar[str] = "ENG-007"
    template: ClassVar[str] = "{module} did not end within {timeout_s} s\n{transcript}"
    remedy: ClassVar[str] = (
        "give it more time, or find out from the last lines above what it waits for"
    )

    module: str
    timeout_s: float
    transcript: str


@dataclass(eq=False, kw_only=True)
class KeyUnusable(EngineError):
    """A private key cannot be used: it is not an Ed25519 key, or other users can read or replace
    its file.
    """

    code: ClassVar[str] = "ENG-008"
    template: ClassVar[str] = "the key in {path} cannot be used: {reason}"
    remedy: ClassVar[str] = (
        "make a new key and list its public half in project.toml; a key that others could "
        "read proves nothing"
    )

    path: str
    reason: str


@dataclass(eq=False, kw_only=True)
class StoreBusy(EngineError):
    """A store was not available in time: other processes held its lock, or it cannot be reached at
    the moment.
    """

    code: ClassVar[str] = "ENG-009"
    template: ClassVar[str] = "{store} was busy and could not {operation}"
    remedy: ClassVar[str] = (
        "do the same again in a moment; if it stays busy, look for a process that hangs"
    )
    transient: ClassVar[bool] = True

    store: str
    operation: str


@dataclass(eq=False, kw_only=True)
class StoreDamaged(EngineError):
    """The files of a store are not as the store wrote them: truncated, overwritten, or of another
    program.
    """

    code: ClassVar[str] = "ENG-010"
    template: ClassVar[str] = "{store} is damaged: {reason}"
    remedy: ClassVar[str] = (
        "restore it from a backup; tables and online rows can be removed, they are "
        "materialized again from the log"
    )

    store: str
    reason: str


@dataclass(eq=False, kw_only=True)
class RetentionPassed(EngineError):
    """The log has removed these records: they were older than its retention.

    Accepted facts are not lost: the table of a source has its full history, and reading facts takes
    removed records from there.  Predictions have no table, so those that were removed cannot be
    replayed.
    """

    code: ClassVar[str] = "ENG-011"
    template: ClassVar[str] = (
        "topic {topic} starts at offset {kept_from}; offset {asked} was requested"
    )
    remedy: ClassVar[str] = (
        "read a source's older records from its table; `mainspring gc --plan` shows what "
        "retention removes next"
    )

    topic: str
    kept_from: int
    asked: int


@dataclass(eq=False, kw_only=True)
class StoreUnreachable(EngineError):
    """No server answers at the address that `project.toml` has for a store: it was not started, or
    the address is wrong.
    """

    code: ClassVar[str] = "ENG-012"
    template: ClassVar[str] = "{store} does not answer: {reason}"
    remedy: ClassVar[str] = (
        "start it ({start}), or correct its address under engines in project.toml"
    )

    store: str
    reason: str
    start: str


@dataclass(eq=False, kw_only=True)
class ProductMissing(EngineError):
    """An engine that `project.toml` names needs a package that is not installed.  Such packages are
    extras, so that nobody has to install what they do not use.
    """

    code: ClassVar[str] = "ENG-013"
    template: ClassVar[str] = "the engine {engine} needs {package}, which is not installed"
    remedy: ClassVar[str] = "pip install 'mainspring[{extra}]'"

    engine: str
    package: str
    extra: str


@dataclass(eq=False, kw_only=True)
class SecretMissing(EngineError):
    """The environment variable of a secret is not set, or is empty.  Secrets are never written in
    `project.toml`, which names the environment variables that hold them.
    """

    code: ClassVar[str] = "ENG-014"
    template: ClassVar[str] = (
        "{setting} is read from the environment variable {variable}, which is not set"
    )
    remedy: ClassVar[str] = "set {variable} for this process"

    setting: str
    variable: str


@dataclass(eq=False, kw_only=True)
class StoreGone(EngineError):
    """A file of a store was removed, moved or replaced while a process worked with it.

    What is written to a removed file is lost with the process, so nothing is written any more.  A
    file that is put back is used again at once; of a file in its place, such as a restored backup,
    a running process knows nothing.
    """

    code: ClassVar[str] = "ENG-030"
    template: ClassVar[str] = "{store} is gone: {file} {fate}"
    remedy: ClassVar[str] = (
        "put it back; or restore a backup, and start again what was running: a server, a stream"
    )

    store: str
    file: str
    fate: str


@dataclass(eq=False, kw_only=True)
class FileRefused(EngineError):
    """The operating system refused to read or write a file: its name is too long, it is a folder,
    this user may not, or the disk is full or read-only.
    """

    code: ClassVar[str] = "ENG-031"
    template: ClassVar[str] = "{file} cannot be used: {reason}"
    remedy: ClassVar[str] = "correct the path, its permissions or its disk, and do the same again"

    file: str
    reason: str


@dataclass(eq=False, kw_only=True)
class FolderShared(EngineError):
    """Others than its owner can write to a folder that holds state, keys or machine code.

    Whoever can write there can exchange a file between the moment in which it is checked and the
    moment in which it is used, so nothing in it is used.
    """

    code: ClassVar[str] = "ENG-032"
    template: ClassVar[str] = "{folder} is not used: {reason}"
    remedy: ClassVar[str] = (
        "make sure that what is in it is yours, then take the rights of others away: "
        "chmod -R go-rwx {folder}"
    )

    folder: str
    reason: str


@dataclass(eq=False, kw_only=True)
class LeaseHeld(FlowError):
    """Another process holds the lease on the same resource.  Two processes that change it at once
    would undo each other's work.
    """

    code: ClassVar[str] = "FLO-001"
    template: ClassVar[str] = (
        "{holder} holds the lease on {resource} (until {until}, unless it is renewed)"
    )
    remedy: ClassVar[str] = (
        "wait for it to end, or stop it: the lease of a process that died on this machine is "
        "released at once"
    )

    resource: str
    holder: str
    until: str


@dataclass(eq=False, kw_only=True)
class BadRequest(ServingError):
    """The body of the request is not what the route takes."""

    code: ClassVar[str] = "SRV-004"
    template: ClassVar[str] = "the request cannot be read: {reason}"
    remedy: ClassVar[str] = "send JSON in the form that the documentation of the route shows"

    reason: str


@dataclass(eq=False, kw_only=True)
class BodyTooComplex(ServingError):
    """A body has more values, or more lists and objects in each other, than a request may have.  It
    is refused before it is decoded, or where it can do no harm: a short one can ask for gigabytes.
    """

    code: ClassVar[str] = "SRV-044"
    template: ClassVar[str] = "the body has {found}; the limit is {limit}"
    remedy: ClassVar[str] = "split it into several requests; docs/serving.md lists the limits"

    found: str
    limit: str


@dataclass(eq=False, kw_only=True)
class DeadlinePassed(ServingError):
    """The work for a request took longer than a request may take, and nobody waits for it any more.

    Scoring is ended: nothing of it is answered or logged.  Other work goes on where it cannot be
    ended, and what it writes is on record as a whole or not at all; a push may be sent again.
    """

    code: ClassVar[str] = "SRV-048"
    template: ClassVar[str] = "the work for this request did not end within {limit_s:g} s"
    remedy: ClassVar[str] = (
        "ask about fewer rows at once; where few take so long, the model is too slow to serve"
    )

    limit_s: float


@dataclass(eq=False, kw_only=True)
class AnswerUnwanted(ServingError):
    """Nobody waits for the answer any more, so the work for it was not begun: the time that the
    caller gave in a header has passed, or the connection has ended.
    """

    code: ClassVar[str] = "SRV-052"
    template: ClassVar[str] = "nothing was done, since nobody waits for it: {reason}"
    remedy: ClassVar[str] = "give the server more time, or send less at once"

    reason: str


@dataclass(eq=False, kw_only=True)
class UnknownServer(ServingError):
    """The variable that names the HTTP server has a name that none has."""

    code: ClassVar[str] = "SRV-053"
    template: ClassVar[str] = "MAINSPRING_SERVER has {name!r}, and no server is called so"
    remedy: ClassVar[str] = "give it native or uvicorn, or leave it out"

    name: str


@dataclass(eq=False, kw_only=True)
class AccessLogUnusable(ServingError):
    """The file of the access log cannot be written: its folder is missing, it is a link or no
    file, or it belongs to another user.
    """

    code: ClassVar[str] = "SRV-057"
    template: ClassVar[str] = "{file} cannot be the access log: {reason}"
    remedy: ClassVar[str] = (
        "give --access-log a file in a folder that this user can write to, or - for standard output"
    )

    file: str
    reason: str


@dataclass(eq=False, kw_only=True)
class PortTaken(ServingError):
    """A server cannot listen on its port: another process does, or this user may not.  Ports below
    1024 are for the administrator.
    """

    code: ClassVar[str] = "SRV-030"
    template: ClassVar[str] = "port {port} cannot be used: {reason}"
    remedy: ClassVar[str] = (
        "stop the process that listens there, or choose another port: --port 0 takes a free one"
    )

    port: int
    reason: str


@dataclass(eq=False, kw_only=True)
class UnknownRoute(ServingError):
    """Nothing answers at this path: it is misspelt, or of another version of the server."""

    code: ClassVar[str] = "SRV-020"
    template: ClassVar[str] = "there is no route {path}"
    remedy: ClassVar[str] = "check the path; docs/serving.md lists the routes"

    path: str


@dataclass(eq=False, kw_only=True)
class MethodNotAllowed(ServingError):
    """Something answers at this path, but not to this method."""

    code: ClassVar[str] = "SRV-021"
    template: ClassVar[str] = "{path} does not answer {method}"
    remedy: ClassVar[str] = "use one of {allowed}"

    path: str
    method: str
    allowed: str


@dataclass(eq=False, kw_only=True)
class TrustUnusable(EngineError):
    """A file that says whom a server trusts, or what it has seen, cannot be relied on: it is
    missing, cannot be read, or others than its owner may write it.
    """

    code: ClassVar[str] = "ENG-033"
    template: ClassVar[str] = "{path} cannot be relied on: {reason}"
    remedy: ClassVar[str] = (
        "name a file of your own that nobody else may write; remove a damaged .seen file only when "
        "the newest version of the environment is known to be right"
    )
    path: str
    reason: str
