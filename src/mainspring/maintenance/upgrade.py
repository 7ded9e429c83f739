"""Take over a workspace that an earlier release left: what has to be made anew is made once, in the
transaction that says so in the journal.

Records say their own format (`elements.stored`) and are read as they lie.  The number here is for
what no single record can say: where things are filed, and what is computed from many of them.  It
only ever grows, and an older release that knows of it refuses; 0.1 did not, and wrote no number.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import version

from mainspring.elements.errors import NewerFormat
from mainspring.elements.events import Actor, Event, ProjectName
from mainspring.elements.stored import StoredRecord, parse_document, render_stored
from mainspring.elements.time import Micros
from mainspring.ports.errors import StaleWrite
from mainspring.ports.state import Change, StateReader, StateWriter

__all__ = ["WORKSPACE_FORMAT", "WorkspaceFormat", "require_known_format", "upgrade_workspace"]

WORKSPACE_FORMAT = 5
"""The newest that this release knows, and the one that it leaves."""

_KIND, _KEY = "workspace", "format"


class WorkspaceFormat(StoredRecord, frozen=True, kw_only=True):
    """How a workspace is laid out, and by which release.  Document kind `workspace`, key `format`;
    a workspace without one is of format 1.

    Args:
        release: the version of Mainspring that brought it to this format.
    """

    title = "the format of a workspace"
    document = _KIND

    workspace_format: int
    release: str
    since: Micros


@dataclass(frozen=True)
class _UpgradeStep:
    """What leads from the format before to `to`.

    Args:
        says: what the journal keeps of it.
        changes: what is made anew, from what the workspace holds.
    """

    to: int
    says: str
    changes: Callable[[StateReader], Iterable[Change]]


_STEPS = (
    _UpgradeStep(
        2,
        "attestations are filed by policy, champion and signer; older ones are read where they lie",
        lambda _: (),
    ),
    _UpgradeStep(
        3,
        "ids of the log are found by runs of hashes; those that were written before are read where "
        "they lie until maintenance makes runs of them",
        lambda _: (),
    ),
    _UpgradeStep(
        4,
        "log and tables leave out what other columns say; what was written before stays as it is",
        lambda _: (),
    ),
    _UpgradeStep(
        5,
        "predictions are filed by segment, those that were answered together in one record; those "
        "that were written before are read where they lie",
        lambda _: (),
    ),
)


def require_known_format(state: StateReader) -> None:
    """Return, or raise NewerFormat REG-005 for a workspace that a later release has upgraded.  For
    whoever only reads.
    """
    _known_format(state)


def upgrade_workspace(
    state: StateWriter, *, project: ProjectName, actor: Actor, at: Micros
) -> tuple[str, ...]:
    """Bring a workspace to the format of this release; what was done, nothing where it has it.

    A workspace with an empty journal is new: it gets the number and no event.

    Raises: NewerFormat REG-005.
    Cost: one document is read.
    """
    found, place = _known_format(state)
    if found == WORKSPACE_FORMAT:
        return ()
    is_new = state.journal_head() == 0
    steps = [step for step in _STEPS if step.to > found and not is_new]
    said = [step.says for step in steps]
    record = WorkspaceFormat(
        workspace_format=WORKSPACE_FORMAT, release=version("mainspring"), since=at
    )
    changes = [Change(_KIND, _KEY, render_stored(record), place)]
    changes += [change for step in steps for change in step.changes(state)]
    event = Event(
        kind="workspace.upgraded",
        project=project,
        actor=actor,
        at=at,
        subject=project,
        facts={
            "from": found,
            "to": WORKSPACE_FORMAT,
            "release": record.release,
            "done": said,
        },
    )
    try:
        state.commit(changes, [] if is_new else [event])
    except StaleWrite:
        # Another process opened the workspace at the same moment and has done it all.
        require_known_format(state)
        return ()
    return tuple(said)


def _known_format(state: StateReader) -> tuple[int, int]:
    """The format of a workspace, and the version of the document that says it."""
    document = state.get(_KIND, _KEY)
    if document is None:
        return 1, 0
    record = parse_document(document, WorkspaceFormat)
    if record.workspace_format > WORKSPACE_FORMAT:
        raise NewerFormat(
            record=f"this workspace, last upgraded by Mainspring {record.release},",
            found=record.workspace_format,
            known=WORKSPACE_FORMAT,
        )
    return record.workspace_format, document.version
