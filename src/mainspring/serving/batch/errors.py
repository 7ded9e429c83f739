"""What can go wrong with a batch prediction."""

from dataclasses import dataclass
from typing import ClassVar

from mainspring.elements.errors import ServingError

__all__ = ["BatchChanged", "BatchInputUnusable", "BatchOutputUnusable", "BatchRowsRefused"]


@dataclass(eq=False, kw_only=True)
class BatchInputUnusable(ServingError):
    """The input of a batch prediction cannot be read, or lacks a column that the model needs.

    Formats are told by the suffix: `.csv`, `.parquet`, `.jsonl` or `.ndjson`; a path without one of
    them is a Delta table.  Addresses may begin with `s3://`.
    """

    code: ClassVar[str] = "SRV-085"
    template: ClassVar[str] = "{file} {problem}"
    remedy: ClassVar[str] = (
        "give a file with a column for each field of the request; docs/batch.md says what is read"
    )
    file: str
    problem: str


@dataclass(eq=False, kw_only=True)
class BatchOutputUnusable(ServingError):
    """The output of a batch prediction cannot be written as it was asked for."""

    code: ClassVar[str] = "SRV-086"
    template: ClassVar[str] = "the output {file} {problem}"
    remedy: ClassVar[str] = (
        "choose another name, `--overwrite` to replace what is there, or `--column` to carry only "
        "some of the input's columns"
    )
    file: str
    problem: str


@dataclass(eq=False, kw_only=True)
class BatchChanged(ServingError):
    """A batch prediction that was interrupted cannot go on, because something that its first rows
    were answered from is not the same any more: the input, the model in charge, or an option.

    Half of the rows would be answers to another question than the other half.
    """

    code: ClassVar[str] = "SRV-087"
    template: ClassVar[str] = "the batch into {file} cannot go on: {what} has changed"
    remedy: ClassVar[str] = "begin anew with `--restart`, which forgets the rows answered so far"
    file: str
    what: str


@dataclass(eq=False, kw_only=True)
class BatchRowsRefused(ServingError):
    """Some rows of the input cannot be answered, and the batch was to refuse such a file.

    Rows are counted from 0.  Nothing is written.
    """

    code: ClassVar[str] = "SRV-088"
    template: ClassVar[str] = "{rows:,} rows of {file} cannot be answered; {first}"
    remedy: ClassVar[str] = (
        "mend them, or choose `--bad-rows report`: they get an `error` column in place of a score"
    )
    file: str
    rows: int
    first: str
