"""What the training process is told and answers."""

import math

import pytest

from mainspring.elements.errors import Location
from mainspring.elements.identity import Digest
from mainspring.engines.lightgbm.errors import UnsupportedBooster
from mainspring.training.errors import ExportDiffers, FitFailed, WorkerFailed
from mainspring.training.worker_protocol import (
    TrainTask,
    parse_train_result,
    parse_train_task,
    render_train_result,
    render_train_task,
    train_failure_of,
)


def test_order_is_read_back(card):
    order = TrainTask(
        project="p",
        model="m",
        objects="o",
        card=card,
        fingerprint=Digest("sha256:1"),
        code=Digest("sha256:2"),
    )
    assert parse_train_task(render_train_task(order)) == order


def test_refusal_becomes_the_same_error_with_its_place():
    error = FitFailed(
        model="m", error="ValueError", detail="no", transcript="…", at=Location("a.py", 3)
    )
    with pytest.raises(FitFailed) as caught:
        parse_train_result(render_train_result(train_failure_of(error)), model="m")
    assert str(caught.value) == str(error)


@pytest.mark.parametrize("largest", [math.inf, math.nan])
def test_numbers_that_json_lacks_are_read_back(largest):
    error = ExportDiffers(model="m", rows=2, differing=1, largest=largest, tolerance=1e-9)
    with pytest.raises(ExportDiffers) as caught:
        parse_train_result(render_train_result(train_failure_of(error)), model="m")
    assert str(caught.value) == str(error)


def test_error_of_another_part_keeps_its_code():
    with pytest.raises(WorkerFailed, match="ENG-102"):
        parse_train_result(
            render_train_result(train_failure_of(UnsupportedBooster(faults="linear trees"))),
            model="m",
        )
