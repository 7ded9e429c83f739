"""A server of one bare model: an ONNX file behind the Open Inference Protocol, with nothing of
features, log or environments.

It needs what `mainspring[serve]` installs and no more: neither numba nor Polars.  A test holds
that.
"""

import os
import secrets
import stat
from collections.abc import Callable, Collection
from contextlib import suppress
from hmac import compare_digest
from pathlib import Path
from shlex import quote

from mainspring.access.errors import TokenUnknown
from mainspring.access.tokens import bearer_token
from mainspring.app.http.problem import problem_reply
from mainspring.elements.events import Actor
from mainspring.elements.identity import digest_of, short
from mainspring.engines.http.server import UvicornServer
from mainspring.engines.local.private import read_secret, write_secret
from mainspring.engines.onnx.errors import InvalidModel
from mainspring.engines.onnx.scan import ScanLimits
from mainspring.engines.onnx.scorer import OnnxScorer
from mainspring.ports.errors import FileRefused
from mainspring.ports.http import (
    LOOPBACK_HOSTS,
    Call,
    HttpService,
    Reply,
    Route,
    json_reply,
)
from mainspring.serving.api import ModelApi, answer_live
from mainspring.serving.protocol import ProtocolModel

__all__ = ["addresses_of", "build_model_service", "run_model_server"]

_SHORTEST_TOKEN = 32
_CALLER = Actor("service:bearer")


def run_model_server(
    path: Path,
    *,
    name: str,
    port: int,
    announce: Callable[[str], None],
    hosts: Collection[str] = (),
) -> None:
    """Serve an ONNX file on the loopback address until the process is asked to stop.

    Args:
        hosts: names that callers may know the server by, beside those of this machine.

    Raises: InvalidModel ENG-202 when the file is no model that can be scored, UnsafeModel ENG-205
        when the scan found what no model needs.
    """
    payload = _read_model(path)
    secret = path.with_name(f"{path.name}.token")
    version, token = short(digest_of(payload)), _read_or_make_token(secret)
    service = build_model_service(
        OnnxScorer(payload), name=name, version=version, token=token, hosts=hosts
    )

    def announced(bound: int) -> None:
        for line in addresses_of(secret, name=name, version=version, port=bound):
            announce(line)

    UvicornServer().serve(service, port=port, on_bound=announced)


def addresses_of(secret: Path, *, name: str, version: str, port: int) -> tuple[str, str]:
    """Where a model is served, and how it is asked; the token by its file, never itself."""
    url = f"http://127.0.0.1:{port}/v2/models/{name}"
    return (
        f"Serving {name} ({version}) on {url}",
        f'  curl -H "Authorization: Bearer $(cat {quote(str(secret))})" {url}',
    )


def _read_model(path: Path) -> bytes:
    """The bytes of a plain file of a size that a model may have: a pipe would never end."""
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise InvalidModel(reason=f"{path} is no plain file")
        # One more than is allowed is enough for the scan to say so.
        return file.read(ScanLimits().size_bytes + 1)


def _read_or_make_token(secret: Path) -> str:
    """The token in a file that only its owner can read, made where it is absent: what is printed
    could go to a log.

    Raises: FileRefused ENG-031 for a file that others can read, a link, or one without a token.
    """
    with suppress(FileExistsError):
        write_secret(secret, f"{secrets.token_urlsafe(32)}\n".encode())
    token = read_secret(secret).decode(errors="replace").strip()
    if len(token) < _SHORTEST_TOKEN:
        raise FileRefused(file=str(secret), reason="it holds no token")
    return token


def build_model_service(
    scorer: OnnxScorer, *, name: str, version: str, token: str, hosts: Collection[str] = ()
) -> HttpService:
    """The service of one model; every route but health needs the token."""
    columns = [str(place) for place in range(scorer.feature_count)]
    model = ProtocolModel(name, version, columns, scorer)
    base = f"/v2/models/{name}"

    def authorise(call: Call, _: str) -> Actor:
        given = bearer_token(call.headers.get("authorization"))
        if not compare_digest(given.encode(), token.encode()):
            raise TokenUnknown
        return _CALLER

    def ready(_: Call) -> Reply:
        return json_reply({"name": name, "ready": True})

    return HttpService(
        routes=[
            *ModelApi(lambda _: model, path=base).routes(),
            Route("GET", f"{base}/ready", "read", ready),
            # One model, loaded before the port is bound: whoever is alive is ready.
            *(
                Route("GET", path, None, answer_live)
                for path in ("/healthz", "/v2/health/live", "/v2/health/ready")
            ),
        ],
        authorise=authorise,
        refuse=problem_reply,
        hosts=LOOPBACK_HOSTS | {host.lower() for host in hosts},
    )
