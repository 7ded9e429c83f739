"""A server that is asked for more than it can answer says so, and nobody else suffers."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from mainspring.ports.http import Call, Reply, Route, json_reply
from mainspring.ports.limits import HttpLimits
from mainspring.serving.admission import AdmissionControl, AdmissionLimits, CallerRate
from tests.attacks.wire import PATIENCE_S, Answer, ask, bare_service, request, running, until

PATH = "/v2/models/slow/infer"


class SlowModel:
    """Answers when it is let go."""

    def __init__(self, limits: AdmissionLimits) -> None:
        self.let_go = threading.Event()
        self.control = AdmissionControl(limits)
        route = Route("POST", "/v2/models/{name}/infer", "predict", self.infer, blocks=True)
        ready = Route("GET", "/ready", None, self.ready, "nothing")
        service = bare_service(HttpLimits(), [route, ready])
        self.service = replace(service, admit=self.control.guarding([route.path]))

    def infer(self, _: Call) -> Reply:
        self.let_go.wait(PATIENCE_S)
        return json_reply({})

    def ready(self, _: Call) -> Reply:
        self.control.require_room()
        return json_reply({"ready": True})


def infer(port: int) -> Answer:
    return ask(port, request("POST", PATH, b"{}"))


def test_beyond_the_queue_of_a_model_requests_are_refused_at_once_and_readiness_says_so() -> None:
    model = SlowModel(AdmissionLimits(queue=4))
    with running(model.service) as port, ThreadPoolExecutor(4) as pool:
        assert ask(port, request("GET", "/ready")).status == 200
        held = [pool.submit(infer, port) for _ in range(4)]
        until(lambda: model.control.under_way("slow") == 4)
        refused = infer(port)
        assert (refused.status, refused.code) == (503, "SRV-100")
        assert refused.headers["retry-after"] == "1"
        assert ask(port, request("GET", "/ready")).code == "SRV-100"
        assert ask(port, request("GET", "/healthz")).status == 200
        model.let_go.set()
        assert [each.result(PATIENCE_S).status for each in held] == [200] * 4
        until(lambda: model.control.under_way("slow") == 0)
        until(lambda: ask(port, request("GET", "/ready")).status == 200)


def test_a_caller_beyond_its_rate_is_told_when_to_come_again() -> None:
    model = SlowModel(AdmissionLimits(rate=CallerRate(per_s=0.01, burst=3)))
    model.let_go.set()
    with running(model.service) as port:
        assert [infer(port).status for _ in range(3)] == [200] * 3
        refused = infer(port)
        assert (refused.status, refused.code) == (429, "SRV-101")
        assert 90 <= int(refused.headers["retry-after"]) <= 100
