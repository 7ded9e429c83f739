"""A server of one bare model: an ONNX file behind the Open Inference Protocol, with nothing of
features, log or environments.

It needs what `mainspring[serve]` installs and no more: neither numba nor Polars.  A test holds
that.
"""

import os
import secrets
import shlex
import stat
from collections.abc import Callable, Collection
from hmac import compare_digest
from pathlib import Path

from mainspring.access.authorise import bearer_token
from mainspring.access.errors import SecretFileRefused, TokenUnknown
from mainspring.access.record import has_form_of_token
from mainspring.access.secret_file import new_secret_file, secret_in
from mainspring.app.http.problem import problem_reply
from mainspring.elements.events import Actor
from mainspring.elements.identity import digest_of, short
from mainspring.engines.http.server import UvicornServer
from mainspring.engines.onnx.errors import InvalidModel
from mainspring.engines.onnx.scan import ScanLimits
from mainspring.engines.onnx.scorer import OnnxScorer
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

__all__ = ["build_model_service", "run_model_server"]

_CALLER = Actor("service:bearer")
_SECRET_BYTES = 32
_SHORTEST = 32


def run_model_server(
    path: Path,
    *,
    name: str,
    port: int,
    announce: Callable[[str], None],
    hosts: Collection[str] = (),
    token_file: Path | None = None,
) -> None:
    """Serve an ONNX file on the loopback address until the process is asked to stop.

    Args:
        hosts: names that callers may know the server by, beside those of this machine.
        token_file: has the token, or gets it where there is no such file yet; without it a new
            token is announced, which is for a terminal only.

    Raises: InvalidModel ENG-202 when the file is no model that can be scored, UnsafeModel ENG-205
        when the scan found what no model needs, SecretFileRefused ACC-034 for a file that can hold
        no token.
    """
    payload = _read_model(path)
    version = short(digest_of(payload))
    token = _token_in(token_file) if token_file else secrets.token_urlsafe(_SECRET_BYTES)
    shown = f"$(cat {shlex.quote(str(token_file))})" if token_file else token
    service = build_model_service(
        OnnxScorer(payload), name=name, version=version, token=token, hosts=hosts
    )

    def announced(bound: int) -> None:
        url = f"http://127.0.0.1:{bound}/v2/models/{name}"
        announce(f"Serving {name} ({version}) on {url}")
        announce(f'  curl -H "Authorization: Bearer {shown}" {url}')

    UvicornServer().serve(service, port=port, on_bound=announced)


def _read_model(path: Path) -> bytes:
    """The bytes of a plain file of a size that a model may have: a pipe would never end."""
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise InvalidModel(reason=f"{path} is no plain file")
        # One more than is allowed is enough for the scan to say so.
        return file.read(ScanLimits().size_bytes + 1)


def _token_in(path: Path) -> str:
    if path.exists() or path.is_symlink():
        token = secret_in(path, only_private=True)
        if len(token) < _SHORTEST or not has_form_of_token(token):
            reason = f"it holds no token of at least {_SHORTEST} letters"
            raise SecretFileRefused(path=str(path), reason=reason)
        return token
    token = secrets.token_urlsafe(_SECRET_BYTES)
    with new_secret_file(path) as file:
        file.write(token)
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
            Route("GET", f"{base}/ready", "read", ready, "endpoint"),
            # One model, loaded before the port is bound: whoever is alive is ready.
            *(
                Route("GET", path, None, answer_live, "nothing")
                for path in ("/healthz", "/v2/health/live", "/v2/health/ready")
            ),
        ],
        authorise=authorise,
        refuse=problem_reply,
        hosts=LOOPBACK_HOSTS | {host.lower() for host in hosts},
    )
