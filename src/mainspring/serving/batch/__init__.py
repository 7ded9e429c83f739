"""Batch prediction: every row of a file or table answered, in its order, into another one.

It owns how an input is read in blocks, answered by columns with the features that were known at
each row's prediction time, and written whole; and the folder from which a batch that was killed
goes on.  How one request is answered is `serving.predict`; where remote files and Delta tables lie
is for engines, which `app` passes in.
"""

from mainspring.serving.batch.errors import (
    BatchChanged,
    BatchInputUnusable,
    BatchOutputUnusable,
    BatchRowsRefused,
)
from mainspring.serving.batch.job import BatchOptions, BatchReport

__all__ = [
    "BatchChanged",
    "BatchInputUnusable",
    "BatchOptions",
    "BatchOutputUnusable",
    "BatchReport",
    "BatchRowsRefused",
]
