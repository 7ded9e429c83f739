"""A server of bare models: files behind the Open Inference Protocol, with nothing of features, log
or environments.

It needs what `mainspring[serve]` installs and no more: neither numba nor Polars.  A test holds
that.
"""

import os
import shlex
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from hmac import compare_digest
from importlib.metadata import version
from pathlib import Path

from mainspring.access.authorise import bearer_token
from mainspring.access.bare import bare_token, kept_token
from mainspring.access.errors import TokenUnknown
from mainspring.access.record import token_key
from mainspring.app.http.access_log import access_log_of
from mainspring.app.http.address import (
    ServerAddress,
    address_of,
    certificates_of,
    hosts_of,
    scheme_of,
)
from mainspring.app.http.model_metrics import ModelServerMetrics
from mainspring.app.http.problem import problem_reply
from mainspring.app.http.servers import chosen_server
from mainspring.app.http.traces import traces_of
from mainspring.app.models.model_file import ModelFile, open_model_file
from mainspring.elements.events import Actor
from mainspring.engines.local.heartbeat import heartbeat_of
from mainspring.engines.local.inherited import inherited_listener, is_first, worker_place
from mainspring.interface.openapi.api import OpenApi
from mainspring.interface.openapi.models import models_document
from mainspring.ports.http import LOOPBACK_HOSTS, Call, HttpService, Reply, Route
from mainspring.ports.tls import ServerTlsFiles
from mainspring.serving.admission import AdmissionControl, AdmissionLimits
from mainspring.serving.api import answer_live, answer_ready
from mainspring.serving.protocol import ProtocolApi
from mainspring.serving.protocol.files import FileModels

__all__ = ["build_model_service", "run_model_server"]

_LIMITS = AdmissionLimits()
_CALLER, _ANYBODY = Actor("service:bearer"), Actor("service:anybody")


def run_model_server(
    files: Mapping[str, ModelFile],
    *,
    port: int,
    announce: Callable[[str], None],
    hosts: Collection[str] = (),
    token_file: Path | None = None,
    needs_token: bool = True,
    tls: ServerTlsFiles | None = None,
    access_log: str = "",
    traces: str = "",
    limits: AdmissionLimits = _LIMITS,
    gather_s: float = 0.0,
) -> None:
    """Serve files of models on the loopback address until the process is asked to stop.

    Args:
        files: by the name that each is served under.
        hosts: names that callers may know the server by, beside those of this machine.
        token_file: has the token, or gets it where there is no such file yet; without it a new
            token is announced, which is for a terminal only.
        needs_token: whether callers have to know it; without one nothing is loaded or unloaded by
            requests.
        tls: has the server speak TLS; with a token it is known by the names in the certificate too.
        access_log: a file that gets a line for each call, `-` for standard output, or none.
        traces: the address of a collector that gets the traces, or none.
        limits: how many requests wait for each model, and how often callers ask.
        gather_s: how long a request may wait for others, to be computed with them.

    Raises: InvalidModel ENG-202 when a file is no model that can be scored, UnsafeModel ENG-205
        when the scan found what no model needs, SecretFileRefused ACC-034 for a file that can hold
        no token, TlsFileUnusable SRV-054, TlsKeyExposed SRV-055, AccessLogUnusable SRV-057; SRV-120
        to SRV-122 where a model cannot run as declared; what `traces_of` raises.
    """
    certificates = certificates_of(tls)
    token = None
    if needs_token:
        token = kept_token(token_file) if token_file else bare_token()
    listener = inherited_listener(os.environ)
    unmanaged = "" if needs_token else "a server without a token changes nothing for anybody"
    if listener is not None:
        unmanaged = "a worker does not change for all; send SIGHUP to the supervisor"
    models = FileModels(
        {name: partial(open_model_file, name, file) for name, file in files.items()},
        unmanaged=unmanaged,
    )
    shown = f"$(cat {shlex.quote(str(token_file))})" if token_file else token
    header = f' -H "Authorization: Bearer {shown}"' if token else ""
    known = (*hosts, *hosts_of(certificates)) if needs_token else hosts

    def announced(bound: int) -> None:
        for line in _served_lines(models, address_of(bound, certificates), header):
            announce(line)

    chosen = partial(chosen_server, os.environ, heartbeat_of(os.environ))
    with ExitStack() as running:
        log = running.enter_context(access_log_of(access_log))
        sending = traces_of(None, traces, {}, scheme=scheme_of(certificates))
        spans = running.enter_context(sending)
        metrics = ModelServerMetrics(worker_place(os.environ), log, spans)
        service = build_model_service(
            models,
            token=token,
            hosts=known,
            limits=limits,
            metrics=metrics,
            gather_s=gather_s,
        )
        if metrics.workers is not None:
            running.enter_context(metrics.workers.task().running())
        chosen(listener=listener, tls=certificates).serve(
            replace(
                service,
                access=log.note if log else None,
                tracer=spans.tracer if spans else None,
            ),
            port=port,
            on_bound=announced if is_first(os.environ) else lambda _: None,
        )


def _served_lines(models: FileModels, at: ServerAddress, header: str) -> Iterator[str]:
    """What is served, where it computes if that was declared, a call that works, and where the
    document is.

    Args:
        header: what a call needs, as curl takes it.
    """
    for model in models.models:
        url = f"{at.url}/v2/models/{model.name}"
        yield f"Serving {model.name} ({model.version}) on {url}"
        if model.model.placed.declared != "cpu":
            yield f"  runs on {model.model.placed}"
        yield f"  {at.curl}{header} {url}"
    yield f"All routes: {at.url}/openapi.json, metrics: {at.url}/metrics"


def build_model_service(
    models: FileModels,
    *,
    token: str | None,
    hosts: Collection[str] = (),
    limits: AdmissionLimits = _LIMITS,
    metrics: ModelServerMetrics | None = None,
    gather_s: float = 0.0,
) -> HttpService:
    """The service of models; every route but health needs the token, where there is one.

    Args:
        limits: as those of `serve`; all who have the token are one caller.
        metrics: what counts; without it, some of this service alone.
        gather_s: how long a request may wait for others, to be computed with them.
    """
    draining, admission = threading.Event(), AdmissionControl(limits)
    metrics = metrics or ModelServerMetrics()

    def ready(_: Call) -> Reply:
        """`GET /v2/health/ready`: whether all models that the server was started with answer."""
        reasons = models.reasons
        about = {"reason": "; ".join(reasons)} if reasons else {}
        return answer_ready(about, not reasons, draining=draining, require=admission.require_room)

    def model_ready(call: Call) -> Reply:
        models.find(call.path["name"], "", revision="")
        about = {"name": call.path["name"]}
        return answer_ready(about, draining=draining, require=admission.require_room)

    def refuse(call: Call, error: Exception) -> Reply:
        metrics.count_rejected(call, error)
        return metrics.http.counted(call, problem_reply(call, error))

    protocol = ProtocolApi(
        models, version=version("mainspring"), ready=model_ready, gather_s=gather_s
    )
    metrics.watch(models, protocol.counts, admission)
    openapi = OpenApi(
        lambda: tuple(models.models),
        partial(models_document, version=version("mainspring"), needs_token=bool(token)),
    )
    routes = [
        *protocol.routes(),
        Route("GET", "/metrics", "read", metrics.reply),
        Route("GET", "/v2/health/ready", None, ready, "nothing"),
        Route("GET", "/healthz", None, answer_live, "nothing"),
        Route("GET", "/v2/health/live", None, answer_live, "nothing"),
        openapi.route(),
    ]
    openapi.describe(routes)
    return HttpService(
        routes=[metrics.http.counting(route) for route in routes],
        authorise=_authorising(token),
        refuse=refuse,
        admit=admission.guarding_routes(routes),
        draining=draining,
        hosts=LOOPBACK_HOSTS | {host.lower() for host in hosts},
    )


def _authorising(token: str | None) -> Callable[[Call, str], Actor]:
    """What lets in who has the token, for everything; everybody where there is none."""
    if not token:
        return lambda _, __: _ANYBODY
    key = token_key(token)

    def authorise(call: Call, _: str) -> Actor:
        given = bearer_token(call.headers.get("authorization"))
        if not compare_digest(token_key(given), key):
            raise TokenUnknown
        return _CALLER

    return authorise
