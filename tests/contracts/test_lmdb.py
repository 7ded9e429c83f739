"""LMDB keeps the contract of the online port."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mainspring.engines.lmdb.online import LmdbOnline
from mainspring.testing.contracts import OnlineContract


class TestOnline(OnlineContract):
    @pytest.fixture
    def online(self, tmp_path: Path) -> Iterator[LmdbOnline]:
        online = LmdbOnline(tmp_path / "online.lmdb")
        yield online
        online.close()
