"""What every engine raises, whatever the product behind it: callers decide by these, so they belong
to the ports and not to one engine.
"""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import EngineError, FlowError, ServingError

__all__ = [
    "BadRequest",
    "KeyUnusable",
    "LeaseHeld",
    "LeaseLost",
    "MethodNotAllowed",
    "ObjectDamaged",
    "ObjectMissing",
    "ProductMissing",
    "RetentionPassed",
    "SecretMissing",
    "StaleWrite",
    "StoreBusy",
    "StoreDamaged",
    "StoreFailed",
    "StoreUnreachable",
    "TaskFailed",
    "TaskOverdue",
    "UnknownRoute",
]


@dataclass(eq=False, kw_only=True)
class StoreFailed(EngineError):
    """A store refused an operation: the disk is full, a folder cannot be written, a value has a
    type that the store cannot hold.

    Nothing of the operation happened: every write of an engine is all or nothing.
    """

    code: ClassVar[str] = "ENG-001"
    template: ClassVar[str] = "{store} failed to {operation}: {reason}"
    remedy: ClassVar[str] = (
        "remove the cause (space, permissions, a value of another type) and do the same again"
    )

    store: str
    operation: str
    reason: str


@dataclass(eq=False, kw_only=True)
class ObjectMissing(EngineError):
    """No artifact of this digest is stored here: it was never built in this workspace, or someone
    removed it.
    """

    code: ClassVar[str] = "ENG-002"
    template: ClassVar[str] = "there is no object {digest}"
    remedy: ClassVar[str] = (
        "build it again with `mainspring apply`, or restore the object store from a backup"
    )

    digest: str


@dataclass(eq=False, kw_only=True)
class ObjectDamaged(EngineError):
    """The bytes stored under a digest have another digest: the disk lost some, or someone edited
    them.  They are never used.
    """

    code: ClassVar[str] = "ENG-003"
    template: ClassVar[str] = "object {digest} holds bytes of digest {found}"
    remedy: ClassVar[str] = (
        "restore it from a backup, or build it again: writing the right bytes replaces "
        "the damaged ones"
    )

    digest: str
    found: str


@dataclass(eq=False, kw_only=True)
class StaleWrite(EngineError):
    """A write was decided on a state that has changed since: another writer was faster.  Nothing
    was written.
    """

    code: ClassVar[str] = "ENG-004"
    template: ClassVar[str] = "{what} is at {found}, not at {expected}"
    remedy: ClassVar[str] = "read it again, decide anew and write"

    what: str
    expected: str
    found: str


@dataclass(eq=False, kw_only=True)
class LeaseLost(EngineError):
    """The right to act alone has passed to another holder, so this one must not write any more: it
    slept through its time, or was taken for dead.
    """

    code: ClassVar[str] = "ENG-005"
    template: ClassVar[str] = "{holder} does not hold {resource} any more"
    remedy: ClassVar[str] = "start again; what was finished is kept and not done twice"

    resource: str
    holder: str


@dataclass(eq=False, kw_only=True)
class TaskFailed(EngineError):
    """A process that was started for a piece of work ended with a fault; the end of what it printed
    is in the message.
    """

    code: ClassVar[str] = "ENG-006"
    template: ClassVar[str] = "{module} ended with {status}\n{transcript}"
    remedy: ClassVar[str] = "read the last lines above; they are the task's own"

    module: str
    status: str
    transcript: str


@dataclass(eq=False, kw_only=True)
class TaskOverdue(EngineError):
    """A process that was started for a piece of work did not end in time; it and its children were
    killed.
    """

    code: ClassVar[str] = "ENG-007"
    template: ClassVar[str] = "{module} did not end within {timeout_s} s\n{transcript}"
    remedy: ClassVar[str] = "give it more time, or find what it waits for in the last lines above"

    module: str
    timeout_s: float
    transcript: str


@dataclass(eq=False, kw_only=True)
class KeyUnusable(EngineError):
    """A private key cannot be used: it is not an Ed25519 key, or others than its owner can read or
    replace its file.
    """

    code: ClassVar[str] = "ENG-008"
    template: ClassVar[str] = "the key in {path} cannot be used: {reason}"
    remedy: ClassVar[str] = (
        "make a new key and have its public half accepted in project.toml: one that "
        "others could read proves nothing"
    )

    path: str
    reason: str


@dataclass(eq=False, kw_only=True)
class StoreBusy(EngineError):
    """A store did not get its turn in time: other processes held it, or it cannot be reached for
    the moment.
    """

    code: ClassVar[str] = "ENG-009"
    template: ClassVar[str] = "{store} was busy when asked to {operation}"
    remedy: ClassVar[str] = (
        "do the same again in a moment; if it stays busy, look for a process that hangs"
    )
    transient: ClassVar[bool] = True

    store: str
    operation: str


@dataclass(eq=False, kw_only=True)
class StoreDamaged(EngineError):
    """The files of a store are not what the store wrote: cut off, overwritten, or of another
    program.
    """

    code: ClassVar[str] = "ENG-010"
    template: ClassVar[str] = "{store} is damaged: {reason}"
    remedy: ClassVar[str] = (
        "restore it from a backup; tables and online rows may simply be removed, they "
        "are folded again from the log"
    )

    store: str
    reason: str


@dataclass(eq=False, kw_only=True)
class RetentionPassed(EngineError):
    """The log does not hold these records any more: they were older than what its retention keeps.

    What was accepted is not lost with them: the table of a source keeps its history, and reading
    facts takes trimmed records from there.  Predictions have no table, so those that were trimmed
    cannot be replayed.
    """

    code: ClassVar[str] = "ENG-011"
    template: ClassVar[str] = (
        "topic {topic} is kept from offset {kept_from} on; offset {asked} was asked for"
    )
    remedy: ClassVar[str] = (
        "read a source's older records from its table; `mainspring gc --plan` says "
        "what retention takes next"
    )

    topic: str
    kept_from: int
    asked: int


@dataclass(eq=False, kw_only=True)
class StoreUnreachable(EngineError):
    """No server answers where `project.toml` says that a store is: it was not started, or the
    address is another.
    """

    code: ClassVar[str] = "ENG-012"
    template: ClassVar[str] = "{store} does not answer: {reason}"
    remedy: ClassVar[str] = (
        "start it ({start}), or write its address into the engines of project.toml"
    )

    store: str
    reason: str
    start: str


@dataclass(eq=False, kw_only=True)
class ProductMissing(EngineError):
    """An engine that `project.toml` asks for is a package of its own, so that nobody carries what
    he does not use; it is not installed here.
    """

    code: ClassVar[str] = "ENG-013"
    template: ClassVar[str] = "the engine {engine} needs {package}, which is not installed"
    remedy: ClassVar[str] = "pip install 'mainspring[{extra}]'"

    engine: str
    package: str
    extra: str


@dataclass(eq=False, kw_only=True)
class SecretMissing(EngineError):
    """Secrets never stand in `project.toml`, which names the environment variables that hold them;
    this one is not set, or empty.
    """

    code: ClassVar[str] = "ENG-014"
    template: ClassVar[str] = (
        "{setting} is to be read from the environment variable {variable}, which is not set"
    )
    remedy: ClassVar[str] = "set {variable} for this process"

    setting: str
    variable: str


@dataclass(eq=False, kw_only=True)
class LeaseHeld(FlowError):
    """Another process acts on the same thing right now, and two at once would undo each other's
    work.
    """

    code: ClassVar[str] = "FLO-001"
    template: ClassVar[str] = (
        "{holder} works on {resource} (until {until} at most, unless it holds it longer)"
    )
    remedy: ClassVar[str] = (
        "wait for it to end, or stop it: the lease of a process that died on this "
        "machine is free at once"
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
