"""Training: the run of the fit function, its tracking, its environment, and the export, which is
checked to equal the fitted model.

Its input are rows from `datasets`, its output a record of stored artifacts.  Which versions exist
is left to `registry`, and whether one is good enough to `gates`.
"""

from mainspring.training.spec import FitFunction, GateDeclaration, Model, model

__all__ = ["FitFunction", "GateDeclaration", "Model", "model"]
