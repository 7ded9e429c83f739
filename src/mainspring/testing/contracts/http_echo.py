"""The service that a server of the HTTP contract stands before."""

import threading
import time
from collections.abc import Callable, Sequence

from mainspring.elements.errors import MainspringError
from mainspring.elements.events import Actor
from mainspring.ports.errors import BadRequest, StoreBusy
from mainspring.ports.http import (
    Answer,
    Answers,
    Call,
    GatherRule,
    HttpService,
    RecordedAnswers,
    Reply,
    Route,
    json_reply,
)
from mainspring.ports.limits import HttpLimits

__all__ = ["ECHO_BODY_BYTES", "ECHO_PATIENCE_S", "EchoService"]

ECHO_BODY_BYTES = 24 * 1024 * 1024
"""The largest body that it takes."""

ECHO_PATIENCE_S = 30
"""How long it waits to be let go."""

_GATHERING = GatherRule(
    wait_s=10.0,
    is_apart=lambda call: call.path["name"] != "near",
    rows_of=lambda call: int(call.query.get("rows", "1")),
    most_rows=4,
)


class EchoService:
    """Routes that say what they were called with, and one that waits until it is let go."""

    def __init__(self) -> None:
        self.entered, self.let_go = threading.Event(), threading.Event()
        self.at_once = self.most_at_once = 0
        self.turns, self.ticks = list[list[str]](), list[list[str]]()
        self.gathered = list[list[str]]()
        self.recorded = list[str]()
        self.under_way, self.admitted = list[str](), 0
        self.service = HttpService(
            routes=[
                Route("GET", "/echo/{name}", None, self.echo),
                Route("POST", "/echo/{name}", None, self.echo),
                Route("POST", "/size", None, lambda call: json_reply(len(call.body))),
                Route("POST", "/guarded", "write", self.echo),
                Route("GET", "/wait", None, self.wait, blocks=True),
                Route("GET", "/alone", None, self.alone, blocks=True, alone=True),
                Route("GET", "/many/{name}", None, self.echo, blocks=True, together=self.together),
                Route("GET", "/tick/{name}", None, self.echo, together=self.tick),
                Route(
                    "GET",
                    "/gather/{name}",
                    None,
                    self.echo,
                    together=self.gather,
                    gather=_GATHERING,
                ),
                Route("GET", "/busy", None, self.busy),
                Route("GET", "/bug", None, lambda call: json_reply(1 // len(call.body))),
                Route(
                    "GET", "/plain", None, lambda _: Reply(202, b"as is", "text/x-a", {"X-A": "b"})
                ),
            ],
            authorise=self.authorise,
            refuse=self.refuse,
            admit=self.admit,
            limits=HttpLimits(body_bytes=ECHO_BODY_BYTES),
        )

    def authorise(self, call: Call, permission: str) -> Actor:
        """Everybody who gives a name may do what is asked for."""
        if "authorization" not in call.headers:
            raise BadRequest(reason=f"nobody may {permission}")
        return Actor(call.headers["authorization"])

    def admit(self, call: Call) -> Callable[[], None]:
        """Lets everybody in but who says that there is no room, and notes who has left."""
        if "x-no-room" in call.headers:
            raise BadRequest(reason="there is no room")
        self.under_way.append(call.route)
        self.admitted += 1
        return lambda: self.under_way.remove(call.route)

    def refuse(self, call: Call, error: Exception) -> Reply:
        """An error of ours by its code; a bug says nothing."""
        if not isinstance(error, MainspringError):
            return json_reply({"route": call.route}, 500)
        return json_reply({"code": error.code, "route": call.route, "detail": error.message}, 418)

    def echo(self, call: Call) -> Reply:
        """The call as JSON."""
        said = call._replace(body=b"")._asdict()
        del said["caller"], said["span"]
        return json_reply({**said, "body": call.body.decode()})

    def wait(self, _: Call) -> Reply:
        """Answers once it is let go."""
        self.entered.set()
        return json_reply(self.let_go.wait(ECHO_PATIENCE_S))

    def alone(self, _: Call) -> Reply:
        """Counts how many are in here at once."""
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        time.sleep(0.02)
        self.at_once -= 1
        return json_reply(None)

    def together(self, calls: Sequence[Call]) -> list[Reply | Exception]:
        """Answers each with its name, once it is let go; `busy` is refused, `bug` ends the turn."""
        names = [call.path["name"] for call in calls]
        self.turns.append(names)
        self.entered.set()
        assert self.let_go.wait(ECHO_PATIENCE_S)
        if "bug" in names:
            raise ZeroDivisionError
        busy = StoreBusy(store="the log", operation="append")
        return [busy if name == "busy" else json_reply(name) for name in names]

    def tick(self, calls: Sequence[Call]) -> Answers:
        """Answers each with the value of `x`; once they are on record where the path says so."""
        names = [call.query["x"] for call in calls]
        self.ticks.append(names)
        if "bug" in names:
            raise ZeroDivisionError
        no = BadRequest(reason="no")
        replies: list[Answer] = [no if name == "no" else json_reply(name) for name in names]

        def record() -> None:
            if calls[0].path["name"] == "full":
                raise StoreBusy(store="the log", operation="append")
            if calls[0].path["name"] == "held":
                self.entered.set()
                assert self.let_go.wait(ECHO_PATIENCE_S)
            self.recorded.extend(names)

        return replies if calls[0].path["name"] == "free" else RecordedAnswers(replies, record)

    def gather(self, calls: Sequence[Call]) -> Answers:
        """Answers each with the value of `x`; once it is let go where the path says so."""
        names = [call.query["x"] for call in calls]
        self.gathered.append(names)
        if calls[0].path["name"] == "held":
            self.entered.set()
            assert self.let_go.wait(ECHO_PATIENCE_S)
        return [json_reply(name) for name in names]

    def busy(self, _: Call) -> Reply:
        """An error of ours."""
        raise StoreBusy(store="the log", operation="append")
