"""One definition, one kernel: entities, feature views, and every way to compute them.

`view` compiles a declaration; `backfill` answers for many rows of history, `stream` folds the log into online segments and `read` answers from them,
all through the same compiled kernel, so that their bytes are equal; `parity` checks that they are.  Where facts come from is the business of `sources`;
which rows are asked about is that of `datasets` and `serving`.
"""

from mainspring.features.errors import FeatureOverflow, HorizonPassed, MissingRequestField, WrongRequestType
from mainspring.features.spec import Entity, FeatureView, OnDemandFeatureView, latest

__all__ = [
    "SEMANTICS_VERSION",
    "Entity",
    "FeatureOverflow",
    "FeatureView",
    "HorizonPassed",
    "MissingRequestField",
    "OnDemandFeatureView",
    "WrongRequestType",
    "latest",
]

SEMANTICS_VERSION = 2
"""Part of every fingerprint: raised when the meaning of a feature changes, so that nothing built under the old meaning is reused."""
