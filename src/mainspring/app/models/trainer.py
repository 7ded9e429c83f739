"""Trains in a worker process, wherever objects are stored.

That process runs the user's code, so it gets files and no secrets: if objects are in a bucket, the
rows to fit are copied to a temporary folder, and what the worker writes there is uploaded by this
process.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from mainspring.datasets.card import TrainingSetCard
from mainspring.elements.identity import Digest
from mainspring.engines.local.objects import FileObjects
from mainspring.engines.onnx.scan import require_safe
from mainspring.ports.compute import Compute
from mainspring.ports.objects import ObjectWriter
from mainspring.training.outcome import TrainedModel
from mainspring.training.spec import Model
from mainspring.training.train import train
from mainspring.training.worker_protocol import TrainTask

__all__ = ["ProcessTrainer"]


class ProcessTrainer:
    """A trainer for a project on disk.

    Args:
        project: its folder or file.
        objects: where its objects are stored.
        folder: the state of the project; objects on files lie in `objects` there.
        compute: what runs the process.
    """

    def __init__(
        self, project: Path, objects: ObjectWriter, *, folder: Path, compute: Compute
    ) -> None:
        self._project, self._objects, self._folder = project, objects, folder
        self._compute = compute

    def __call__(
        self, model: Model, card: TrainingSetCard, *, fingerprint: Digest, code: Digest
    ) -> TrainedModel:
        """The fitted, exported and checked model.  Raises: a TrainingError TRA-001 to TRA-024,
        TaskFailed ENG-006, TaskOverdue ENG-007, UnsafeModel ENG-205.
        """
        if isinstance(self._objects, FileObjects):
            return self._train(
                model,
                card,
                fingerprint,
                code,
                objects=self._objects,
                place=self._folder / "objects",
            )
        with TemporaryDirectory(dir=self._folder, prefix="training-") as place:
            here = FileObjects(Path(place))
            here.write(self._objects.read(card.digest))
            trained = self._train(model, card, fingerprint, code, objects=here, place=Path(place))
            for digest in here.iter_digests():
                self._objects.write(here.read(digest))
            return trained

    def _train(
        self,
        model: Model,
        card: TrainingSetCard,
        fingerprint: Digest,
        code: Digest,
        *,
        objects: FileObjects,
        place: Path,
    ) -> TrainedModel:
        order = TrainTask(
            project=str(self._project),
            model=model.name,
            objects=str(place),
            card=card,
            fingerprint=fingerprint,
            code=code,
        )
        trained = train(order, compute=self._compute, objects=objects)
        # The worker runs the user's code, so what it handed over is looked at here again.
        require_safe(objects.read(trained.artifact))
        return trained
