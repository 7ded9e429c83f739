"""What `gc`, `backup` and `restore` say."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import mainspring as ms
from mainspring.app.cli import command_line
from mainspring.app.cli.commands.maintenance import gc_lines
from mainspring.app.cli.paint import Paint
from mainspring.maintenance.collect import GcReport
from mainspring.maintenance.garbage import GcPlan

PROJECT = """
import mainspring as ms
sales = ms.Source("sales", id="n", event_time="at", contract=ms.Contract(n=ms.Int64(),
    at=ms.Timestamp()))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "shop.py").write_text(PROJECT)
    workspace = ms.Workspace.open(tmp_path / "shop")
    workspace.apply()
    workspace.ingest("sales", [{"n": 1, "at": "2024-05-01"}, {"n": 2, "at": "2024-05-01"}])
    return tmp_path / "shop"


def said(*arguments: str) -> str:
    done = CliRunner().invoke(command_line, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_gc_says_first_what_it_is_going_to_do(folder: Path) -> None:
    lines = said("gc", "--project", str(folder)).splitlines()
    assert lines[0] == "To do in shop"
    assert lines[-1] == "✓ nothing had to be removed"


def test_a_plan_of_gc_does_nothing_and_is_one_document(folder: Path) -> None:
    orphan = ms.Workspace.open(folder).runtime.objects.write(b"orphan")
    plan = json.loads(said("gc", "--plan", "--json", "--project", str(folder)))
    assert {"step": "mark_object", "digest": orphan} in plan["steps"]
    assert json.loads(said("gc", "--json", "--project", str(folder)))["marked"] == 1
    assert (
        json.loads(said("gc", "--json", "--grace", "1us", "--project", str(folder)))["objects"] == 1
    )


def test_what_gc_did_is_told_in_one_line() -> None:
    plan = GcPlan(project="shop", at=0, data_at=0, grace=1, steps=(), trouble="")
    report = GcReport(
        plan=plan,
        trimmed=1200,
        joined=2,
        files=0,
        shards=1,
        objects=0,
        marked=0,
        leftovers=0,
        passed_over=1,
    )
    assert list(gc_lines(report, Paint(colour=False))) == [
        "✓ 1,200 records trimmed, 1 shard dropped, 2 small batches joined",
        "  1 step skipped, because it is needed again",
    ]


def test_a_backup_says_what_it_holds_and_its_digest_lets_it_back_in(
    folder: Path, tmp_path: Path
) -> None:
    lines = said("backup", str(tmp_path / "monday"), "--project", str(folder)).splitlines()
    assert lines[0].startswith(f"✓ {tmp_path / 'monday'} holds ")
    assert lines[1] == "  log        4 records in 3 topics"
    assert lines[3] == "  secrets    private keys and the owner's token are not in it"
    assert lines[4].startswith("  signed by  ed25519:")
    digest = lines[5].split()[1]
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / "shop.py").write_text(PROJECT)
    (tmp_path / "again" / "project.toml").write_text('name = "shop"\n')
    back = said(
        "restore",
        str(tmp_path / "monday"),
        "--digest",
        digest,
        "--project",
        str(tmp_path / "again"),
    ).splitlines()
    assert back[0].startswith("✓ shop is as it was on ")
    assert (
        json.loads(said("status", "--json", "--project", str(tmp_path / "again")))["sources"][0][
            "rows"
        ]
        == 2
    )
