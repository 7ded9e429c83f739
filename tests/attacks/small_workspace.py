"""One small workspace with something in every store, trained once and copied for each attack."""

import json
from collections.abc import Sequence
from pathlib import Path

import msgspec

import mainspring as ms
from mainspring.app.workspace import Workspace
from mainspring.sources.watch import WatchedLog
from tests.copies import copied_tree
from tests.unit.project.desk import write_desk

__all__ = ["ENDPOINT", "ROW", "copied", "make_small_workspace", "verbs_of"]

ENDPOINT = "slow"
ROW = {"team": "team1", "words": 3, "opened_at": "2024-01-17T00:00:00Z"}
_PUSHED = """

visits = ms.Source(
    "visits", id="n", event_time="at", contract=ms.Contract(n=ms.Int64(), at=ms.Timestamp())
)
"""
_SETTINGS = """\
name = "desk"
[environments.staging]
requires = ["gates"]
trust.tester = ["{tester}"]
"""


def make_small_workspace(folder: Path) -> Path:
    """The project in a folder: a model in dev, predictions, tokens, keys, quarantine, a backup
    beside it, and nothing of it open any more.
    """
    project = folder / "desk"
    project.mkdir()
    write_desk(project)
    (project / "project.toml").write_text('name = "desk"\n')
    with (project / "desk.py").open("a") as file:
        file.write(_PUSHED)
    workspace = ms.Workspace.open(project)
    workspace.apply()
    workspace.predict(ENDPOINT, [ROW, ROW])
    workspace.ingest("visits", [{"n": 1, "at": "2024-01-02"}, {"n": None, "at": "2024-01-02"}])
    workspace.token()
    made = workspace.tokens.create("service:shop", ["predict"])
    (folder / "token.id").write_text(made.listing.id)
    settings = _SETTINGS.format(tester=workspace.public_keys()["tester"])
    (project / "project.toml").write_text(settings)
    workspace.backup(folder / "backup")
    (folder / "audit.json").write_bytes(msgspec.json.encode(workspace.audit()))
    (folder / "model.onnx").write_bytes(b"none")
    (folder / "spine.jsonl").write_text(
        json.dumps({"team": "team1", "prediction_time": "2024-01-17T00:00:00Z"}) + "\n"
    )
    close(workspace)
    return project


def close(workspace: Workspace) -> None:
    """Let go of every file, so that what was written lies in the databases themselves."""
    workspace.runtime.state.close()
    log = workspace.runtime.log
    (log.unwatched if isinstance(log, WatchedLog) else log).close()


def copied(project: Path, folder: Path) -> Path:
    """The workspace and what lies beside it, in another folder; the project there."""
    copied_tree(project.parent, folder, dirs_exist_ok=True)
    return folder / project.name


def verbs_of(project: Path) -> dict[str, Sequence[str]]:
    """Every verb of the command line that has to do with a workspace, as it is called for this
    one; what follows on what comes last.
    """
    beside, row = project.parent, json.dumps(ROW)
    return {
        "plan": ["plan"],
        "status": ["status"],
        "predict": ["predict", ENDPOINT, "--row", row],
        "models": ["models"],
        "models show": ["models", "show", ENDPOINT],
        "features": ["features"],
        "features show": ["features", "show", "load"],
        "lineage": ["lineage", ENDPOINT],
        "audit": ["audit"],
        "audit verify": ["audit", "verify", "--against", str(beside / "audit.json")],
        "doctor": ["doctor"],
        "auth list": ["auth", "list"],
        "auth key": ["auth", "key"],
        "auth create": [
            *("auth", "create", "service:checkout", "--permission", "predict"),
            *("--out", str(beside / "checkout.token")),
        ],
        "auth rotate": [
            *("auth", "rotate", (beside / "token.id").read_text()),
            *("--out", str(beside / "rotated.token")),
        ],
        "auth revoke": ["auth", "revoke", "0123456789ab"],
        "replay": ["replay", "--last", "2"],
        "watch": ["watch", "slow-monitor"],
        "simulate": ["simulate", "--from", "2024-01-15", "--days", "1"],
        "backfill": [
            "backfill", "load", "--spine", str(beside / "spine.jsonl"),
            "--out", str(beside / "out.parquet"),
        ],
        "test": ["test", "--parity", "--rows", "5"],
        "ingest": ["ingest", "visits", "--row", '{"n": 2, "at": "2024-01-03"}'],
        "quarantine list": ["quarantine", "list", "visits"],
        "quarantine show": ["quarantine", "show", "visits", "1"],
        "quarantine release": ["quarantine", "release", "visits", "--all"],
        "quarantine drop": ["quarantine", "drop", "visits", "--all"],
        "stream": ["stream", "--once"],
        "gates renew": ["gates", "renew"],
        "approve": ["approve", ENDPOINT, "staging", "--as", "person:grace"],
        "promote": ["promote", "staging"],
        "rollback": ["rollback"],
        "gc": ["gc"],
        "backup": ["backup", str(beside / "second")],
        "restore": ["restore", str(beside / "backup")],
        "serve": ["serve", "--port", "0"],
        "apply": ["apply"],
        "run": ["run", ENDPOINT],
    }  # fmt: skip
