"""A batch prediction in a process of its own, to be killed: `python -m tests.crash.batching PROJECT
INPUT OUTPUT ROWS_AT_ONCE`.
"""

import sys

from mainspring.app.workspace import Workspace

AT = "2024-03-31T22:30:00Z"

if __name__ == "__main__":
    project, source, out, rows = sys.argv[1:]
    Workspace.open(project).batch_predict(
        "late-delivery", source, out, at=AT, log=True, rows_at_once=int(rows)
    )
