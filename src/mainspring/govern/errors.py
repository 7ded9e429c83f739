"""What can be wrong with what is on record."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import FlowError

__all__ = ["CheckpointUnreadable", "JournalRewritten"]


@dataclass(eq=False, kw_only=True)
class JournalRewritten(FlowError):
    """The journal is not what its signed checkpoints say: events were changed and their chain was
    computed anew, or its end was cut off.  Whoever can write the state database can do either; the
    signatures they cannot make.

    No checkpoint is signed any more until that is resolved.
    """

    code: ClassVar[str] = "FLO-050"
    template: ClassVar[str] = "the journal is not as it was signed: {fault}"
    remedy: ClassVar[str] = (
        "compare it with a checkpoint or an audit that is kept elsewhere: mainspring audit verify "
        "--against FILE; restore a backup that agrees"
    )

    fault: str


@dataclass(eq=False, kw_only=True)
class CheckpointUnreadable(FlowError):
    """A file that the journal was to be compared with is neither a checkpoint nor an audit."""

    code: ClassVar[str] = "FLO-051"
    template: ClassVar[str] = "{path} is neither a checkpoint nor an audit: {reason}"
    remedy: ClassVar[str] = (
        "name a file that a checkpoint was copied to, a folder of them, or what "
        "`mainspring audit --json` printed"
    )

    path: str
    reason: str
