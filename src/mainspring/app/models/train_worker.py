"""The process that trains one model: a task on standard input, a result on standard output, and
printed output on standard error.

Nothing is imported before `main` has pinned the threads: OpenMP reads their number once, and with
more threads than free cores a fit can stall.
"""

import os
import sys
from pathlib import Path

__all__ = ["main"]

_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "POLARS_MAX_THREADS",
)


def main() -> None:
    """Read the task, fit, and write the model or the reason why there is none.

    A bug in Mainspring ends the process with a traceback and status 1, which the caller sees as
    TaskFailed ENG-006.
    """
    from mainspring.elements.collector import collect_rarely

    collect_rarely()
    answer_to = os.dup(sys.stdout.fileno())
    # Below Python, because libraries print to the file itself: one stray line would spoil the
    # answer.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    for name in _THREADS:
        os.environ.setdefault(name, "1")
    answer = _answer(sys.stdin.buffer.read())
    with os.fdopen(answer_to, "wb") as stream:
        stream.write(answer)


def _answer(payload: bytes) -> bytes:
    from mainspring.elements.errors import MainspringError
    from mainspring.training.worker_protocol import (
        parse_train_task,
        render_train_result,
        train_failure_of,
    )

    order = parse_train_task(payload)
    try:
        return _train(payload)
    except MainspringError as error:
        print(f"{order.model}: {error}", file=sys.stderr)
        return render_train_result(train_failure_of(error))


def _train(payload: bytes) -> bytes:
    from mainspring.app.models.exporters import export_model
    from mainspring.app.models.scorers import OnnxScorerLoader
    from mainspring.datasets.build import parse_training_rows
    from mainspring.engines.local.objects import FileObjects
    from mainspring.project.loader.discover import discover
    from mainspring.project.loader.importing import importing_from
    from mainspring.training.fit import TrainingBackend, fit_and_export
    from mainspring.training.worker_protocol import parse_train_task, render_train_result

    order = parse_train_task(payload)
    project, objects = Path(order.project), FileObjects(Path(order.objects))
    model = next(model for model in discover(project).models if model.name == order.model)
    frame = parse_training_rows(objects.read(order.card.digest))
    backend = TrainingBackend(objects=objects, export=export_model, scorers=OnnxScorerLoader())
    # Held open for imports inside the fit function, which run only now.
    with importing_from(project if project.is_dir() else project.parent):
        return render_train_result(
            fit_and_export(
                model,
                frame,
                order.card,
                backend=backend,
                fingerprint=order.fingerprint,
                code=order.code,
            )
        )


if __name__ == "__main__":
    main()
