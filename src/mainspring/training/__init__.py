"""How a model comes to be: the fit function's run, its tracking, the environment, and the export
that is proven equal to what was fitted.

It takes rows from `datasets` and ends with a record of stored bytes.  Which versions exist is left
to `registry`, and whether one is good enough to `gates`.
"""

from mainspring.training.spec import FitFunction, GateDeclaration, Model, model

__all__ = ["FitFunction", "GateDeclaration", "Model", "model"]
