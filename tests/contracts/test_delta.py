"""Delta tables keep the contract of the offline store, on files and in a bucket."""

from pathlib import Path

import pytest

from mainspring.engines.delta.tables import DeltaTables
from mainspring.testing.contracts import TablesContract
from mainspring.testing.servers import LocalServer
from tests.buckets import make_bucket


class TestTablesOnFiles(TablesContract):
    @pytest.fixture
    def tables(self, tmp_path: Path) -> DeltaTables:
        return DeltaTables(tmp_path)


class TestTablesInABucket(TablesContract):
    @pytest.fixture
    def tables(self, moto_server: LocalServer) -> DeltaTables:
        bucket = make_bucket(moto_server)
        return DeltaTables(bucket.url, options=bucket.delta_options)
