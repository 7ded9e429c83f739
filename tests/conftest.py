"""What all tests share: how hypothesis searches, and real servers, one of each for a session."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from mainspring.elements.collector import collect_rarely
from mainspring.testing import servers

# A process of tests holds millions of objects: looking through them all took a third of its time.
collect_rarely()

# The shipped suites explain their failed assertions as tests of our own do; here, because tests of
# the architecture import every module.
pytest.register_assert_rewrite("mainspring.testing.contracts")

# Deadlines measure the machine, not the code.  In CI the search repeats itself, so that a red build
# is about the change.
settings.register_profile("mainspring", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("mainspring")


LONGEST = (
    "docs/test_documents.py",
    "journeys/test_demo.py",
    "laws/test_proof.py",
    "crash/test_apply.py",
    "journeys/test_stopping.py",
    "laws/test_code_identity.py",
    "laws/test_edits.py",
)
"""Files that take minutes, begun first: begun last, one process would wait for another."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, the others as they were."""
    items.sort(key=lambda item: not item.path.as_posix().endswith(LONGEST))


@pytest.fixture(autouse=True)
def numpy_as_it_was() -> Iterator[None]:
    """Projects that tests load may set what NumPy does about overflows, for the whole process."""
    with np.errstate():
        yield


def running(
    make: Callable[[Path], servers.LocalServer], folder: Path
) -> Iterator[servers.LocalServer]:
    """A server of this kind; a test that needs one which is not installed is skipped by its
    name.
    """
    try:
        server = make(folder)
    except servers.ServerMissing as missing:
        pytest.skip(str(missing))
    with server:
        yield server


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.LocalServer]:
    """Redis."""
    yield from running(servers.redis, tmp_path_factory.mktemp("redis"))


@pytest.fixture(scope="session")
def moto_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.LocalServer]:
    """S3."""
    yield from running(servers.moto, tmp_path_factory.mktemp("moto"))
