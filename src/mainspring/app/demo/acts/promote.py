"""Step 6: try to deploy an unproven model, by command and by editing the database."""

import re
import sqlite3

from mainspring.app.demo.rows import timetable_rows
from mainspring.app.demo.scene import Scene, wait_until
from mainspring.app.demo.server import ServerProcess, running_server
from mainspring.registry.version import ModelVersion

__all__ = ["promote_ungated"]

_REFUSED = 1
_TREES = re.compile(r'"n_estimators": \d+')
_FEW_TREES = '"n_estimators": 3'
_TRUST = "[environments.staging.trust]\ntester = []"
_SQL = """UPDATE documents
  SET payload = CAST(replace(CAST(payload AS TEXT), '{proven}', '{ungated}') AS BLOB)
  WHERE kind = 'environment' AND key = 'staging'"""


def promote_ungated(scene: Scene, proven: ModelVersion) -> None:
    """Promote a proven model; then make one that fails its gates, and see that it is refused both
    by command and in the database.
    """
    stage = scene.stage
    stage.open_act(
        "Deploy a model that failed its gates",
        "staging is protected: its server accepts only models with signatures by keys that "
        "its own configuration lists, whatever commands or the database say.",
    )
    server = _promote(scene)
    ungated = _fail_gates(scene)
    reference = f"{ungated.model}@v{ungated.ordinal}"

    stage.say(f"First try, by command: deploy {reference} to staging.")
    tried = scene.honest.run("promote", "staging", "--version", reference, code=_REFUSED)
    stage.claim(
        "SRV-002" in tried.text, "Refused: no trusted key has signed that it passed its gates."
    )

    stage.say("Second try, with write access to the database:")
    refusals = len(_refusals(scene))
    _rewrite(scene, proven, ungated, shown=True)
    noticed = wait_until(lambda: len(_refusals(scene)) > refusals, timeout_s=10)
    [answer] = server.predict(timetable_rows(scene, 1))
    stage.lines(_refusals(scene)[-1:])
    stage.claim(
        noticed and answer.version == proven.digest,
        f"The running server noticed it, refused it, recorded that in the journal, and still "
        f"serves {proven.label}.",
    )
    server.stop()
    again = running_server(scene, "staging")
    [answer] = again.predict(timetable_rows(scene, 1))
    stage.claim(
        answer.version == proven.digest,
        f"A server started on the forged database also serves {proven.label}, the newest "
        f"proven version.",
    )
    scene.honest.run("audit", "--kind", "model.refused", "--last", "2")
    again.stop()
    _rewrite(scene, ungated, proven, shown=False)
    stage.figure(
        "unproven model", "refused by command and in the database; the proven one still served"
    )


def _promote(scene: Scene) -> ServerProcess:
    stage = scene.stage
    [key] = [
        word.strip('[]"')
        for line in scene.honest.run("auth", "key").lines
        for word in line.split()
        if "ed25519:" in word
    ][:1]
    scene.edit("project.toml", _TRUST, _TRUST.replace("[]", f'["{key}"]'))
    scene.honest.run("promote", "dev", "staging")
    server = running_server(scene, "staging")
    stage.claim(
        server.process.poll() is None,
        "Judged again for staging, promoted by moving pointers, and served: nothing was "
        "copied or built.",
    )
    return server


def _fail_gates(scene: Scene) -> ModelVersion:
    """A model of three trees, which is registered and failed its gates."""
    stage = scene.stage
    before = len(scene.versions(scene.honest))
    stage.say("Now a much smaller model, trained in seconds.")
    source = (scene.honest.folder / "flights.py").read_text(encoding="utf-8")
    found = _TREES.search(source)
    if found is None:
        stage.fail("flights.py says how many trees the model has")
    scene.edit("flights.py", found[0], _FEW_TREES)
    scene.honest.run("apply", code=_REFUSED, shows=lambda line: "✓  " not in line)
    scene.edit("flights.py", _FEW_TREES, found[0], shown=False)
    versions = scene.versions(scene.honest)
    stage.claim(
        len(versions) == before + 1,
        f"It is registered as {versions[-1].label} with its failed verdicts, and dev still "
        f"serves what it served before.",
    )
    return versions[-1]


def _rewrite(scene: Scene, old: ModelVersion, new: ModelVersion, *, shown: bool) -> None:
    """Write another version's digest into staging's pointers, bypassing Mainspring."""
    sql = _SQL.format(proven=old.digest, ungated=new.digest)
    if shown:
        scene.stage.command(
            f"sqlite3 .mainspring/state.db "
            f'"{_SQL.format(proven=f"{old.digest[:15]}…", ungated=f"{new.digest[:15]}…")}"'
        )
    connection = sqlite3.connect(scene.state / "state.db", timeout=10)
    with connection:
        changed = connection.execute(sql).rowcount
    connection.close()
    if changed != 1:
        scene.stage.fail("the pointers of staging can be edited in the database")


def _refusals(scene: Scene) -> list[str]:
    events = [
        record.event
        for record in scene.open("staging").runtime.state.iter_events(kind="model.refused")
    ]
    return [
        f"{event.kind}  {event.subject}  {event.facts['code']} {event.facts['reason']}"
        for event in events
    ]
