"""What a fit logged and printed, and how good its model is, can be seen after the apply."""

import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

import mainspring as ms
from mainspring.app.cli import command_line
from mainspring.app.workspace import Workspace
from mainspring.govern.model_report import MetricReport, ModelReport
from mainspring.registry.errors import UnknownVersion
from tests.unit.project.desk import edited, write_desk

FIT = """
    print("fitting on", len(train.y), "rows")
    run.log_params({"trees": 3, "leaves": 4})
    run.log_metrics("loss", [0.7, 0.6, 0.5])
    run.log_metric("rows", 201)
    run.log_artifact("notes.txt", b"as planned")
    shape = lgb"""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_desk(tmp_path_factory.mktemp("desk"))
    edited(folder, "    shape = lgb", FIT.lstrip("\n"))
    return folder


@pytest.fixture(scope="module")
def applied(desk: Path) -> str:
    done = CliRunner().invoke(command_line, ["apply", "--project", str(desk)])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture
def workspace(desk: Path, applied: str) -> Workspace:
    return ms.Workspace.open(desk)


def test_an_apply_prints_the_metrics_of_every_model_and_where_the_rest_is(
    workspace: Workspace, applied: str
) -> None:
    [report] = workspace.models.reports()
    [auc] = [metric for metric in report.metrics if metric.name == "roc_auc"]
    metrics = ", ".join(map(str, report.metrics))
    assert f"  slow v1: {metrics} on {report.tested} test rows\n" in applied
    assert "mainspring models show slow" in applied
    assert auc.low is not None
    assert auc.high is not None
    assert auc.low < auc.value < auc.high


def test_a_model_is_shown_with_what_its_fit_logged_and_printed(workspace: Workspace) -> None:
    report = workspace.models.report("slow")
    lines = list(report.lines())
    assert report.params == {"trees": 3, "leaves": 4}
    assert f"    fitting on {report.fitted} rows" in lines
    assert "    trees = 3" in lines
    assert "    loss 0.5 at step 2, the last of 3" in lines
    assert "    rows 201" in lines
    stored = workspace.runtime.objects.read(report.artifacts["notes.txt"])
    assert stored == b"as planned"
    assert workspace.models.report("slow@v1") == report
    with pytest.raises(UnknownVersion):
        workspace.models.report("quick")


def test_garbage_collection_leaves_what_a_fit_logged_and_printed(workspace: Workspace) -> None:
    before = workspace.models.report("slow")
    collector = workspace.garbage_collector
    for _ in range(2):
        collector.collect(collector.plan(grace=0))
    assert workspace.models.report("slow") == before
    assert before.is_kept


def test_the_commands_print_text_or_a_document(desk: Path, applied: str) -> None:
    def run(*words: str) -> str:
        done = CliRunner().invoke(command_line, [*words, "--project", str(desk)])
        assert done.exit_code == 0, done.output
        return done.output

    assert run("models").startswith("slow v1: accuracy ")
    shown = run("models", "show", "slow")
    assert "Printed by the fit" in shown
    assert "notes.txt" in shown
    document = json.loads(run("models", "show", "slow", "--json"))
    assert document["params"] == {"trees": 3, "leaves": 4}
    assert {metric["name"] for metric in document["metrics"]} >= {"roc_auc", "log_loss"}


def test_an_environment_without_models_says_how_to_train(tmp_path: Path) -> None:
    done = CliRunner().invoke(command_line, ["models", "--project", str(write_desk(tmp_path))])
    assert done.output == "dev holds no model.  Train what is declared: mainspring apply\n"


def test_a_metric_that_is_undefined_says_so_and_is_null(workspace: Workspace) -> None:
    metric = MetricReport(name="roc_auc", value=None, low=None, high=None)
    assert str(metric) == "roc_auc undefined"
    report = msgspec.structs.replace(workspace.models.report("slow"), metrics=(metric,))
    assert msgspec.json.decode(msgspec.json.encode(report), type=ModelReport) == report


def test_a_report_of_a_version_whose_log_is_gone_says_so(workspace: Workspace) -> None:
    report = msgspec.structs.replace(workspace.models.report("slow"), is_kept=False, printed="")
    [*_, last] = report.lines()
    assert last == "  What this version logged and printed is not stored any more."
