"""What can be wrong with the fit of a model, before it has run."""

from collections.abc import Iterator

from mainspring.elements.errors import DeclarationError
from mainspring.ports.models import exportable_in_words
from mainspring.project.code.estimators import not_exportable
from mainspring.project.kinds.asset import FaultScope
from mainspring.project.loader.errors import EstimatorNotExportable, InputMissing
from mainspring.training.spec import Model

__all__ = ["fit_faults"]


def fit_faults(model: Model, scope: FaultScope) -> Iterator[DeclarationError]:
    """Inputs that are not there, and estimators that could be trained but never served."""
    for path in model.inputs:
        if path not in scope.inputs:
            yield InputMissing(model=model.name, path=path, at=model.declared_at)
    for estimator in not_exportable(model.fit, scope.code):
        yield EstimatorNotExportable(
            model=model.name,
            estimator=estimator.class_name,
            library=estimator.library,
            supported=exportable_in_words(),
            at=estimator.at,
        )
