"""The two ways to train: in a process of its own, and here."""

import lightgbm as lgb
import pytest

from mainspring.app.models.exporters import export_model
from mainspring.app.models.scorers import OnnxScorerLoader
from mainspring.elements.identity import Digest
from mainspring.ports.compute import TaskResult
from mainspring.training.fit import TrainingBackend
from mainspring.training.train import TRAIN_WORKER, train, train_in_memory
from mainspring.training.worker_protocol import TrainTask, parse_train_task, render_train_result


def boosted(train, run):
    options = {"num_threads": 1, "verbosity": -1, "objective": "binary", "min_data_in_leaf": 5}
    return lgb.train(options, lgb.Dataset(train.X, train.y), num_boost_round=3)


@pytest.fixture
def here(frame, card, objects, declared):
    backend = TrainingBackend(objects=objects, export=export_model, scorers=OnnxScorerLoader())
    return train_in_memory(
        declared(boosted),
        frame,
        card,
        backend=backend,
        fingerprint=Digest("sha256:f"),
        code=Digest("sha256:c"),
    )


def test_training_here_counts_its_processor_time(here):
    assert here.cpu_s > 0
    assert here.transcript is None


def test_training_elsewhere_keeps_what_the_process_printed(here, card, objects):
    class Elsewhere:
        """Answers with a model that was trained before."""

        def run(self, task):
            assert (task.module, parse_train_task(task.order).model) == (TRAIN_WORKER, "boosted")
            return TaskResult(render_train_result(here), "[LightGBM] started", 2.5)

    order = TrainTask(
        project="p",
        model="boosted",
        objects="o",
        card=card,
        fingerprint=Digest("sha256:f"),
        code=Digest("sha256:c"),
    )
    trained = train(order, compute=Elsewhere(), objects=objects)
    assert (trained.artifact, trained.cpu_s) == (here.artifact, 2.5)
    assert objects.read(trained.transcript) == b"[LightGBM] started"
