"""A small project with one of everything, applied twice, and the command line called within this
process.
"""

import contextlib
import io
import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import click

import mainspring as ms
from mainspring.app.cli import command_line
from mainspring.app.cli.faults import run_to_exit_code

__all__ = ["PROJECT", "Answer", "Server", "call", "make_project", "serving", "verbs", "wait_until"]

_PATIENCE_S = 60
_PROGRAM = [sys.executable, "-c", "from mainspring.app.cli import main; main()"]

PROJECT = """
import mainspring as ms
from mainspring import col
from sklearn.linear_model import LogisticRegression

sales = ms.Source("sales", path="sales.csv", id="sale", event_time="at",
    contract=ms.Contract(sale=ms.String(), shop=ms.String(), at=ms.Timestamp(),
                         amount=ms.Float64()))
takings = ms.FeatureView("takings", source=sales, entities=[ms.Entity("shop")], windows=["2h"],
    features={"sales": ms.count()})
late = ms.TrainingSet("late", spine=sales, prediction_time=col("at"), request=["shop"],
    label=ms.Label(sales, col("amount") > 1, join_on="sale"), features=[takings],
    split=ms.split_by_time(train_from="2024-05-01", test_from="2024-05-03",
                           test_until="2024-05-05"))

@ms.model(late, gates=[])
def lateness(train, run):
    return LogisticRegression().fit(train.X, train.y)

endpoint = ms.Endpoint("late", model=lateness)
monitor = ms.Monitor(lateness, name="lateness-monitor")
"""

SETTINGS = """name = "shop"
[environments.dev]
[environments.other]
trust = {{ tester = ["{tester}"] }}
"""


class Answer(NamedTuple):
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """All that it said."""
        return self.out + self.err


def make_project(folder: Path) -> Path:
    """The project, applied twice and asked once; a rollback can undo the second."""
    folder.mkdir(parents=True)
    rows = [
        f"{hour},{'aab'[hour % 3]},2024-05-0{1 + hour // 24}T{hour % 24:02}:30:00Z,"
        f"{2.0 * (hour % 3 == 1 or hour % 5 == 0)}"
        for hour in range(96)
    ]
    (folder / "sales.csv").write_text("\n".join(["sale,shop,at,amount", *rows]))
    (folder / "spine.csv").write_text("shop,prediction_time\na,2024-05-02\n")
    (folder / "project.toml").write_text('name = "shop"\n')
    (folder / "shop.py").write_text(PROJECT.replace('windows=["2h"]', 'windows=["1h"]'))
    ms.Workspace.open(folder).apply()
    (folder / "shop.py").write_text(PROJECT)
    workspace = ms.Workspace.open(folder)
    workspace.apply()
    workspace.predict("late", {"shop": "a"})
    tester = workspace.public_keys()["tester"]
    (folder / "project.toml").write_text(SETTINGS.format(tester=tester))
    return folder


def call(folder: Path, words: Sequence[str]) -> Answer:
    """Call the command line in a folder, as the console script does, without a process."""
    out, err = io.TextIOWrapper(io.BytesIO()), io.TextIOWrapper(io.BytesIO())
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = run_to_exit_code(
            lambda given: command_line.main(list(given), standalone_mode=False), words
        )
        told = [_text(stream) for stream in (out, err)]
    return Answer(code, *told)


def verbs(group: click.Group = command_line) -> Iterator[str]:
    """Every command that does something, such as `auth list`."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from (f"{name} {inner}" for inner in verbs(command))
        if command is not None and getattr(command, "invoke_without_command", True):
            yield name


class Server:
    """A server in a process of its own.

    Args:
        process: of it.
        url: where it answers.
        token: of its owner.
    """

    def __init__(self, process: "subprocess.Popen[str]", url: str, token: str) -> None:
        self.process, self.url, self._token = process, url, token

    def ask(self, path: str, body: object = None, *, method: str = "") -> tuple[int, object]:
        """The status of an answer and its document; `body` makes it a POST."""
        status, payload, _ = self.ask_raw(
            path, None if body is None else json.dumps(body).encode(), method=method
        )
        return status, json.loads(payload)

    def ask_raw(
        self, path: str, payload: bytes | None = None, *, method: str = ""
    ) -> tuple[int, bytes, dict[str, str]]:
        """The status of an answer, its bytes and its headers."""
        asked = urllib.request.Request(
            f"{self.url}{path}",
            payload,
            {"Authorization": f"Bearer {self._token}"},
            method=method or None,
        )
        try:
            with urllib.request.urlopen(asked, timeout=_PATIENCE_S) as reply:
                return reply.status, reply.read(), dict(reply.headers)
        except urllib.error.HTTPError as error:
            return error.code, error.read(), dict(error.headers)


@contextlib.contextmanager
def serving(folder: Path, *words: str) -> Iterator[Server]:
    """A server of the project in a folder, until the block ends.

    Args:
        words: more options of the command.
    """
    with subprocess.Popen(
        [*_PROGRAM, "serve", "--port", "0", *words], cwd=folder, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
            assert found is not None
            token = (folder / ".mainspring" / "token").read_text().strip()
            yield Server(process, found.group(), token)
        finally:
            process.terminate()


def wait_until(holds: Callable[[], bool]) -> None:
    """Return once it holds."""
    until = time.monotonic() + _PATIENCE_S
    while not holds():
        assert time.monotonic() < until
        threading.Event().wait(0.02)


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue().decode().replace(os.linesep, "\n")
