"""The routes of the Open Inference Protocol but for health, over a repository of models."""

import time
from collections.abc import Callable, Sequence

import msgspec

from mainspring.ports.body import parse_body
from mainspring.ports.http import Call, Reply, Route, json_reply
from mainspring.ports.metrics import InferenceCounts
from mainspring.serving.execution.gather import gather_rule, rows_of_tensors
from mainspring.serving.protocol.errors import WrongField
from mainspring.serving.protocol.infer import InferTurns
from mainspring.serving.protocol.metadata import EXTENSIONS, metadata_of
from mainspring.serving.protocol.model import ProtocolModel
from mainspring.serving.protocol.packed import unpacked
from mainspring.serving.protocol.repository import REVISION_HEADER, ModelRepository
from mainspring.serving.protocol.statistics import StatisticsKeeper

__all__ = ["IndexBody", "LoadBody", "ProtocolApi"]

_MODEL, _VERSION = "/v2/models/{name}", "/v2/models/{name}/versions/{version}"


class IndexBody(msgspec.Struct, forbid_unknown_fields=True):
    """The body of the index: whether only what is ready is asked for."""

    ready: bool = False


class LoadBody(msgspec.Struct, forbid_unknown_fields=True):
    """The body of load and unload."""

    parameters: dict[str, object] = {}


class ProtocolApi:
    """The routes about models, and what is said of the server.

    Args:
        version: of this software.
        ready: answers for the readiness of a model that was found.
        gather_s: how long an infer call may wait for others, to be computed with them.
    """

    def __init__(
        self,
        repository: ModelRepository,
        *,
        version: str,
        ready: Callable[[Call], Reply],
        gather_s: float = 0.0,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._gather = gather_rule(
            gather_s,
            provider_of=lambda call: self._find(call).model.placed.provider,
            rows_of=rows_of_tensors,
        )
        self._repository, self._version, self._ready = repository, version, ready
        self._statistics = StatisticsKeeper(now_ms)
        self._inference = InferTurns(self._find, self._statistics)

    def routes(self) -> list[Route]:
        """Every route."""
        about_models = [
            Route(method, f"{path}{end}", permission, handler, "endpoint")
            for path in (_MODEL, _VERSION)
            for method, end, permission, handler in (
                ("GET", "", "read", self.metadata),
                ("GET", "/ready", "read", self.model_ready),
                ("GET", "/stats", "read", self.model_statistics),
                ("POST", "/infer", "predict", self.infer),
            )
        ]
        of_repository = "/v2/repository/models/{name}"
        return [
            Route("GET", "/v2", "read", self.server_metadata, "nothing"),
            Route("GET", "/v2/models/stats", "read", self.all_statistics),
            *(
                route._replace(together=self._inference.answer_all, gather=self._gather)
                if route.path.endswith("/infer")
                else route
                for route in about_models
            ),
            Route("POST", "/v2/repository/index", "read", self.index),
            Route("POST", f"{of_repository}/load", "operate", self.load, blocks=True, alone=True),
            Route(
                "POST", f"{of_repository}/unload", "operate", self.unload, blocks=True, alone=True
            ),
        ]

    def counts(self) -> Sequence[InferenceCounts]:
        """What was answered since the server started, for metrics."""
        return self._statistics.counts()

    def server_metadata(self, _: Call) -> Reply:
        """`GET /v2`."""
        return json_reply(
            {"name": "mainspring", "version": self._version, "extensions": list(EXTENSIONS)}
        )

    def metadata(self, call: Call) -> Reply:
        """`GET /v2/models/{name}`: what the model takes and gives."""
        model = self._find(call)
        return json_reply(metadata_of(model, self._repository.versions(model.name)))

    def model_ready(self, call: Call) -> Reply:
        """`GET /v2/models/{name}/ready`: 503 while no such model may answer."""
        if call.path.get("version"):
            self._find(call)
        return self._ready(call)

    def infer(self, call: Call) -> Reply:
        """`POST /v2/models/{name}/infer`: tensors in, tensors out; see `InferTurns.answer`."""
        return self._inference.answer(call)

    def model_statistics(self, call: Call) -> Reply:
        """`GET /v2/models/{name}/stats`, with a version of this one, else of all that answered."""
        model = self._find(call)
        found = self._statistics.documents(model.name, call.path.get("version", ""))
        unasked = self._statistics.document_of(model.name, model.version)
        return json_reply({"model_stats": found or [unasked]})

    def all_statistics(self, _: Call) -> Reply:
        """`GET /v2/models/stats`: of all models that are ready or have answered."""
        found = {(each["name"], each["version"]): each for each in self._statistics.documents()}
        for entry in self._repository.index():
            if entry.state == "READY":
                key = entry.name, entry.version
                found.setdefault(key, self._statistics.document_of(*key))
        return json_reply({"model_stats": list(found.values())})

    def index(self, call: Call) -> Reply:
        """`POST /v2/repository/index`: every version, or only those that are ready."""
        body = unpacked(call.body, call.headers)
        asked = parse_body(body, IndexBody) if body else IndexBody()
        return json_reply(
            [
                {key: value for key, value in entry._asdict().items() if value}
                for entry in self._repository.index()
                if entry.state == "READY" or not asked.ready
            ]
        )

    def load(self, call: Call) -> Reply:
        """`POST /v2/repository/models/{name}/load`.  Raises: UnknownModel SRV-091, ModelNotManaged
        SRV-095.
        """
        _no_parameters(call, {})
        self._repository.load(call.path["name"])
        return Reply(200, b"{}")

    def unload(self, call: Call) -> Reply:
        """`POST /v2/repository/models/{name}/unload`.  Raises: as `load`."""
        # No model here is made of others, so this asks for nothing.
        _no_parameters(call, {"unload_dependents": False})
        self._repository.unload(call.path["name"])
        return Reply(200, b"{}")

    def _find(self, call: Call) -> ProtocolModel:
        revision = call.headers.get(REVISION_HEADER, "")
        return self._repository.find(
            call.path["name"], call.path.get("version", ""), revision=revision
        )


def _no_parameters(call: Call, allowed: dict[str, object]) -> None:
    """Refuse what would change what is loaded: a model is the file that the server was given."""
    body = unpacked(call.body, call.headers)
    asked = parse_body(body, LoadBody) if body else LoadBody()
    for name, value in asked.parameters.items():
        if name not in allowed or value != allowed[name]:
            reason = "a model is loaded from where the server has it, and in no other form"
            raise WrongField(field=f"parameters.{name}", reason=reason)
