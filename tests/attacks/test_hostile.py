"""A slice of the hostile run: nothing that strangers send is a fault of ours, and nobody else is
refused because of it.
"""

import re

import pytest

from mainspring.ports.limits import HttpLimits
from tests.attacks.hostile import SlowCallers, main, servers
from tests.attacks.wire import ask, bare_service, request, running, until

REQUESTS = 2_000


@pytest.mark.parametrize("server", servers())
def test_no_hostile_request_is_a_fault_of_ours_or_stops_live_traffic(
    server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--server", server] if server else []
    code = main(["--requests", str(REQUESTS), "--seed", "12", *words])
    said = capsys.readouterr().out
    assert code == 0, said
    assert re.search(r"2,000 requests of \d{3} kinds", said), said


def test_slow_callers_are_let_go_and_come_again_while_others_are_answered() -> None:
    limits = HttpLimits(head_s=0.5)
    with running(bare_service(limits)) as port, SlowCallers(port, 20) as slow:
        until(lambda: slow.opened > 40)
        assert ask(port, request("GET", "/healthz")).status == 200
