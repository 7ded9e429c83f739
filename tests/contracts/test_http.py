"""uvicorn and Starlette keep the contract of an HTTP server."""

import pytest

from mainspring.engines.http.server import UvicornServer
from mainspring.testing.contracts import HttpServerContract


class TestUvicorn(HttpServerContract):
    @pytest.fixture
    def server(self) -> UvicornServer:
        return UvicornServer()
