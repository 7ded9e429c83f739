"""Train a model in its own process or, for a project in memory, in this one."""

import time

import msgspec
import polars as pl

from mainspring.datasets.card import TrainingSetCard
from mainspring.elements.identity import Digest
from mainspring.ports.compute import Compute, Task
from mainspring.ports.objects import ObjectWriter
from mainspring.training.fit import TrainingBackend, fit_and_export
from mainspring.training.outcome import TrainedModel
from mainspring.training.spec import Model
from mainspring.training.worker_protocol import TrainTask, parse_train_result, render_train_task

__all__ = ["TRAIN_WORKER", "train", "train_in_memory"]

TRAIN_WORKER = "mainspring.app.models.train_worker"
"""The module that the process runs; named and not imported, because `app` is a higher layer."""


def train(
    order: TrainTask, *, compute: Compute, objects: ObjectWriter, timeout_s: float = 3600.0
) -> TrainedModel:
    """Fit, export and check a model in its own process, and store what the process printed.

    Raises: a TrainingError TRA-001 to TRA-024; TaskFailed ENG-006 when the process died,
        TaskOverdue ENG-007 when its time was up.
    """
    result = compute.run(Task(TRAIN_WORKER, render_train_task(order), timeout_s))
    trained = parse_train_result(result.answer, model=order.model)
    return msgspec.structs.replace(
        trained, cpu_s=result.cpu_s, transcript=objects.write(result.transcript.encode())
    )


def train_in_memory(
    model: Model,
    frame: pl.DataFrame,
    card: TrainingSetCard,
    *,
    backend: TrainingBackend,
    fingerprint: Digest,
    code: Digest,
) -> TrainedModel:
    """The same in the caller's process: for a workspace in memory, whose functions no other process
    could import.

    Raises: as `train`, except the errors of the process.
    """
    began = time.process_time()
    trained = fit_and_export(
        model, frame, card, backend=backend, fingerprint=fingerprint, code=code
    )
    return msgspec.structs.replace(trained, cpu_s=time.process_time() - began)
