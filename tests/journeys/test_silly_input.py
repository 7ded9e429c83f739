"""Whatever is typed or given, the answer is a code and a line: no traceback, and no fault of ours.

Every command is called with everything that people mistype; what is listed here as silly must never
be taken for a bug of Mainspring, which is what exit code 3 says.
"""

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

import mainspring as ms
from mainspring.app.cli.faults import EXIT_INTERNAL, EXIT_MISUSE, EXIT_REFUSED
from mainspring.app.data_access import DataAccess
from mainspring.elements.errors import MainspringError
from tests.copies import copied_tree
from tests.journeys.lateness import Answer, call, make_project, verbs

pytestmark = pytest.mark.journey

NOT_CALLED = {"demo", "serve", "serve-model", "stream"}
"""These run until they are stopped where their input is right."""

NAMES = ["nothing", "", "  ", "a/b", "../x", "ünï", "a\0b", "%s", "{}", "x" * 5_000, "sha256:0"]
TIMES = ["", "yesterday", "2024-13-01", "2024-02-30", "2024-05-01T25:00:00Z", "10000-01-01", "-1"]
NUMBERS = ["", "-1", "0", "x", "1e3", "0.5"]
ROWS = [
    "",
    "null",
    "3",
    '"a"',
    "{",
    "[" * 3_000,
    '{"shop": NaN}',
    '{"rows": {}}',
    '{"rows": [1]}',
    '{"shop": {"a": 1}}',
    '{"shop": [1]}',
    '{"shop": 1e999}',
    '{"shop": "\\ud800"}',
]
WRONG_ROWS = [
    "{}",
    '{"": 1}',
    '{"_id": 1, "_offset": 2}',
    '{"sale": null, "shop": null, "at": null, "amount": null}',
    '{"sale": "q", "shop": "a", "at": "x", "amount": 1}',
    '{"sale": "q", "shop": "a", "at": "2024-05-01", "amount": "x"}',
    '{"sale": 99999999999999999999, "shop": true, "at": -9223372036854775808, "amount": 1}',
]
"""Rows that can be read, and break the contract."""

BINARY = bytes(range(256)) * 40
FILES: dict[str, bytes] = {
    "empty": b"",
    "empty.csv": b"",
    "empty.parquet": b"",
    "empty.jsonl": b"",
    "binary": BINARY,
    "binary.csv": BINARY,
    "binary.parquet": BINARY,
    "binary.jsonl": BINARY,
    "latin.csv": "shop,prediction_time\nbär,2024-05-02\n".encode("latin-1"),
    "latin.jsonl": '{"shop": "bär"}\n'.encode("latin-1"),
    "other_columns.csv": b"x,y\n1,2\n",
    "ragged.csv": b"sale,shop,at,amount\n1,a\n2,a,2024-05-01,1,2,3\n",
    "numbers.json": b"[1, 2, 3]",
    "nested.jsonl": b'{"sale": {"a": [1]}, "shop": [1], "at": "2024-05-01", "amount": {}}\n',
}
PATHS = [
    *FILES,
    "nothing",
    "nothing.csv",
    "nothing.parquet",
    "folder",
    "folder.csv",
    ".",
    "dangling.csv",
    "loop.csv",
    "a\0b.csv",
    "x" * 300 + ".csv",
    "line\nbreak.csv",
    "folder.csv/x.csv",
    "empty/x.csv",
]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project, with files beside it that are not what they seem."""
    folder = make_project(tmp_path_factory.mktemp("projects") / "shop")
    for name, payload in FILES.items():
        (folder / name).write_bytes(payload)
    for name in ("folder", "folder.csv"):
        (folder / name).mkdir()
    (folder / "dangling.csv").symlink_to("nowhere")
    (folder / "loop.csv").symlink_to("loop.csv")
    return folder


@pytest.fixture
def copied(project: Path, tmp_path: Path) -> Path:
    return copied_tree(project, tmp_path / "shop", symlinks=True)


def faults(answer: Answer) -> list[str]:
    """What is wrong with the answer to silly input."""
    wrong = []
    if answer.code not in (EXIT_REFUSED, EXIT_MISUSE):
        wrong.append(f"exit code {answer.code}")
    if "Traceback" in answer.text or "MSP-000" in answer.text:
        wrong.append("a bug in Mainspring")
    if not re.search(r"^(usage|[A-Z]{3}-\d{3}) |✗|Usage:", answer.text, re.MULTILINE):
        wrong.append("no code")
    return wrong


def assert_refused(folder: Path, calls: Iterator[list[str]] | list[list[str]]) -> None:
    told = {
        " ".join(words)[:200]: (wrong, answer.err[:300])
        for words in calls
        for answer in [call(folder, words)]
        if (wrong := faults(answer))
    }
    assert told == {}


@pytest.mark.parametrize("verb", sorted(verbs()))
def test_options_and_arguments_that_no_command_has(verb: str, project: Path) -> None:
    words = verb.split()
    assert_refused(project, [[*words, "--nonsense"], [*words, "a", "b", "c", "d"]])


@pytest.mark.parametrize("verb", sorted(set(verbs()) - NOT_CALLED - {"init", "explain"}))
def test_environments_and_projects_that_are_not_there(verb: str, project: Path) -> None:
    given = {
        "run": ["lateness"],
        "approve": ["lateness", "other"],
        "promote": ["other"],
        "ingest": ["sales", "--row", "{}"],
        "backfill": ["takings", "--spine", "spine.csv", "--out", "out.csv"],
        "features show": ["takings"],
        "predict": ["late", "--row", '{"shop": "a"}'],
        "replay": ["--last", "1"],
        "lineage": ["late"],
        "watch": ["lateness-monitor"],
        "simulate": ["--from", "2024-05-03", "--days", "1"],
        "backup": ["copy"],
        "restore": ["folder"],
        "test": ["--parity"],
        "auth create": ["service:till", "--permission", "read", "--out", "unused.token"],
        "auth revoke": ["0123456789ab"],
        "auth rotate": ["0123456789ab", "--out", "unused.token"],
    }
    words = [*verb.split(), *given.get(verb, [])]
    environments = [[*words, "--env", name] for name in NAMES] if verb != "restore" else []
    projects = [
        [*words, "--project", path]
        for path in ("nothing", "folder", "empty", "binary", "a\0b", "x" * 300, "loop.csv")
    ]
    assert_refused(project, [*environments, *projects])


def test_commands_that_are_not_there(project: Path) -> None:
    silly = [["nonsense"], ["--nonsense"], ["help"], ["auth", "x"], ["features", "x"], ["gates"]]
    assert_refused(project, silly)


def test_names_that_nothing_has(project: Path) -> None:
    verbs_of_names = [
        ["run"],
        ["approve", "lateness"],
        ["promote", "other", "--version"],
        ["ingest", "--row", "{}"],
        ["stream", "--once", "--view"],
        ["backfill", "--spine", "spine.csv", "--out", "out.csv"],
        ["features", "show"],
        ["predict", "--row", "{}"],
        ["replay"],
        ["lineage"],
        ["watch"],
        ["explain"],
        ["auth", "revoke"],
        ["auth", "create", "service:till", "--permission"],
        ["restore", "folder", "--digest"],
        ["simulate", "--from", "2024-05-03", "--days", "1", "--inject"],
    ]
    no_names = {"promote": {""}, "explain": {""}}
    assert_refused(
        project,
        [
            [*words, name]
            for words in verbs_of_names
            for name in NAMES
            if name not in no_names.get(words[0], set())
        ],
    )


@pytest.mark.parametrize(
    "actor",
    ["  ", "ada", "person:", "person:a\nb", "person:a\0b", "person:a/b", "person:" + "x" * 300],
)
def test_actors_that_are_no_names(actor: str, project: Path) -> None:
    assert_refused(
        project,
        [
            ["auth", "create", actor, "--permission", "read", "--out", "unused.token"],
            ["ingest", "sales", "--row", "{}", "--as", actor],
        ],
    )


def test_times_and_numbers_that_are_none(project: Path) -> None:
    simulate = ["simulate", "--from"]
    assert_refused(
        project,
        [
            *([*simulate, time, "--days", "1"] for time in TIMES),
            *([*simulate, "2024-05-03", "--days", number] for number in [*NUMBERS, "9" * 20]),
            *(["serve", "--port", number] for number in [*NUMBERS, "65536"] if number != "0"),
            *(["audit", "--last", number] for number in NUMBERS),
            *(["replay", "--last", number] for number in NUMBERS),
            *(["test", "--parity", "--rows", number] for number in NUMBERS),
            *(["gc", "--plan", "--grace", number] for number in [*NUMBERS, "1x", "∞", "-1d"]),
        ],
    )


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("nulls:no_such_column@2024-05-03", "no source of the model has a column"),
        ("unit-change:_visible_from@2024-05-03", "no source of the model has a column"),
        ("unit-change:shop@2024-05-03", "has no unit"),
        ("nulls:amount@yesterday", "PRJ-002"),
        ("explode:amount@2024-05-03", "it has another form"),
    ],
)
def test_faults_that_cannot_be_injected(fault: str, said: str, project: Path) -> None:
    words = ["simulate", "--from", "2024-05-03", "--days", "1", "--inject", fault]
    answer = call(project, words)
    assert faults(answer) == []
    assert said in " ".join(answer.text.split())


@pytest.mark.parametrize("op", ["", "replace", "delete"])
def test_rows_that_are_none(op: str, project: Path) -> None:
    options = ["--op", op] if op else []
    calls = [["ingest", "sales", "--row", row, *options] for row in [*ROWS, *WRONG_ROWS]]
    assert_refused(project, [*calls, *(["predict", "late", "--row", row] for row in ROWS)])


@pytest.mark.parametrize("path", PATHS)
def test_files_that_are_none(path: str, copied: Path) -> None:
    assert_refused(
        copied,
        [
            ["ingest", "sales", path],
            ["ingest", "sales", path, "--history"],
            ["ingest", "sales", path, "--op", "delete"],
            ["ingest", "sales", path, "--row", "{}"],
            ["predict", "late", path],
            ["backfill", "takings", "--spine", path, "--out", "out.csv"],
            ["restore", path],
            ["serve-model", path],
        ],
    )


@pytest.mark.parametrize(
    "path", ["folder", "folder.csv", "loop.csv", "a\0b.csv", "x" * 300 + ".csv", "empty/x.csv"]
)
def test_places_that_cannot_be_written(path: str, copied: Path) -> None:
    assert_refused(
        copied,
        [
            ["backfill", "takings", "--spine", "spine.csv", "--out", path],
            *([["backup", path], ["init", path]] if path not in ("folder", "folder.csv") else []),
        ],
    )


def test_a_folder_that_holds_a_disk_is_no_project(tmp_path: Path) -> None:
    for name in range(51_000):
        (tmp_path / f"{name}").touch()
    answer = call(tmp_path, ["status"])
    assert answer.code == EXIT_MISUSE
    assert answer.err.startswith("PRJ-081 ")
    assert not (tmp_path / ".mainspring").exists()


def test_a_bug_is_told_from_silly_input() -> None:
    assert "exit code 3" in faults(Answer(EXIT_INTERNAL, "", "MSP-000 a bug"))


RIGHT: dict[str, object] = {
    "source": "sales",
    "rows": [],
    "endpoint": "late",
    "features": ["takings"],
    "spine": pl.DataFrame({"shop": ["a"], "prediction_time": ["2024-05-02"]}),
    "keys": [{"shop": "a"}],
    "start": "2024-05-03",
    "days": 1,
    "target": "other",
    "archive": "folder",
}


def public_parameters() -> list[tuple[str, str]]:
    return [
        (name, parameter)
        for name in sorted({*vars(ms.Workspace), *vars(DataAccess)})
        if not name.startswith("_") and inspect.isfunction(getattr(ms.Workspace, name))
        for parameter, each in inspect.signature(getattr(ms.Workspace, name)).parameters.items()
        if parameter != "self" and not re.search("Callable|Observer", str(each.annotation))
    ]


@pytest.mark.parametrize(
    "silly", [object(), ms.Workspace, [object()], b"x"], ids=["object", "class", "list", "bytes"]
)
@pytest.mark.parametrize(("method", "parameter"), public_parameters())
def test_every_method_of_a_workspace_refuses_what_is_of_no_use(
    method: str, parameter: str, silly: object, project: Path
) -> None:
    asked = inspect.signature(getattr(ms.Workspace, method)).parameters.values()
    given = {
        each.name: RIGHT.get(each.name, "late")
        for each in asked
        if each.default is inspect.Parameter.empty and each.name != "self"
    }
    workspace = ms.Workspace.open(project)
    with pytest.raises(MainspringError) as refused:
        getattr(workspace, method)(**(given | {parameter: silly}))
    assert len(str(refused.value)) < 500


def test_no_features_and_another_split_are_no_surprise(project: Path) -> None:
    workspace, spine = ms.Workspace.open(project), RIGHT["spine"]
    assert workspace.get_historical_features([], spine=spine).equals(spine)
    with pytest.raises(MainspringError, match="split is 'fitted', and not 'all' or 'fit' or"):
        workspace.training_set("late").to_polars("fitted")


@pytest.mark.parametrize(
    "act",
    [
        lambda workspace: workspace.serve(70_000),
        lambda workspace: workspace.simulate(start="2024-05-03", days=0),
        lambda workspace: workspace.simulate(start="2024-05-03", days=10**12),
        lambda workspace: workspace.audit(last=-1),
        lambda workspace: workspace.latest_predictions(-1),
        lambda workspace: workspace.ingest("sales", "x" * 5_000),
        lambda workspace: workspace.replay(iter([3])),
    ],
)
def test_numbers_and_paths_out_of_range_are_refused(
    act: Callable[[ms.Workspace], object], project: Path
) -> None:
    with pytest.raises(MainspringError, match="PRJ-08"):
        act(ms.Workspace.open(project))
