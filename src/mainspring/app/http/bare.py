"""A server of one bare model: an ONNX file behind the Open Inference Protocol, with nothing of
features, log or environments.

It needs what `mainspring[serve]` installs and no more: neither numba nor Polars.  A test holds
that.
"""

import secrets
from collections.abc import Awaitable, Callable
from hmac import compare_digest
from pathlib import Path

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mainspring.access.errors import TokenMissing, TokenUnknown
from mainspring.app.http.problem import problem_response
from mainspring.app.http.server import run_server
from mainspring.elements.errors import MainspringError
from mainspring.elements.identity import digest_of, short
from mainspring.engines.onnx.scorer import OnnxScorer
from mainspring.serving.protocol import infer_response, matrix_of, metadata_of

__all__ = ["model_server_app", "run_model_server"]

Act = Callable[[Request], Awaitable[Response]]


def run_model_server(path: Path, *, name: str, port: int, announce: Callable[[str], None]) -> None:
    """Serve an ONNX file on the loopback address until the process is asked to stop.

    Raises: ENG-202 when the file is no model that can be scored.
    """
    payload = path.read_bytes()
    token = secrets.token_urlsafe(32)
    app = model_server_app(
        OnnxScorer(payload), name=name, version=short(digest_of(payload)), token=token
    )

    def announced(bound: int) -> None:
        announce(
            f"Serving {name} ({short(digest_of(payload))}) on http://127.0.0.1:{bound}/v2/models/{name}"
        )
        announce(
            f'  curl -H "Authorization: Bearer {token}" http://127.0.0.1:{bound}/v2/models/{name}'
        )

    run_server(app, port=port, on_bound=announced)


def model_server_app(scorer: OnnxScorer, *, name: str, version: str, token: str) -> Starlette:
    """The ASGI application of one model; every route but health needs the token."""
    columns = [str(place) for place in range(scorer.feature_count)]

    def guarded(act: Act) -> Act:
        async def answer(request: Request) -> Response:
            scheme, _, given = request.headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not given:
                raise TokenMissing
            if not compare_digest(given.strip().encode(), token.encode()):
                raise TokenUnknown
            return await act(request)

        return answer

    async def live(_: Request) -> Response:
        return _json({"live": True})

    async def ready(_: Request) -> Response:
        return _json({"name": name, "ready": True})

    async def metadata(_: Request) -> Response:
        return _json(metadata_of(name, version, columns))

    async def infer(request: Request) -> Response:
        asked, matrix = matrix_of(await request.body(), scorer.feature_count)
        return _json(infer_response(name, version, asked, scorer.predict(matrix)))

    base = f"/v2/models/{name}"
    routes = [Route(path, live) for path in ("/healthz", "/v2/health/live", "/v2/health/ready")]
    routes += [
        Route(base, guarded(metadata)),
        Route(f"{base}/ready", guarded(ready)),
        Route(f"{base}/infer", guarded(infer), methods=["POST"]),
    ]
    return Starlette(routes=routes, exception_handlers={MainspringError: problem_response})


def _json(record: object) -> Response:
    return Response(msgspec.json.encode(record), media_type="application/json")
