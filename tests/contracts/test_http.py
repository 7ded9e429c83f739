"""Both servers keep the contract of an HTTP server."""

import pytest

from mainspring.engines.http.native.server import NativeServer
from mainspring.engines.http.server import UvicornServer
from mainspring.testing.contracts import HttpServerContract


class TestNative(HttpServerContract):
    @pytest.fixture
    def server(self) -> NativeServer:
        return NativeServer()


class TestUvicorn(HttpServerContract):
    @pytest.fixture
    def server(self) -> UvicornServer:
        return UvicornServer()
