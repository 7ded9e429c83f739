"""What a move of an environment says of the roll-outs that it has servers begin."""

import pytest

import mainspring as ms
from mainspring.app.cli.commands.lifecycle import apply_lines
from mainspring.app.cli.paint import Paint
from mainspring.project.apply.perform import ApplyReport
from mainspring.serving.rollouts.awaited import awaited_rollout

CANARY = ms.Canary(steps=[5, 25, 100], hold="10m")


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        (CANARY, "late: canary, 5 % for 10m, then 25 % for 10m, then all"),
        (ms.Canary(steps=[100], hold="1h"), "late: canary, all"),
        (
            ms.ABTest(share=20, hold="7d"),
            "late: A/B test, 20 % until a person promotes or aborts it, 7d planned",
        ),
        (ms.Shadow(hold="2d"), "late: shadow, asked and not answering for 2d, then all"),
    ],
)
def test_a_rollout_is_said_as_it_will_go(declared, said):
    assert str(awaited_rollout("late", declared)) == said


def test_the_lines_of_an_apply_say_how_to_follow_what_takes_over():
    report = ApplyReport(
        environment="dev",
        run="run-1",
        version=2,
        performed=1,
        reused=0,
        moved=True,
        rollouts=(awaited_rollout("late", CANARY),),
    )
    said = "\n".join(apply_lines(report, Paint(colour=False)))
    assert "Roll-outs\n  late: canary, 5 %" in said
    assert "mainspring rollout status late" in said
