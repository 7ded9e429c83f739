"""The stage prints, keeps the time, and believes nothing."""

from importlib.resources import files
from itertools import count
from pathlib import Path

import pytest

from mainspring.app.cli.paint import Paint
from mainspring.app.demo.errors import ClaimNotShown
from mainspring.app.demo.stage import DemoOutput


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def stage(said: list[str]) -> DemoOutput:
    seconds = count()
    return DemoOutput(
        said.append, Paint(False), folder=Path("demo"), width=44, now=lambda: float(next(seconds))
    )


def test_claim_that_does_not_hold_ends_the_demo(stage: DemoOutput, said: list[str]) -> None:
    with pytest.raises(ClaimNotShown, match="pigs fly"):
        stage.claim(False, "pigs fly")
    assert said == []


def test_claim_that_holds_is_said(stage: DemoOutput, said: list[str]) -> None:
    stage.claim(True, "pigs walk")
    assert said == ["", "  ✓ pigs walk"]


def test_output_is_cut_to_the_terminal(stage: DemoOutput, said: list[str]) -> None:
    stage.line("x" * 80)
    assert said == ["  │ " + "x" * 39 + "…"]


def test_table_at_the_end_has_every_figure_and_every_act(
    stage: DemoOutput, said: list[str]
) -> None:
    stage.open_act("Real data", "Why.")
    stage.figure("replay", "all identical")
    assert stage.close() > 0
    assert any("replay  all identical" in line for line in said)
    assert any(line.startswith("  step 0  Real data") for line in said)


def test_examples_ship_with_the_package() -> None:
    examples = files("mainspring") / "examples"
    assert {
        item.name for name in ("flights", "flights_leaky") for item in (examples / name).iterdir()
    } >= {"flights.py", "project.toml"}
