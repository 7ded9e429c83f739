"""The declaration of a model: the function that fits it, its training set, and its gates."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar, Protocol

from mainspring.datasets.spec import TrainingSet
from mainspring.elements.declaration import GivenTags, Tags, caller, freeze, parse_tags
from mainspring.elements.errors import Location

if TYPE_CHECKING:
    from mainspring.training.run import TrainData, TrainingRun

__all__ = ["FitFunction", "GateDeclaration", "Model", "model"]

FitFunction = Callable[["TrainData", "TrainingRun"], object]
"""Takes the training rows and the run to log to; returns the fitted estimator."""


class GateDeclaration(Protocol):
    """A gate of a model; the gates themselves are declared in `gates`."""

    @property
    def name(self) -> str:
        """Unique among the gates of a model, such as `min_metric:roc_auc`."""
        ...


@dataclass(frozen=True, init=False)
class Model:
    """A model: fitted by a function on a training set, and judged by gates.

    Args:
        seed: for the random numbers of the fit, as `run.seed`.
        inputs: files and folders that the fit reads, relative to the project; a change of their
            content is a change of the model.
        description: what it is for; default: the docstring of the function.
        renamed_from: what it was called before: it keeps its versions and its history.
    """

    POLICY: ClassVar[frozenset[str]] = frozenset({"gates", "owner", "description"})

    name: str
    fit: FitFunction = field(compare=False, repr=False)
    training_set: TrainingSet
    gates: tuple[GateDeclaration, ...]
    seed: int
    inputs: tuple[str, ...]
    declared_at: Location = field(compare=False, repr=False)
    owner: str = ""
    description: str = ""
    tags: Tags = ()
    renamed_from: str = ""

    def __init__(
        self,
        fit: FitFunction,
        training_set: TrainingSet,
        *,
        gates: Sequence[GateDeclaration] = (),
        name: str = "",
        seed: int = 0,
        inputs: Sequence[str] = (),
        owner: str = "",
        description: str = "",
        tags: GivenTags = (),
        renamed_from: str = "",
    ) -> None:
        freeze(
            self,
            name=name or fit.__name__,
            fit=fit,
            training_set=training_set,
            gates=tuple(gates),
            seed=seed,
            inputs=_paths((inputs,) if isinstance(inputs, str) else inputs),
            owner=owner,
            description=description or (fit.__doc__ or "").strip(),
            tags=parse_tags(tags),
            declared_at=caller(),
            renamed_from=renamed_from,
        )


def _paths(given: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted({PurePath(path).as_posix() for path in given}))


def model(
    training_set: TrainingSet,
    *,
    gates: Sequence[GateDeclaration] = (),
    name: str = "",
    seed: int = 0,
    inputs: Sequence[str] = (),
    owner: str = "",
    description: str = "",
    tags: GivenTags = (),
    renamed_from: str = "",
) -> Callable[[FitFunction], Model]:
    """Declare the function below as a model: `@ms.model(flights, gates=[...])`."""

    def declare(fit: FitFunction) -> Model:
        return Model(
            fit,
            training_set,
            gates=gates,
            name=name,
            seed=seed,
            inputs=inputs,
            owner=owner,
            description=description,
            tags=tags,
            renamed_from=renamed_from,
        )

    return declare
