"""Buckets on servers that a test started."""

from itertools import count

import httpx

from mainspring.engines.s3.bucket import S3Location
from mainspring.testing.servers import LocalServer

__all__ = ["make_bucket"]

_NUMBERS = count(1)


def make_bucket(server: LocalServer) -> S3Location:
    """An empty bucket of its own on a server that believes every key."""
    endpoint, name = f"http://127.0.0.1:{server.port}", f"bucket-{next(_NUMBERS)}"
    httpx.put(f"{endpoint}/{name}").raise_for_status()
    return S3Location(
        url=f"s3://{name}/some/place",
        endpoint=endpoint,
        region="us-east-1",
        access_key_id="key",
        secret_access_key="secret",
    )
