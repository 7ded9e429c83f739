"""Uploads: files that a caller sends in parts, and goes on with after an interruption.

What is complete is taken in as a file of this machine would be.  Until then it lies in files of our
own naming, for a day, within a quota; the rows of a file belong to `ingest`.
"""

from mainspring.sources.uploads.errors import (
    UnknownUpload,
    UploadDamaged,
    UploadOutOfStep,
    UploadTooLarge,
)

__all__ = [
    "UnknownUpload",
    "UploadDamaged",
    "UploadOutOfStep",
    "UploadTooLarge",
]
