"""The demo on a smaller model and fewer days: every act plays, and fails by itself where it does
not show what it claims.
"""

from pathlib import Path

import pytest

from mainspring.app.demo import run_demo
from mainspring.app.demo.scene import Scale

pytestmark = pytest.mark.journey

SMALL = Scale(
    simulated_days=4,
    load_s=2.0,
    replayed=200,
    edits={
        'train_from="2013-01-08"': 'train_from="2013-08-01"',
        '"n_estimators": 120': '"n_estimators": 40',
        'min_metric("roc_auc", 0.758)': 'min_metric("roc_auc", 0.70)',
        'max_metric("log_loss", 0.447)': 'max_metric("log_loss", 0.475)',
        "latency(p99_ms=25)": "latency(p99_ms=1000)",  # tests share their machine with other tests
    },
)


def test_every_act_shows_what_it_claims_and_leaves_nothing_behind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_demo(folder=tmp_path / "demo", scale=SMALL) == 0
    told = capsys.readouterr().out
    assert [f"━━ {act}  " in told for act in range(9)] == [True] * 9
    assert "200 of 200 identical" in told
    assert ", 0 failed." in told
    assert not (tmp_path / "demo").exists()
