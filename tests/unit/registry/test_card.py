"""The model card, word for word."""

from pathlib import Path

import pytest

from mainspring.datasets.card import FeatureColumn, TrainingSetCard
from mainspring.elements.schema import DType
from mainspring.registry.card import render_card

GOLDEN = Path(__file__).parents[2] / "golden" / "model_card.md"


@pytest.fixture
def training(fit):
    return TrainingSetCard(
        name="flights",
        digest=fit.training_set,
        features=(
            FeatureColumn("minute", DType.INT64, "schedule"),
            FeatureColumn("origin__delay_mean__3h", DType.FLOAT64, "departure_delays"),
        ),
        request=("origin",),
        rows=336_776,
        fitted=238_694,
        tested=82_609,
        excluded={"outside the split": 6_043, "no label": 9_430},
        tainted=("conditions",),
        assumed=("timetable",),
        history_share={"departures": 1.0, "weather": 0.0},
        inputs={},
    )


def test_card_reads_as_agreed(register, fit, training):
    text = render_card(
        register(fit),
        training,
        description="Will it land late?",
        verdicts=["✓ latency  p99 3.10 ms"],
    )
    assert text == GOLDEN.read_text(encoding="utf-8")


def test_a_card_says_what_the_scores_come_from(register, fit, training):
    sizes = {f"feature_{place}": 20.0 - place for place in range(17)}
    text = render_card(register(fit), training, importance=sizes, importance_of="Over 9 rows:")
    assert "## What its scores come from\n\nOver 9 rows:\n\n| feature |" in text
    assert "| feature_14 | 6 |\n| 2 more, together | 9 |" in text
