"""A model card is written from what is stored of a version."""

from pathlib import Path

import pytest

import mainspring as ms
from tests.unit.project.desk import copied, edited


def scored_anyhow(folder: Path) -> None:
    """Another model, of which nothing is known but its scores: it exports itself."""
    edited(
        folder,
        "    return shape.fit(train.X, train.y)",
        "    return Whole(shape.fit(train.X, train.y))",
    )
    edited(
        folder,
        "@ms.model(history",
        "class Whole:\n"
        "    def __init__(self, inner):\n"
        "        self.inner = inner\n\n"
        "    def predict_proba(self, rows):\n"
        "        return self.inner.predict_proba(rows)\n\n"
        "    def to_onnx(self):\n"
        "        from mainspring.engines.lightgbm.export import export_booster\n\n"
        "        model = onnx.load_from_string(export_booster(self.inner))\n"
        '        kept = [each for each in model.graph.initializer if each.name != "shares_left"]\n'
        "        del model.graph.initializer[:]\n"
        "        model.graph.initializer.extend(kept)\n"
        "        return model.SerializeToString()\n\n\n"
        "@ms.model(history",
    )
    edited(folder, "import lightgbm as lgb\n", "import lightgbm as lgb\nimport onnx\n")


def test_a_card_says_what_was_signed_and_what_scores_come_from(
    applied_desk: Path, tmp_path: Path
) -> None:
    text = ms.Workspace.open(copied(applied_desk, tmp_path)).models.card("slow")
    assert text.startswith("# slow v1\n")
    assert "- ✓ gate/latency: p99" in text
    assert "test rows, by tree_shap (exactly)" in text
    assert "| words | " in text


def test_what_only_scores_is_explained_by_permutation(applied_desk: Path, tmp_path: Path) -> None:
    folder = copied(applied_desk, tmp_path)
    scored_anyhow(folder)
    workspace = ms.Workspace.open(folder)
    workspace.apply()
    assert "by permutation (estimated)" in workspace.models.card("slow")
    row = {"team": "team1", "words": 40, "opened_at": "2024-01-20T00:00:00Z"}
    [answer] = workspace.predict("slow", row, explain=True)
    found = answer.explanation
    assert found is not None
    assert (found.method, found.exact, found.scale) == ("permutation", False, "score")
    total = found.base + sum(found.contributions.values())
    assert total == pytest.approx(answer.score, abs=1e-9)
