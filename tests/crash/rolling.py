"""Deploy, shift and take back revisions under a constant load: `python -m tests.crash.rolling
--changes N`.

No request may fail, each answer names one revision and the version that it is made of, and while a
shadow runs nobody is answered by it.
"""

import argparse
import http.client
import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from mainspring.app.workspace import Workspace
from mainspring.serving.rollouts.steer import RolloutReport
from tests.called_server import serving

__all__ = [
    "Callers",
    "Change",
    "changes",
    "declare",
    "main",
    "make_project",
    "standing",
    "wait_for",
]

CALLERS, PATIENCE_S = 4, 60.0
PROJECT = '''"""A shop with two models and one endpoint."""

from sklearn.linear_model import LogisticRegression

import mainspring as ms
from mainspring import col

sales = ms.Source(
    "sales",
    id="sale",
    event_time="at",
    contract=ms.Contract(
        sale=ms.String(), at=ms.Timestamp(), amount=ms.Float64(), bags=ms.Float64()
    ),
)
late = ms.TrainingSet(
    "late",
    spine=sales,
    prediction_time=col("at"),
    request=["bags"],
    label=ms.Label(sales, col("amount") > 1, join_on="sale"),
    features=[ms.OnDemandFeatureView("double", features={"double": col("bags") * 2})],
    split=ms.split_by_time(
        train_from="2024-05-01", test_from="2024-05-03", test_until="2024-05-05"
    ),
)


@ms.model(late)
def first(train, run):
    return LogisticRegression().fit(train.X, train.y)


@ms.model(late)
def second(train, run):
    return LogisticRegression(C=0.1).fit(train.X, train.y)


'''
DEPLOY, CANARY, SHADOW = "None", 'ms.Canary(steps=[50, 100], hold="1h")', 'ms.Shadow(hold="1h")'
Change = tuple[str, Callable[[], object]]


def declare(folder: Path, model: str, rollout: str = DEPLOY) -> Workspace:
    """The project with this model behind its endpoint, applied."""
    endpoint = f'ms.Endpoint("late", model={model}, rollout={rollout})\n'
    (folder / "project.py").write_text(PROJECT + endpoint)
    workspace = Workspace.open(folder)
    workspace.apply()
    return workspace


def make_project(folder: Path) -> Path:
    """The shop, with both models built and the first in charge."""
    folder.mkdir(parents=True)
    (folder / "project.toml").write_text('name = "shop"\n')
    (folder / "project.py").write_text(PROJECT + 'ms.Endpoint("late", model=first)\n')
    rows = [
        {
            "sale": f"{hour}",
            "at": f"2024-05-0{1 + hour // 24}T{hour % 24:02}:30:00Z",
            "bags": float(hour % 3 == 1),
            "amount": 2.0 * (hour % 3 == 1 or hour % 5 == 0),
        }
        for hour in range(96)
    ]
    Workspace.open(folder).ingest("sales", rows, history=True)
    for model in ("second", "first"):
        declare(folder, model)
    return folder


def standing(folder: Path) -> RolloutReport:
    """How the roll-out stands."""
    return Workspace.open(folder).rollouts.reports()[0]


def wait_for(folder: Path, is_so: Callable[[RolloutReport], bool]) -> RolloutReport:
    """How the roll-out stands once this is so."""
    until = time.monotonic() + PATIENCE_S
    while not is_so(found := standing(folder)):
        assert time.monotonic() < until, found
        threading.Event().wait(0.02)
    return found


class Callers:
    """Callers that ask one request after the other, each on a connection of its own.

    Args:
        statuses: of the answers, 0 for none.
        versions: by revision, all versions that an answer of it had.
        revisions: answers by revision since they were last cleared.
    """

    def __init__(self, url: str, token: str) -> None:
        self._place = urlsplit(url)
        self._headers = {"Authorization": f"Bearer {token}"}
        self._stop, self._lock = threading.Event(), threading.Lock()
        self.statuses, self.revisions = Counter[int](), Counter[str]()
        self.versions = defaultdict[str, set[str]](set)

    @contextmanager
    def calling(self) -> Iterator["Callers"]:
        """Call while the block runs."""
        threads = [threading.Thread(target=self._call, args=(n,)) for n in range(CALLERS)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in threads:
                thread.join(PATIENCE_S)

    def wait_for(self, count: int) -> Counter[str]:
        """The revisions that so many further answers name, all asked for from now on."""
        with self._lock:
            self.revisions.clear()
        until = time.monotonic() + PATIENCE_S
        while self.revisions.total() < count:
            assert time.monotonic() < until, self.statuses
            self._stop.wait(0.005)
        with self._lock:
            return self.revisions.copy()

    def _call(self, number: int) -> None:
        connection = http.client.HTTPConnection(
            self._place.hostname or "", self._place.port, timeout=PATIENCE_S
        )
        asked = number
        while not self._stop.is_set():
            asked += CALLERS
            body = json.dumps({"rows": [{"sale": f"s{asked}", "bags": asked % 3}]})
            try:
                connection.request("POST", "/v1/endpoints/late/predict", body, self._headers)
                response = connection.getresponse()
                status, answer = response.status, json.loads(response.read())
            except (ConnectionError, http.client.HTTPException):
                connection.close()
                status, answer = 0, {}
            self._count(status, answer.get("predictions", ()))
        connection.close()

    def _count(self, status: int, predictions: Sequence[dict[str, str]]) -> None:
        with self._lock:
            self.statuses[status] += 1
            for each in predictions:
                self.versions[each["revision"]].add(each["version"])
                self.revisions[each["revision"]] += 1


def changes(folder: Path, callers: Callers) -> Iterator[str]:
    """Changes without end, each checked by what callers are answered."""
    models = ["second", "first"]
    while True:
        yield from _deploy(folder, callers, models[0])
        yield from _canary(folder, callers, models[1], "promote")
        yield from _canary(folder, callers, models[0], "abort")
        yield from _rollback(folder, callers)
        yield from _shadow(folder, callers, models[0])
        models.reverse()


def _deploy(folder: Path, callers: Callers, model: str) -> Iterator[str]:
    before = standing(folder).stable
    declare(folder, model)
    after = wait_for(folder, lambda found: found.stable != before).stable
    _settle(callers, after)
    yield "deploy"


def _canary(folder: Path, callers: Callers, model: str, verb: str) -> Iterator[str]:
    workspace = declare(folder, model, CANARY)
    begun = wait_for(folder, lambda found: found.phase == "running")
    callers.wait_for(CALLERS)
    answered = callers.wait_for(40)
    assert set(answered) == {begun.stable, begun.candidate}, (answered, begun)
    yield "canary"
    getattr(workspace.rollouts, verb)("late")
    _settle(callers, begun.candidate if verb == "promote" else begun.stable)
    yield verb


def _rollback(folder: Path, callers: Callers) -> Iterator[str]:
    Workspace.open(folder).rollback()
    found = wait_for(folder, lambda found: found.phase == "settled" and not found.candidate)
    _settle(callers, found.stable)
    yield "rollback"


def _shadow(folder: Path, callers: Callers, model: str) -> Iterator[str]:
    workspace = declare(folder, model, SHADOW)
    begun = wait_for(folder, lambda found: found.phase == "running")
    answered = callers.wait_for(40)
    assert set(answered) == {begun.stable}, (answered, begun)
    shadowed = wait_for(folder, lambda found: found.by_candidate.rows > 0)
    assert shadowed.by_candidate.differing > 0, shadowed
    yield "shadow"
    workspace.rollouts.promote("late")
    _settle(callers, begun.candidate)
    yield "promote"


def _settle(callers: Callers, revision: str) -> None:
    """Wait until only this revision answers."""
    until = time.monotonic() + PATIENCE_S
    while set(callers.wait_for(2 * CALLERS)) != {revision}:
        assert time.monotonic() < until, (revision, callers.revisions)


def run(folder: Path, count: int, note: Callable[[str], None] = lambda _: None) -> Callers:
    """Make so many changes under load; what the callers saw."""
    with serving(folder) as url:
        token = (folder / ".mainspring" / "token").read_text().strip()
        with Callers(url, token).calling() as callers:
            callers.wait_for(10)
            for number, kind in zip(range(1, count + 1), changes(folder, callers), strict=False):
                note(f"{number:4} {kind:9} {callers.statuses.total():,} answers")
    return callers


def main() -> None:
    """Change so often as the command line says, and say what became of the requests."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--changes", type=int, default=200)
    count = parser.parse_args().changes
    with TemporaryDirectory() as parent:
        callers = run(make_project(Path(parent) / "shop"), count, print)
    failed = callers.statuses.total() - callers.statuses[200]
    mixed = sum(len(versions) > 1 for versions in callers.versions.values())
    print(
        f"{count} changes, {callers.statuses.total():,} requests: {failed} failed; "
        f"{mixed} revisions with more than one version"
    )
    raise SystemExit(1 if failed or mixed else 0)


if __name__ == "__main__":
    main()
