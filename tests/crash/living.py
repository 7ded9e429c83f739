"""Processes to be copied, or killed while they copy: `python -m tests.crash.living
live|backup|restore PROJECT [ARCHIVE [PLACES]]`.

`live` takes deliveries in, folds, and answers for ever; a line is what was acknowledged.  `backup`
and `restore` write one copy after another.
"""

import shutil
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from mainspring.app.workspace import Workspace
from mainspring.elements.time import format_instant
from tests.archives import signed_by
from tests.copies import copied_tree
from tests.topics import facts_topic

SHOPS = ("harbour", "market", "station", "old-town")


def live(workspace: Workspace) -> Iterator[str]:
    """Twenty deliveries in a call, and one question after each; ids go on where they stand."""
    first = workspace.runtime.log.head(facts_topic(workspace, "deliveries")) + 1_000_000
    for batch in count():
        now = format_instant(workspace.runtime.data_clock.now())
        ids = range(first + 20 * batch, first + 20 * batch + 20)
        rows = [
            {
                "order_id": each,
                "delivered_at": now,
                "shop": SHOPS[each % 4],
                "minutes": 5 + each % 97 / 7,
            }
            for each in ids
        ]
        report = workspace.writer("deliveries").write_rows(rows)
        assert report.accepted == 20, report
        yield f"facts {report.next_offset}"
        workspace.tables.run_due()
        [prediction] = workspace.predict(
            "late-delivery", {"shop": SHOPS[batch % 4], "distance_km": 2.5, "ordered_at": now}
        )
        yield f"prediction {prediction.id}"


def back_up_for_ever(workspace: Workspace, target: Path) -> Iterator[str]:
    """Backups side by side; a line is one that is complete."""
    for number in count(len(list(target.glob("[0-9]*")))):
        workspace.backup(target / f"{number}")
        yield f"{number}"


def restore_for_ever(project: Path, archive: Path, places: Path) -> Iterator[str]:
    """The same backup into one copy of the project after another; a line is one that is
    complete.
    """
    for number in count():
        folder = copy_of_project(project, places / f"{number:04}")
        Workspace.restore(folder, archive, trust=signed_by(archive))
        yield f"{number:04}"


def copy_of_project(project: Path, place: Path) -> Path:
    """The project without its state, at `place`, where a part of it may lie already."""
    return Path(
        copied_tree(
            project,
            place,
            ignore=shutil.ignore_patterns(".mainspring", "__pycache__"),
            dirs_exist_ok=True,
        )
    )


def main() -> None:
    """Print a line for everything that is done, until killed."""
    what, project, *more = sys.argv[1:]
    if what == "restore":
        lines = restore_for_ever(Path(project), *map(Path, more))
    else:
        workspace = Workspace.open(Path(project))
        lines = live(workspace) if what == "live" else back_up_for_ever(workspace, Path(more[0]))
    for line in lines:
        print(line, flush=True)


if __name__ == "__main__":
    main()
