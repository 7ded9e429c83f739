"""Models of every classic operator, encodings and definitions with something wrong in them: each is
refused with a code or works, in bounded time; no signal, no other exception.
"""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from mainspring.datasets.encoding import parse_encoding
from mainspring.elements.errors import RecordUnreadable
from mainspring.engines.onnx.scorer import OnnxScorer
from tests.attacks.fuzzing import MODELS

ROUNDS = os.environ.get("MAINSPRING_FUZZ_ROUNDS", "1000")
SEED = os.environ.get("MAINSPRING_FUZZ_SEED", "0")
"""A longer run, of other rounds, is a matter of the environment."""


def test_what_was_changed_by_chance_is_refused_or_works(tmp_path: Path) -> None:
    last = tmp_path / "last"
    command = [sys.executable, "-m", "tests.attacks.fuzzing", "--rounds", ROUNDS, "--seed", SEED]
    ended = subprocess.run(
        [*command, "--last", last], capture_output=True, check=False, timeout=60 + int(ROUNDS)
    )
    faults = ended.stdout.decode(errors="replace")[-2_000:]
    assert ended.returncode == 0, (ended.returncode, last.read_text(), faults)


@pytest.mark.parametrize("operator", MODELS)
def test_what_is_fuzzed_works_as_it_is(operator: str) -> None:
    scorer = OnnxScorer(MODELS[operator].SerializeToString())
    assert scorer.feature_count == 3


@pytest.mark.parametrize(
    "feature",
    [
        {"name": "a", "dtype": "list[float64]", "size": 2**62},
        {"name": "a", "dtype": "list[float64]", "size": -1},
        {"name": "a", "dtype": "list[float64]"},
        {"name": "a", "dtype": "float64", "size": 3},
        {"name": "a", "dtype": "string"},
        {"name": "a", "dtype": "int64", "vocabulary": ["a"]},
    ],
    ids=str,
)
def test_an_encoding_counts_to_no_size_that_somebody_wrote(feature: dict[str, object]) -> None:
    with pytest.raises(RecordUnreadable):
        parse_encoding(msgspec.json.encode({"features": [feature]}))
