"""One definition, one kernel: entities, feature views, and every way to compute them.

`view` compiles a declaration; `history` answers for many rows at once, `state` applies the log to
online state and `online` answers from it, all through the same compiled `kernel`, so that their
bytes are equal.  Where facts come from is the business of `sources`; which rows are requested is
that of `datasets` and `serving`.
"""

from mainspring.features.errors import (
    FeatureOverflow,
    HorizonPassed,
    MissingRequestField,
    WrongRequestType,
)
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

SEMANTICS_VERSION = 3
"""Part of every fingerprint: raised when the meaning of a feature changes, so that nothing built
under the old meaning is reused.
"""
