"""Made the workspace in `0.1/`, with release 0.1 and once: `python make_0_1.py FOLDER`.

Kept to be read.  Keys, tokens and ids differ from run to run, so a second run makes another
workspace, and a later release must not make this one at all.
"""

import csv
import gzip
import json
import random
import re
import shutil
import sqlite3
import sys
import tarfile
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

import mainspring as ms

HERE = Path(__file__).parent / "0.1"
NIGHT = "2025-05-29T0{hour}:00:00Z"
SECOND = {'["1d", "3d", "7d"]': '["1d", "7d"]', "num_boost_round=16": "num_boost_round=10"}
VIEWS = ["places", "rides", "habits", "weather"]
KEYS = [{"station": s, "rider": r} for s, r in (("market", 1), ("summit", 7), ("nowhere", 99))]
ROWS = [
    {"station": station, "is_member": is_member, "taken_at": f"2025-05-29T{hour}:15:00Z"}
    for station, is_member, hour in (
        ("market", True, "08"),
        ("summit", False, "17"),
        ("quay", None, "12"),
        ("nowhere", True, "03"),
    )
]
SPINE = {
    "station": ["market", "summit", "quay", "market", "nowhere", "market"],
    "rider": [1, 7, 3, 4, 99, 1],
    "prediction_time": [
        *("2025-05-05T12:00:00Z", "2025-05-14T09:30:00Z", "2025-05-21T18:45:00Z"),
        *("2025-05-28T23:59:59Z", "2025-05-29T03:00:00Z", NIGHT.format(hour=5)),
    ],
}


def main(project: Path) -> None:
    assert ms.__version__ == "0.1.0", "this is what 0.1 left behind"
    project.mkdir()
    declared = (HERE / "rides.py").read_text()
    first = declared
    for now, before in SECOND.items():
        assert now in first
        first = first.replace(now, before)
    write_data(project / "data")

    # The first version: built by ada, approved by grace, promoted; both environments answer.
    set_clock(project, 2)
    (project / "rides.py").write_text(first)
    dev = open_dev(project)
    dev.apply()
    approve_and_promote(project)
    predictions = {env: ask(project, env, 2) for env in ("dev", "prod")}

    # Facts arrive: three, a correction, one taken back, and fifty that break the contract.
    set_clock(project, 3)
    push(project)
    for env, ids in predictions.items():
        ids += ask(project, env, 1)

    # A version that its gates refuse, and one that takes charge.
    set_clock(project, 4)
    one_tree = first.replace("num_boost_round=10", "num_boost_round=1")
    (project / "rides.py").write_text(one_tree.replace('"roc_auc", 0.6', '"roc_auc", 0.999'))
    refused = ""
    try:
        open_dev(project).apply()
    except ms.MainspringError as error:
        refused = error.code
    assert refused == "GAT-010"
    (project / "rides.py").write_text(declared)
    open_dev(project).apply()
    for env, ids in predictions.items():
        ids += ask(project, env, 1)
    approve_and_promote(project)
    open_dev(project).monitors.run("long_ride-monitor")
    open_dev(project).parity.test(20)
    token = open_dev(project).tokens.create("service:docks", ["predict"])
    open_dev(project).token()

    # The last hour: what 0.1 answers about it is what is expected of all who come after.
    set_clock(project, 5)
    for env, ids in predictions.items():
        ids += ask(project, env, 1)
    expected = answers(project, predictions) | {"refused": "long_ride@v2", "token": token}
    (project / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
    pack(project)


def set_clock(project: Path, hour: int) -> None:
    """Start the clock of the data at an hour of the last night, and pin the keys that exist."""
    keys = project / "keys.json"
    trust = json.loads(keys.read_text()) if keys.exists() else {}
    roles = "".join(f'{role} = ["{key}"]\n' for role, key in trust.items())
    at = NIGHT.format(hour=hour)
    (project / "project.toml").write_text(f"""name = "bikes"

[environments.dev]
as_of = {at}

[environments.prod]
protected = true
as_of = {at}
requires = ["gates", "approval"]
[environments.prod.trust]
{roles}""")


def open_dev(project: Path):
    return ms.Workspace.open(project, actor="person:ada")


def approve_and_promote(project: Path) -> None:
    grace = ms.Workspace.open(project, actor="person:grace")
    grace.approve("long_ride", "prod")
    (project / "keys.json").write_text(json.dumps(grace.public_keys()))
    settings = (project / "project.toml").read_text()
    set_clock(project, int(re.search(r"T0(\d):", settings)[1]))
    open_dev(project).promote("prod")


def ask(project: Path, env: str, times: int) -> list[str]:
    workspace = ms.Workspace.open(project, env, actor="service:docks")
    return [one.id for _ in range(times) for one in workspace.predict("long-ride", ROWS)]


def push(project: Path) -> None:
    dev = open_dev(project)
    ride = {"station": "market", "district": "river", "rider": 1}
    times = {"returned_at": "2025-05-29T02:30:00Z", "minutes": 62.5}
    dev.ingest("returns", [ride | times | {"ride": 9000 + n, "rider": 1 + n} for n in range(3)])
    dev.ingest(
        "returns", [ride | times | {"ride": 9001, "rider": 2, "minutes": 12.0}], op="replace"
    )
    dev.ingest("returns", [ride | times | {"ride": 9002, "rider": 3}], op="delete")
    broken = times | {"minutes": -5.0}
    dev.ingest("returns", [ride | broken | {"ride": 9100 + n} for n in range(50)])


def answers(project: Path, predictions: dict[str, list[str]]) -> dict[str, object]:
    """What 0.1 says about everything that a later release is asked again."""
    dev = open_dev(project)
    online = dev.get_online_features(VIEWS, keys=KEYS, at=NIGHT.format(hour=5)).columns
    spine = pl.DataFrame(SPINE)
    historical = dev.get_historical_features(VIEWS, spine=spine).drop(spine.columns)
    journal = dev.audit(last=0)
    signed = [one.event.at for one in journal.shown if one.event.kind == "gate.judged"]
    return {
        "made_by": ms.__version__,
        "proven_until": str(datetime.fromtimestamp(min(signed) / 1e6, UTC) + timedelta(days=90)),
        "journal": {"events": journal.events, "newest": journal.newest, "intact": journal.intact},
        "sources": {
            s.name: {"rows": s.rows, "quarantined": s.quarantined} for s in dev.status().sources
        },
        "environments": {env: environment(project, env, ids) for env, ids in predictions.items()},
        "rows": ROWS,
        "online": {
            "at": NIGHT.format(hour=5),
            "views": VIEWS,
            "keys": KEYS,
            "columns": plain(online),
        },
        "historical": {
            "views": VIEWS,
            "spine": SPINE,
            "columns": plain(historical.to_dict(as_series=False)),
        },
    }


def environment(project: Path, env: str, ids: list[str]) -> dict[str, object]:
    workspace = ms.Workspace.open(project, env)
    status, replays = workspace.status(), workspace.replay(ids)
    [endpoint] = status.endpoints
    assert all(replay.outcome == "identical" for replay in replays), replays
    return {
        "version": status.version,
        "model": endpoint.model,
        "digest": endpoint.digest,
        "attested": endpoint.attested,
        "incidents": [incident.sentence for incident in status.incidents],
        "predictions": {replay.prediction: replay.told for replay in replays},
        "scores": [replay.told for replay in replays[-len(ROWS) :]],
        "rolled_back": rolled_back(project, env),
    }


def rolled_back(project: Path, env: str) -> dict[str, object]:
    """What a rollback leads to, tried on a copy."""
    with tempfile.TemporaryDirectory() as folder:
        copy = ms.Workspace.open(shutil.copytree(project, Path(folder) / "copy"), env)
        copy.rollback()
        [endpoint] = copy.status().endpoints
        scores = [answer.score for answer in copy.predict("long-ride", ROWS)]
    return {"model": endpoint.model, "digest": endpoint.digest, "scores": scores}


def plain(value: object) -> object:
    """As JSON reads it back; a length of time as text."""
    return json.loads(json.dumps(value, default=str))


def write_data(folder: Path) -> None:
    """Four weeks of rides that nobody took."""
    folder.mkdir()
    dice = random.Random(20250501)
    stations = {
        "market": "river",
        "quay": "river",
        "mill": "river",
        "summit": "hill",
        "spa": "hill",
    }
    start = datetime(2025, 5, 1, tzinfo=UTC)
    rain = {
        start + timedelta(hours=hour): max(0.0, round(dice.gauss(-2, 3), 1))
        for hour in range(28 * 24 + 5)
    }
    rentals, returns = [], []
    for ride in range(1, 673):
        day, hour = divmod(ride - 1, 24)
        minute = 7 * 60 + round(hour * 37.5) + dice.randrange(20)
        taken = start + timedelta(days=day, minutes=minute)
        station, rider, is_member = (
            dice.choice(list(stations)),
            dice.randrange(1, 40),
            dice.random() < 0.6,
        )
        wet = rain[taken.replace(minute=0)]
        slow = 14 * (stations[station] == "hill") - 9 * is_member - wet + 8 * (day % 7 > 4)
        length = round(max(4.0, 34 + slow + dice.gauss(0, 9)), 1)
        rentals.append((ride, f"{taken:%FT%TZ}", station, rider, str(is_member).lower()))
        if dice.random() < 0.97:
            back = taken + timedelta(minutes=length)
            returns.append((ride, f"{back:%FT%TZ}", station, stations[station], rider, length))
    write_csv(
        folder / "rentals.csv", ("ride", "taken_at", "station", "rider", "is_member"), rentals
    )
    fields = ("ride", "returned_at", "station", "district", "rider", "minutes")
    write_csv(folder / "returns.csv", fields, returns)
    write_csv(
        folder / "rain.csv", ("hour", "millimetres"), [(f"{h:%FT%TZ}", r) for h, r in rain.items()]
    )
    docks = [dice.randrange(8, 30) for _ in stations]
    table = {"station": list(stations), "district": list(stations.values()), "docks": docks}
    pl.DataFrame(table).write_parquet(folder / "stations.parquet")


def write_csv(path: Path, header: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])


def pack(project: Path) -> None:
    """The state as one archive, the same for the same bytes; Git would lose the keys' modes."""
    state = project / ".mainspring"
    for path in state.rglob("*.db"):
        connection = sqlite3.connect(path)
        assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
        connection.close()
    for left in state.rglob("*.db-*"):
        assert left.name.endswith("-shm") or not left.stat().st_size, left
    shutil.rmtree(project / "__pycache__", ignore_errors=True)
    (project / "keys.json").unlink()
    with (
        (project / "state.tar.gz").open("wb") as file,
        gzip.GzipFile("", "wb", mtime=0, fileobj=file) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        for path in sorted(path for path in state.rglob("*") if "-" not in path.suffix):
            archive.add(path, str(path.relative_to(state)), recursive=False, filter=anonymous)


def anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.mtime, member.uid, member.gid, member.uname, member.gname = 0, 0, 0, "", ""
    return member


if __name__ == "__main__":
    main(Path(sys.argv[1]))
