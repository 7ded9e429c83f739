"""A bucket keeps the contract of the object store."""

import pytest

from mainspring.engines.s3.objects import S3Objects
from mainspring.testing.contracts import ObjectsContract
from mainspring.testing.servers import LocalServer
from tests.buckets import make_bucket


class TestObjects(ObjectsContract):
    @pytest.fixture
    def objects(self, moto_server: LocalServer) -> S3Objects:
        return S3Objects(make_bucket(moto_server))
