"""Made the backup in `0.1/`, with release 0.1 and once: `python make_0_1.py FOLDER`.

Kept to be read.  Keys, tokens and ids differ from run to run, so a second run makes another
backup, and a later release must not make this one at all.
"""

import json
import shutil
import sys
import tarfile
from pathlib import Path

import polars as pl

import mainspring as ms
from mainspring.elements.time import DAY

HERE = Path(__file__).parent / "0.1"
AT = "2024-05-02T00:00:00Z"
SHOPS = ["Café 東京", "elsewhere"]


def main(project: Path) -> None:
    assert ms.__version__ == "0.1.0", "this is what 0.1 left behind"
    shutil.copytree(HERE, project, ignore=shutil.ignore_patterns("backup.tar.gz"))
    workspace = ms.Workspace.open(project, actor="person:ada")
    workspace.apply()
    workspace.ingest("sales", [sale(number) for number in range(40)], history=True)
    # Trimmed: the first forty records are carried from the table; ten and a refused row are not
    # in the table yet.
    assert workspace.runtime.log.trim("source:sales", 40) == 40
    workspace.push(
        "sales", [sale(number) for number in range(40, 50)] + [{"n": None}], history=True
    )
    orphan = workspace.runtime.objects.write(b"of a run that was killed")
    noted = workspace.sweeper.sweep(workspace.sweeper.plan(DAY)).noted
    assert noted == 1, "the first pass of gc remembers what nothing names"
    token = workspace.token().read_text().strip()
    report = workspace.backup(project.parent / "backup", secrets=True)
    expected = {
        "digest": report.digest,
        "token": token,
        "keys": workspace.public_keys(),
        "features": features(workspace),
        "facts": workspace.facts_of(workspace.source("sales")).height,
        "journal": report.cut.journal,
        "unreferenced": orphan,
        "trimmed": report.cut.kept_from,
    }
    (HERE / "expected.json").write_text(json.dumps(expected, indent=1, ensure_ascii=False) + "\n")
    with tarfile.open(HERE / "backup.tar.gz", "w:gz") as archive:
        archive.add(project.parent / "backup", arcname=".")


def sale(number: int) -> dict[str, object]:
    """One of fifty: a shop, and an amount that is no short decimal."""
    shop = SHOPS[number % 2]
    return {"n": number, "at": "2024-05-01T09:30:00Z", "shop": shop, "amount": number / 7}


def features(workspace: ms.Workspace) -> dict[str, list[object]]:
    """What a training set would be given."""
    spine = pl.DataFrame({"shop": SHOPS, "prediction_time": [AT] * len(SHOPS)})
    found = workspace.get_historical_features(["takings"], spine=spine)
    return found.drop(spine.columns).to_dict(as_series=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
