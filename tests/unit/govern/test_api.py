"""The route of the status, called with a record."""

import json

from mainspring.govern.api import StatusApi
from mainspring.govern.status import StatusReport
from mainspring.ports.http import Call

REPORT = StatusReport(
    project="trips",
    environment="dev",
    version=4,
    moved_by="person:ada",
    moved_at=0,
    reason="apply",
    endpoints=(),
    sources=(),
    incidents=(),
)


def test_the_status_is_read_for_each_call():
    versions = iter([REPORT, REPORT])
    api = StatusApi(lambda: next(versions))
    answers = [json.loads(api.status(Call("GET")).body) for _ in range(2)]
    assert [answer["environment"] for answer in answers] == ["dev", "dev"]


def test_it_reads_state_and_log_so_it_blocks():
    [route] = StatusApi(lambda: REPORT).routes()
    assert (route.permission, route.blocks) == ("read", True)
