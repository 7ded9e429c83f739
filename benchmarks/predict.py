"""What one prediction costs in process, and which part of it is what: `python -m
benchmarks.predict`.

Prints medians of microseconds, and as ratios to the bare model call measured in the same run, since
machines differ and seconds say little.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from mainspring.app.cli.create import create_project
from mainspring.app.workspace import Workspace
from mainspring.elements.schema import Schema
from mainspring.features.cast import cast_columns
from mainspring.serving.predict import Predictor

CALLS = 400
ROWS = {64: 100, 10_000: 9}
"""How many requests of how many rows."""

AS_OF = "2024-03-28T18:00:00Z"
SHOPS = ("harbour", "market", "station", "old-town")


def median_us(work: Callable[[int], object], *, calls: int = CALLS) -> float:
    """The median time of a call, each with a number of its own."""
    taken = []
    for call in range(calls):
        started = time.perf_counter_ns()
        work(call)
        taken.append(time.perf_counter_ns() - started)
    return statistics.median(taken) / 1000


def row(call: int) -> dict[str, object]:
    """A request unlike the one before."""
    return {
        "shop": SHOPS[call % len(SHOPS)],
        "distance_km": 0.5 + call % 50 / 10,
        "ordered_at": AS_OF,
    }


def main() -> None:
    """Apply the starter project and time the parts of a prediction."""
    with tempfile.TemporaryDirectory() as folder:
        create_project(Path(folder), "deliveries")
        workspace = Workspace.open(Path(folder), as_of=AS_OF)
        workspace.apply()
        host = workspace.host()
        workspace.materialize()
        model = host.endpoint("late-delivery").current
        assert model is not None
        now = workspace.runtime.data_clock.now()
        predictor = Predictor(
            workspace.runtime.online,
            workspace.runtime.log,
            workspace.runtime.data_clock,
            workspace.runtime.ids,
        )
        answered = predictor.answer(model, [row(0)], at=[now], map_version=1, actor="benchmark")
        requests = [
            cast_columns([row(call)], model.training_set.request_schema, passthrough=Schema(()))
            for call in range(CALLS)
        ]
        matrix = np.random.default_rng(0).random((CALLS, model.scorer.feature_count))
        parts = {
            "bare model call": median_us(
                lambda call: model.scorer.predict(matrix[call : call + 1])
            ),
            "features read and computed": median_us(
                lambda call: model.features_of(requests[call], workspace.runtime.online, at=[now])
            ),
            "record written to the log": median_us(
                lambda call: predictor.keep(
                    [msgspec.structs.replace(answered, id=f"prediction-{call:026}")],
                    topic="inference:bench:late",
                )
            ),
            "whole prediction": median_us(
                lambda call: host.predict("late-delivery", [row(call)], actor="benchmark")
            ),
        }
        for rows, calls in ROWS.items():
            request = [row(call) for call in range(rows)]
            parts[f"prediction of {rows:,} rows"] = median_us(
                lambda _, rows=request: host.predict("late-delivery", rows, actor="benchmark"),
                calls=calls,
            )
    bare = parts["bare model call"]
    for name, taken in parts.items():
        print(f"{name:<28} {taken:8.0f} µs  {taken / bare:6.1f} × bare call")


if __name__ == "__main__":
    main()
