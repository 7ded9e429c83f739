"""What a notebook shows of plans, reports and frames: small, escaped, and the same every time."""

import os
import re
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest

from mainspring.datasets.card import FeatureColumn, TrainingSetCard
from mainspring.elements.html import html_page, html_table, html_text
from mainspring.elements.identity import Digest
from mainspring.elements.schema import DType
from mainspring.features.online.read import FeatureRows
from mainspring.gates.verdict import Verdict
from mainspring.govern.lineage import LineageNode
from mainspring.govern.model_report import MetricReport, ModelReport, ModelSummary
from mainspring.govern.status import EndpointStatus, SourceStatus, StatusReport
from mainspring.monitoring.incident import Incident
from mainspring.project.apply.perform import ApplyReport
from mainspring.project.plan.plan import PlanningContext, make_plan
from mainspring.registry.environment import AssetNotes, empty_environment
from mainspring.registry.training_set import StoredTrainingSet
from mainspring.training.run import MetricPoint
from tests.unit.project.conftest import WriteProject, write_shop
from tests.unit.project.shop import graph_of

__all__ = ["write_shop"]

FOLDER = Path(__file__).parent / "notebook"
EVIL = '<script>alert("x")</script> & co'
DIGEST = Digest("sha256:" + "1" * 64)
AUC = MetricReport(name="roc_auc", value=0.764, low=0.761, high=0.767)
SUMMARY = ModelSummary(model=EVIL, label=f"{EVIL} v1", version=DIGEST, tested=800, metrics=(AUC,))
INCIDENT = Incident(
    id="m/drift/0",
    monitor="m",
    kind="drift",
    opened_at=0,
    closed_at=None,
    sentence=EVIL,
    subjects=(),
)
VERDICT = Verdict(gate=EVIL, passed=False, summary=EVIL, subject=DIGEST, at=0)
CARD = TrainingSetCard(
    name=EVIL,
    digest=DIGEST,
    features=(FeatureColumn("n", DType.INT64, "view"),),
    request=(EVIL,),
    rows=7,
    fitted=4,
    tested=2,
    excluded={},
    tainted=(),
    assumed=(),
    history_share={},
    inputs={},
)
STORED = pl.DataFrame(
    {
        "_id": [EVIL] * 7,
        "_prediction_time": range(7),
        "_label": [True, False, None, True, False, True, False],
        "_label_known_at": range(7),
        "_split": ["fit"] * 4 + ["test"] * 2 + [""],
        EVIL: ["a"] * 7,
        "n": [1_234, None, 3, 4, 5, 6, 7],
    }
)
SHOWN = {
    "apply": ApplyReport(
        environment=EVIL,
        run="run-1",
        version=2,
        performed=3,
        reused=1,
        moved=True,
        verdicts=(VERDICT,),
        models=(SUMMARY,),
    ),
    "status": StatusReport(
        project="p",
        environment=EVIL,
        version=2,
        moved_by="ada",
        moved_at=0,
        reason="apply",
        endpoints=(
            EndpointStatus(
                name=EVIL,
                model=EVIL,
                digest=DIGEST,
                attested=True,
                log="process",
                notes=AssetNotes(owner=EVIL),
            ),
        ),
        sources=(SourceStatus(name=EVIL, rows=1_234, quarantined=1, last_event_time=0),),
        incidents=(INCIDENT,),
    ),
    "training_set": StoredTrainingSet(CARD, STORED),
    "model": ModelReport(
        model=EVIL,
        label=f"{EVIL} v1",
        version=DIGEST,
        tested=800,
        metrics=(AUC,),
        registered_at=0,
        author="ada",
        fitted=4_000,
        params={EVIL: EVIL},
        logged=(MetricPoint("loss", 0.5),),
        artifacts={},
        printed=EVIL,
        is_kept=True,
    ),
    "lineage": LineageNode(asset=EVIL, digest="", made_by="ada", made_at=0, facts={"rows": 3}),
    "features": FeatureRows({EVIL: [EVIL] * 12, "n": [None, *range(11)]}, {}, {}, {}),
}


class Tags(HTMLParser):
    """The tags of a page, each closed, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def assert_golden(name: str, page: str) -> None:
    file = FOLDER / f"{name}.html"
    if os.environ.get("MAINSPRING_WRITE_GOLDEN"):
        FOLDER.mkdir(exist_ok=True)
        file.write_text(page + "\n")
    assert page + "\n" == file.read_text()


@pytest.mark.parametrize("name", SHOWN)
def test_a_notebook_shows_names_as_text_and_never_as_tags(name: str) -> None:
    page = SHOWN[name]._repr_html_()
    tags = Tags(page)
    assert tags.open == []
    assert tags.seen <= {"div", "p", "strong", "table", "caption", "thead", "tbody"} | {
        "tr",
        "th",
        "td",
        "pre",
    }
    assert any(EVIL in text for text in tags.words)
    assert len(page) < 6_000
    assert_golden(name, page)


def test_a_plan_shows_its_changes_and_stages(write_shop: WriteProject) -> None:
    graph = graph_of(write_shop())
    plan = make_plan("shop", graph, PlanningContext(environment=empty_environment("dev")))
    page = plan._repr_html_()
    assert Tags(page).open == []
    assert re.findall(r"<caption[^>]*>(\w+)", page) == ["Changes", "Stages"]
    assert repr(plan) == (
        f"<plan apply: shop → dev (version 0), {len(plan.changes)} changes, "
        f"{len(plan.work)} stages to run>"
    )
    assert_golden("plan", page)


def test_a_table_without_rows_is_left_out_and_cells_are_readable() -> None:
    assert html_page("a", html_table("t", ["n"], [])) == html_page("a")
    table = html_table("t", ["n"], [[None], [True], [1_234], [0.123456789], ["<"]])
    assert re.findall(r"<td[^>]*>([^<]*)</td>", table) == ["", "yes", "1,234", "0.123457", "&lt;"]
    assert html_text("</pre><b>") == "<pre>&lt;/pre&gt;&lt;b&gt;</pre>"
