"""Which buckets two writers can trust, and what is said of the others."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import obstore
import pytest

from mainspring.elements.identity import digest_of
from mainspring.engines.s3.bucket import S3Location, require_conditional_writes
from mainspring.engines.s3.errors import WritesUnconditional
from mainspring.engines.s3.objects import S3Objects
from mainspring.ports.errors import ObjectDamaged, StoreFailed, StoreUnreachable
from mainspring.testing import servers
from tests.buckets import make_bucket


@pytest.fixture
def forgetful(tmp_path: Path) -> Iterator[S3Location]:
    """A bucket on a server that checks secrets and not conditions."""
    try:
        server = servers.rclone(tmp_path, key="key", secret="secret")
    except servers.ServerMissing as missing:
        pytest.skip(str(missing))
    (tmp_path / "lake").mkdir()
    with server:
        endpoint = f"http://127.0.0.1:{server.port}"
        yield S3Location(
            url="s3://lake/tables",
            endpoint=endpoint,
            region="us-east-1",
            access_key_id="key",
            secret_access_key="secret",
        )


def test_a_bucket_that_makes_an_object_once_is_trusted_again_and_again(
    moto_server: servers.LocalServer,
) -> None:
    bucket = make_bucket(moto_server)
    for _ in range(3):
        require_conditional_writes(bucket)


def test_a_bucket_that_overwrites_may_hold_objects_and_no_tables(forgetful: S3Location) -> None:
    with pytest.raises(WritesUnconditional, match="does not support conditional writes"):
        require_conditional_writes(forgetful)
    objects = S3Objects(forgetful)
    assert objects.read(objects.write(b"payload")) == b"payload"


def test_a_wrong_secret_is_refused_and_not_shown(forgetful: S3Location) -> None:
    wrong = replace(forgetful, secret_access_key="a guess")
    with pytest.raises(StoreFailed) as caught:
        require_conditional_writes(wrong)
    with pytest.raises(StoreFailed):
        S3Objects(wrong).write(b"payload")
    assert "a guess" not in caught.value.message + repr(wrong)


def test_where_no_server_is_the_error_says_so(moto_server: servers.LocalServer) -> None:
    bucket = replace(make_bucket(moto_server), endpoint=f"http://127.0.0.1:{servers.free_port()}")
    with pytest.raises(StoreUnreachable, match="does not answer"):
        require_conditional_writes(bucket)


def test_a_bucket_that_does_not_exist_is_named(moto_server: servers.LocalServer) -> None:
    bucket = replace(make_bucket(moto_server), url="s3://nowhere/tables")
    with pytest.raises(StoreFailed, match="s3://nowhere/tables"):
        require_conditional_writes(bucket)


def test_bytes_that_are_not_what_the_name_says_are_never_used(
    moto_server: servers.LocalServer,
) -> None:
    bucket = make_bucket(moto_server)
    digest = S3Objects(bucket).write(b"payload")
    name = digest.removeprefix("sha256:")
    obstore.put(bucket.open(), f"{name[:2]}/{name[2:4]}/{name}", b"tampered")
    with pytest.raises(ObjectDamaged):
        S3Objects(bucket).read(digest)
    assert S3Objects(bucket).write(b"payload") == digest == digest_of(b"payload")
    assert S3Objects(bucket).read(digest) == b"payload"


def test_what_else_lies_in_the_bucket_is_no_object(moto_server: servers.LocalServer) -> None:
    bucket = make_bucket(moto_server)
    require_conditional_writes(bucket)
    digest = S3Objects(bucket).write(b"payload")
    assert list(S3Objects(bucket).iter_digests()) == [digest]
