"""A hostile run: `python -m tests.attacks.hostile --requests 1000000`.

Requests of all kinds in `mutations` and `protocol_mutations`, chosen by a seed, from processes of
their own, and connections that never finish a request, beside live traffic: predictions, and health
every few milliseconds; the same for every server that `mainspring serve` has.  It prints the
answers by status, the longest stall of health, live p99 beside the quiet one, and the memory of the
server.

It fails where a request was answered with 500, or with 503 by anything but admission, where a live
request was refused, or where the server does not answer any more.
"""

import argparse
import os
import re
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import NamedTuple

from mainspring.app.cli.commands.answers import serve
from tests.attacks.mutations import KINDS
from tests.attacks.protocol_mutations import PROTOCOL_KINDS
from tests.attacks.wire import ask, request, shop_project
from tests.journeys.lateness import Server, serving

__all__ = ["Attack", "SlowCallers", "attack", "main", "sent", "servers"]

_ALL_KINDS = {**KINDS, **PROTOCOL_KINDS}
_ADMISSION = ("SRV-042", "SRV-045", "SRV-100", "ENG-009")
"""Codes of 503 by which a server says that it has no room: for a connection, a body or a thread, in
the queue of a model, or at an upload that another request works on.
"""
_CODE = re.compile(rb'"code": ?"([A-Z]+-\d+)"')
_ATTACKERS = 4
_SLOW_CALLERS = 100
_ANSWER_S = 0.1
_QUIET_S = 5.0
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
_LIVE = b'{"rows": [{"shop": "a"}]}'


class Attack(NamedTuple):
    """What one process sends.

    Args:
        count: of requests, beginning with the number `first` of the whole run.
    """

    port: int
    token: str
    seed: int
    first: int
    count: int


def attack(given: Attack) -> Counter[tuple[str, str]]:
    """Send the requests, each on a connection of its own; answers by kind and status.

    A connection without an answer in time is left, where its request has no end.
    """
    names, answers = sorted(_ALL_KINDS), Counter[tuple[str, str]]()
    for number in range(given.first, given.first + given.count):
        random = Random(f"{given.seed}:{number}")
        name = names[number % len(names)]
        status = sent(given.port, _ALL_KINDS[name](random, given.token))
        answers[name, status] += 1
    return answers


def _step_back() -> None:
    """Attackers are on machines of their own: here they leave the processors to the server."""
    os.nice(19)


def sent(port: int, payload: bytes) -> str:
    """Send a request; the status of its answer, of 503 with its code, `closed` for none, or `left`
    where there is none to be waited for.
    """
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            # A server that has refused what it read need not take the rest.
            with suppress(ConnectionError):
                connection.sendall(payload)
            connection.settimeout(_ANSWER_S if _is_endless(payload) else 20)
            answer = connection.recv(4096)
            found = _STATUS.match(answer)
            if found and found[1] == b"503":
                return f"503 {_code_of(answer, connection)}"
    except TimeoutError:
        return "left"
    except OSError:
        return "closed"
    return found.group(1).decode() if found else "closed"


def _code_of(answer: bytes, connection: socket.socket) -> str:
    """The code of a refusal, the rest of which is read."""
    while (code := _CODE.search(answer)) is None and (more := connection.recv(4096)):
        answer += more
    said = code[1].decode() if code else "without a code"
    if said not in _ADMISSION:
        print(answer.decode(errors="replace"), file=sys.stderr)
    return said


def _is_endless(payload: bytes) -> bool:
    """Whether there is no answer to be waited for: the request was not sent to its end."""
    head, separator, body = payload.partition(b"\r\n\r\n")
    declared = re.search(rb"\r\ncontent-length: (\d{1,9})(\r\n|$)", head.lower())
    is_short = declared is not None and int(declared.group(1)) > len(body)
    return not (separator and payload.strip()) or is_short or b"chunked" in head


class SlowCallers:
    """Connections that send a byte of a request now and then, and never its end; a thread keeps so
    many of them open while the block runs.
    """

    def __init__(self, port: int, count: int = _SLOW_CALLERS) -> None:
        self._port, self._count = port, count
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.opened = 0

    def __enter__(self) -> "SlowCallers":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        callers: list[socket.socket] = []
        while not self._stop.wait(0.5):
            callers = [each for each in callers if _goes_on(each)]
            with suppress(OSError):
                while len(callers) < self._count:
                    callers.append(self._opened())
        for each in callers:
            each.close()

    def _opened(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self._port), timeout=1)
        self.opened += 1
        begun = (b"POST /v1/endpoints/late/predict HTTP/1.1\r\nHost: localhost\r\n", b"G")
        connection.sendall(begun[self.opened % 2])
        connection.settimeout(0)
        return connection


def _goes_on(connection: socket.socket) -> bool:
    """Send another byte; whether the server still takes it."""
    try:
        connection.sendall(b"x")
        return connection.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        connection.close()
        return False


class _Live:
    """Traffic as it should be, in a thread; how long each answer took."""

    def __init__(self, ask_once: Callable[[], int], *, pause_s: float) -> None:
        self._ask_once, self._pause_s = ask_once, pause_s
        self._stop = threading.Event()
        self.seconds: list[float] = []
        self.statuses: Counter[int] = Counter()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "_Live":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._pause_s):
            started = time.perf_counter()
            self.statuses[self._ask_once()] += 1
            self.seconds.append(time.perf_counter() - started)

    @property
    def p99_ms(self) -> float:
        """In milliseconds."""
        return 1_000 * sorted(self.seconds)[int(len(self.seconds) * 0.99)]

    @property
    def longest_ms(self) -> float:
        """In milliseconds."""
        return 1_000 * max(self.seconds)


def _memory_mb(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+)", status)
    assert found is not None
    return int(found.group(1)) / 1024


def _run(server: Server, requests: int, seed: int) -> int:
    port = int(server.url.rpartition(":")[2])
    token = (shop_project() / ".mainspring" / "token").read_text().strip()
    live_call = request("POST", "/v1/endpoints/late/predict", _LIVE, token=token)
    health_call = request("GET", "/healthz")

    def predict() -> int:
        return ask(port, live_call).status

    def health() -> int:
        return ask(port, health_call).status

    with _Live(predict, pause_s=0.02) as quiet, _Live(health, pause_s=0.005) as calm:
        threading.Event().wait(_QUIET_S)
    before = _memory_mb(server.process.pid)
    share = -(-requests // _ATTACKERS)
    attacks = [Attack(port, token, seed, at * share, share) for at in range(_ATTACKERS)]
    started = time.monotonic()
    answers = Counter[tuple[str, str]]()
    with (
        _Live(predict, pause_s=0.02) as live,
        _Live(health, pause_s=0.005) as checked,
        SlowCallers(port) as slow,
        ProcessPoolExecutor(_ATTACKERS, get_context("spawn"), _step_back) as pool,
    ):
        for part in pool.map(attack, attacks):
            answers.update(part)
    seconds = time.monotonic() - started
    failed = _tell_answers(answers, seconds)
    print(f"slow callers: {slow.opened:,} connections, {_SLOW_CALLERS} at a time")
    print(f"live answers: {dict(live.statuses)}; health: {dict(checked.statuses)}")
    print(f"longest stall of health: {checked.longest_ms:.0f} ms (quiet {calm.longest_ms:.0f} ms)")
    ratio = live.p99_ms / quiet.p99_ms
    print(f"live p99: {live.p99_ms:.1f} ms, {ratio:.1f} × the quiet {quiet.p99_ms:.1f} ms")
    print(f"memory: {before:.0f} MB before, {_memory_mb(server.process.pid):.0f} MB after")
    is_alive = server.process.poll() is None and health() == 200
    return 1 if failed or not is_alive or set(live.statuses) != {200} else 0


def _tell_answers(answers: Counter[tuple[str, str]], seconds: float) -> dict[str, int]:
    """Print answers by status; those that there should be none of, by kind."""
    by_status = Counter[str]()
    for (_, status), count in answers.items():
        by_status[status] += count
    kinds = len({name for name, _ in answers})
    print(f"{sum(by_status.values()):,} requests of {kinds} kinds in {seconds:.0f} s")
    for status, count in sorted(by_status.items()):
        print(f"  {status:>11}: {count:,}")
    failed = {
        f"{status} to {name}": count
        for (name, status), count in answers.items()
        if _is_failure(status)
    }
    for name, count in sorted(failed.items()):
        print(f"  {name}: {count:,}")
    return failed


def _is_failure(status: str) -> bool:
    number, _, code = status.partition(" ")
    return number == "500" or (number == "503" and code not in _ADMISSION)


def servers() -> Sequence[str]:
    """What `mainspring serve --server` can be; one without a name where there is no choice."""
    options = {option.name: option.type for option in serve.params}
    return list(getattr(options.get("server"), "choices", [""]))


def main(words: Sequence[str] | None = None) -> int:
    """Attack the servers of a small project; 0 where nothing broke."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--server", choices=servers(), help="one of them; default: each")
    given = parser.parse_args(words)
    worst = 0
    for name in [given.server] if given.server is not None else servers():
        print(f"server: {name or 'uvicorn'}", flush=True)
        with serving(shop_project(), *(["--server", name] if name else [])) as server:
            worst = max(worst, _run(server, given.requests, given.seed))
    return worst


if __name__ == "__main__":
    sys.exit(main())
