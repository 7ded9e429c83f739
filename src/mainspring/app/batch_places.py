"""Where a batch reads and writes, by its addresses: this machine, a bucket, or a Delta table of
either.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from mainspring.app.engines import open_bucket
from mainspring.elements.identity import digest_of
from mainspring.project.config.engines import EngineChoices
from mainspring.serving.batch.folder import BatchFolder
from mainspring.serving.batch.places import (
    FileSink,
    FileSource,
    RemoteSink,
    RemoteSource,
    RowSink,
    RowSource,
    TableSink,
    TableSource,
    is_file,
    is_remote,
)
from mainspring.serving.batch.run import BatchPlaces

if TYPE_CHECKING:
    from mainspring.ports.rows import RemoteFiles, RowTables

__all__ = ["open_places"]


def open_places(
    source: str,
    out: str,
    *,
    engines: EngineChoices,
    folder: Path,
    overwrite: bool,
    restart: bool,
) -> BatchPlaces:
    """The places that these addresses lead to.

    Args:
        folder: where a batch into a bucket works; one into a path works beside it.

    Raises: ProductMissing ENG-013, SecretMissing ENG-014, FileUnusable as `BatchOutputUnusable`
        SRV-086 where input and output are one.
    """
    work = (
        folder / f"batch-{digest_of(out.encode())[7:23]}"
        if is_remote(out)
        else Path(out).absolute().with_name(f".{Path(out).absolute().name}.batch")
    )
    return BatchPlaces(
        source=_source(source, engines),
        sink=_sink(out, engines, replace=overwrite),
        folder=BatchFolder(work),
        restart=restart,
        overwrite=overwrite,
    )


def _source(address: str, engines: EngineChoices) -> RowSource:
    if not is_file(address):
        return TableSource(address, _tables(address, engines))
    if is_remote(address):
        return RemoteSource(address, _files(address, engines))
    return FileSource(Path(address))


def _sink(address: str, engines: EngineChoices, *, replace: bool) -> RowSink:
    if not is_file(address):
        return TableSink(address, _tables(address, engines), replace=replace)
    if is_remote(address):
        return RemoteSink(address, _files(address, engines))
    return FileSink(Path(address))


def _files(address: str, engines: EngineChoices) -> "RemoteFiles":
    bucket = open_bucket(address, engines)
    from mainspring.engines.s3.files import S3Files

    return S3Files(bucket)


def _tables(address: str, engines: EngineChoices) -> "RowTables":
    from mainspring.engines.delta.rows import DeltaRows

    if not is_remote(address):
        return DeltaRows()
    return DeltaRows(open_bucket(address, engines).delta_options)
