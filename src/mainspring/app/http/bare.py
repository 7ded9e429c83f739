"""A server of one bare model: an ONNX file behind the Open Inference Protocol, with nothing of
features, log or environments.

It needs what `mainspring[serve]` installs and no more: neither numba nor Polars.  A test holds
that.
"""

import os
import shlex
import threading
from collections.abc import Callable, Collection
from hmac import compare_digest
from pathlib import Path

from mainspring.access.authorise import bearer_token
from mainspring.access.bare import bare_token, kept_token
from mainspring.access.errors import TokenUnknown
from mainspring.access.record import token_key
from mainspring.app.http.problem import problem_reply
from mainspring.elements.events import Actor
from mainspring.elements.identity import digest_of, short
from mainspring.engines.http.server import UvicornServer
from mainspring.engines.local.heartbeat import heartbeat_of
from mainspring.engines.local.inherited import inherited_listener, is_first
from mainspring.engines.onnx.model_file import read_model_file
from mainspring.engines.onnx.scorer import OnnxScorer
from mainspring.ports.http import LOOPBACK_HOSTS, Call, HttpService, Reply, Route
from mainspring.serving.api import ModelApi, answer_live, answer_ready
from mainspring.serving.protocol import ProtocolModel

__all__ = ["build_model_service", "run_model_server"]

_CALLER = Actor("service:bearer")


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
    payload = read_model_file(path)
    version = short(digest_of(payload))
    token = kept_token(token_file) if token_file else bare_token()
    shown = f"$(cat {shlex.quote(str(token_file))})" if token_file else token
    service = build_model_service(
        OnnxScorer(payload), name=name, version=version, token=token, hosts=hosts
    )

    def announced(bound: int) -> None:
        url = f"http://127.0.0.1:{bound}/v2/models/{name}"
        announce(f"Serving {name} ({version}) on {url}")
        announce(f'  curl -H "Authorization: Bearer {shown}" {url}')

    UvicornServer(heartbeat_of(os.environ), listener=inherited_listener(os.environ)).serve(
        service, port=port, on_bound=announced if is_first(os.environ) else lambda _: None
    )


def build_model_service(
    scorer: OnnxScorer, *, name: str, version: str, token: str, hosts: Collection[str] = ()
) -> HttpService:
    """The service of one model; every route but health needs the token."""
    columns = [str(place) for place in range(scorer.feature_count)]
    model = ProtocolModel(name, version, columns, scorer)
    base, draining, key = f"/v2/models/{name}", threading.Event(), token_key(token)

    def authorise(call: Call, _: str) -> Actor:
        given = bearer_token(call.headers.get("authorization"))
        if not compare_digest(token_key(given), key):
            raise TokenUnknown
        return _CALLER

    def ready(_: Call) -> Reply:
        # One model, loaded before the port is bound: whoever is alive is ready.
        return answer_ready({"name": name}, draining=draining)

    return HttpService(
        routes=[
            *ModelApi(lambda _: model, path=base).routes(),
            Route("GET", f"{base}/ready", "read", ready, "endpoint"),
            Route("GET", "/v2/health/ready", None, ready, "nothing"),
            Route("GET", "/healthz", None, answer_live, "nothing"),
            Route("GET", "/v2/health/live", None, answer_live, "nothing"),
        ],
        authorise=authorise,
        refuse=problem_reply,
        draining=draining,
        hosts=LOOPBACK_HOSTS | {host.lower() for host in hosts},
    )
