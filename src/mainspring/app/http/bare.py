"""A server of one bare model: an ONNX file behind the Open Inference Protocol, with nothing of
features, log or environments.

It needs what `mainspring[serve]` installs and no more: neither numba nor Polars.  A test holds
that.
"""

import secrets
from collections.abc import Callable, Collection
from hmac import compare_digest
from pathlib import Path

from mainspring.access.errors import TokenUnknown
from mainspring.access.tokens import bearer_token
from mainspring.elements.events import Actor
from mainspring.elements.identity import digest_of, short
from mainspring.engines.http.problem import problem_reply
from mainspring.engines.http.server import UvicornServer
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

    Raises: InvalidModel ENG-202 when the file is no model that can be scored.
    """
    payload = path.read_bytes()
    version, token = short(digest_of(payload)), secrets.token_urlsafe(32)
    service = build_model_service(
        OnnxScorer(payload), name=name, version=version, token=token, hosts=hosts
    )

    def announced(bound: int) -> None:
        url = f"http://127.0.0.1:{bound}/v2/models/{name}"
        announce(f"Serving {name} ({version}) on {url}")
        announce(f'  curl -H "Authorization: Bearer {token}" {url}')

    UvicornServer().serve(service, port=port, on_bound=announced)


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
