"""Every mistake has the user's line, and all come at once."""

from pathlib import Path

import pytest

from mainspring.elements.schema import DType, Schema
from mainspring.project.errors import ProjectErrors
from mainspring.project.loader.discover import discover
from mainspring.project.loader.load import load_project
from mainspring.project.loader.validate import validate
from tests.unit.project.conftest import WriteProject
from tests.unit.project.shop import SCHEMAS


def faults_of(write_shop: WriteProject, *replacements: tuple[str, str]) -> list[str]:
    """The faults as `line code`."""
    try:
        validate(discover(write_shop(*replacements)), SCHEMAS)
    except ProjectErrors as errors:
        return [f"{fault.at.line if fault.at else 0} {fault.code}" for fault in errors.faults]
    return []


def test_a_sound_project_has_no_faults(write_shop: WriteProject) -> None:
    assert faults_of(write_shop) == []


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param('col("amount").clip', 'col("amuont").clip', "11 PRJ-033", id="unknown column"),
        pytest.param(
            'col("amount").clip(0, 100).sum()', 'col("note").sum()', "11 PRJ-034", id="sum of text"
        ),
        pytest.param(
            'ms.Entity("customer")',
            'ms.Entity("client")',
            "11 PRJ-033",
            id="join key not in source",
        ),
        pytest.param(
            'request=["customer", "amount"]',
            'request=["amount"]',
            "15 PRJ-038",
            id="join key not in request",
        ),
        pytest.param(
            'request=["customer", "amount"]',
            'request=["customer"]',
            "14 PRJ-038",
            id="on-demand column not in request",
        ),
        pytest.param(
            'request=["customer", "amount"]',
            'request=["customer", "amount", "refund"]',
            "15 PRJ-039",
            id="label in request",
        ),
        pytest.param(
            'col("amount") < 10',
            'col("refund") < 10',
            "15 PRJ-039",
            id="label in on-demand feature",
        ),
        pytest.param(', windows=["1h", "7d"]', "", "11 PRJ-036", id="aggregates without windows"),
        pytest.param(
            '{"amount_sum": col("amount").clip(0, 100).sum()}',
            'ms.latest("amount")',
            "11 PRJ-036",
            id="latest with windows",
        ),
        pytest.param(
            'id="order_id", event_time="ordered_at"',
            'id="order_id", event_time=ms.timestamp("2024-01-01")',
            "11 PRJ-037",
            id="no event time",
        ),
        pytest.param(
            'event_time="returned_at"',
            'event_time="refund"',
            "9 PRJ-034",
            id="event time not a timestamp",
        ),
        pytest.param(
            'col("ordered_at") + ms.minutes(1)',
            'col("amount")',
            "15 PRJ-034",
            id="prediction time not a timestamp",
        ),
        pytest.param(
            'col("refund") > 0',
            'col("order_id") + ms.minutes(1)',
            "15 PRJ-033",
            id="label does not type",
        ),
        pytest.param(
            'join_on="order_id")',
            'join_on="order_id", missing="negative")',
            "15 PRJ-070",
            id="negative without a horizon",
        ),
        pytest.param(
            'join_on="order_id")',
            'join_on="order_id", horizon="3d")',
            "15 PRJ-070",
            id="horizon of nothing",
        ),
        pytest.param(
            'join_on="order_id")',
            'join_on="order_id", missing="positive")',
            "15 PRJ-070",
            id="unknown kind of absence",
        ),
        pytest.param(
            'col("refund") > 0, join_on="order_id")',
            'col("refund"), join_on="order_id", missing="negative", horizon="3d")',
            "15 PRJ-034",
            id="negative of a label that is a number",
        ),
        pytest.param(
            'test_from="2024-02-01"',
            'test_from="2023-02-01"',
            "15 PRJ-040",
            id="split out of order",
        ),
        pytest.param(
            "features=[basket, spending]",
            "features=[basket, spending, spending]",
            "15 PRJ-041",
            id="feature twice",
        ),
        pytest.param(
            'ms.Endpoint("returned"', 'ms.Endpoint("re turned"', "36 PRJ-032", id="endpoint name"
        ),
        pytest.param(
            "model=returned)",
            'model=returned, rollout=ms.Canary(steps=[25, 5], hold="1m"))',
            "36 PRJ-042",
            id="canary steps",
        ),
        pytest.param(
            '"roc_auc", 0.7', '"roc_auc", 0.7, by="shop"', "30 PRJ-044", id="slice not in request"
        ),
        pytest.param(
            '"roc_auc", 0.7', '"roc_acu", 0.7', "30 PRJ-044", id="metric that nobody computes"
        ),
        pytest.param(
            'min_metric("roc_auc", 0.7)',
            'ms.gates.min_metric("rmse", 0.7)',
            "30 PRJ-074",
            id="at least so much of an error",
        ),
        pytest.param(
            'min_metric("roc_auc", 0.7)',
            'ms.gates.max_metric("roc_auc", 0.7)',
            "30 PRJ-074",
            id="at most so much of a score",
        ),
        pytest.param(
            'min_metric("roc_auc", 0.7)',
            "ms.gates.no_leakage(max_pair_auc=1.5)",
            "30 PRJ-044",
            id="bound that nothing can pass",
        ),
        pytest.param(
            'min_metric("roc_auc", 0.7)', '"latency"', "30 PRJ-044", id="gate that is none"
        ),
        pytest.param(
            '"roc_auc", 0.7',
            '"roc_auc", float("nan")',
            "30 PRJ-044",
            id="bound that nothing reaches",
        ),
        pytest.param(
            '"roc_auc", 0.7',
            '"roc_auc", 0.7, confidence=95',
            "30 PRJ-044",
            id="confidence in per cent",
        ),
        pytest.param(
            'id="order_id", event_time="o',
            'contract=ms.Contract(amount=ms.Float64(between=(9, 1))), id="order_id", event_time="o',
            "8 PRJ-044",
            id="empty range",
        ),
        pytest.param(
            "ms.Monitor(returned)",
            "ms.Monitor(returned, sensitivity=0)",
            "37 PRJ-044",
            id="sensitivity",
        ),
        *(
            pytest.param(
                "model=returned)",
                f"model=returned, log={log})",
                "36 PRJ-044",
                id=log,
            )
            for log in (
                "'disk'",
                'ms.InferenceLog(durability="disc")',
                "ms.InferenceLog(sample=10)",
                "ms.InferenceLog(sample=float('nan'))",
                "ms.InferenceLog(sample=True)",
                "ms.InferenceLog(sample='0.5')",
                "ms.InferenceLog(asynchronous='no')",
            )
        ),
        pytest.param('ms.Source("returns"', 'ms.Source("or ders"', "9 PRJ-031", id="name"),
        pytest.param(
            'ms.Entity("customer")',
            'ms.Entity(None, join_keys=["customer"])',
            "10 PRJ-031",
            id="no name",
        ),
        pytest.param('"amount_sum"', '"amount sum"', "11 PRJ-031", id="name of a feature"),
        pytest.param('"amount_sum"', '""', "11 PRJ-031", id="empty name of a feature"),
    ],
)
def test_a_mistake_is_told_with_its_code_and_line(
    write_shop: WriteProject, before: str, after: str, expected: str
) -> None:
    assert expected in faults_of(write_shop, (before, after))


def test_two_declarations_of_one_name_name_each_other(write_shop: WriteProject) -> None:
    with pytest.raises(ProjectErrors, match=r"shop.py:9: PRJ-030 .*source orders.*shop.py:8"):
        validate(discover(write_shop(('ms.Source("returns"', 'ms.Source("orders"'))), SCHEMAS)


def test_all_mistakes_come_at_once_in_the_order_of_lines(write_shop: WriteProject) -> None:
    mistakes = [
        ('test_from="2024-02-01"', 'test_from="2023-02-01"'),
        ('col("amount").clip', 'col("amuont").clip'),
    ]
    assert faults_of(write_shop, *mistakes) == ["11 PRJ-033", "15 PRJ-040"]


def test_an_unreadable_file_is_told_at_its_source(write_shop: WriteProject) -> None:
    with pytest.raises(ProjectErrors, match=r"shop.py:9: PRJ-035 source returns: no such file"):
        validate(
            discover(write_shop()),
            {"orders": SCHEMAS["orders"]},
            unreadable={"returns": "no such file"},
        )


def test_a_near_name_is_offered(write_shop: WriteProject) -> None:
    with pytest.raises(ProjectErrors, match="did you mean 'amount'"):
        validate(discover(write_shop(('col("amount").clip', 'col("amuont").clip'))), SCHEMAS)


def test_a_label_that_is_joined_on_columns_of_two_types_is_refused(
    write_shop: WriteProject,
) -> None:
    returns = Schema.of(order_id=DType.STRING, returned_at=DType.TIMESTAMP, refund=DType.FLOAT64)
    with pytest.raises(ProjectErrors) as raised:
        validate(discover(write_shop()), SCHEMAS | {"returns": returns})
    [fault] = raised.value.faults
    assert fault.code == "PRJ-071"
    assert "int64 in the spine orders and string in source returns" in fault.message


def test_an_error_by_its_long_name_is_told_its_gate_and_its_name_here(
    write_shop: WriteProject,
) -> None:
    file = write_shop(
        ('min_metric("roc_auc", 0.7)', 'ms.gates.min_metric("mean_absolute_error", 3)')
    )
    with pytest.raises(ProjectErrors) as raised:
        validate(discover(file), SCHEMAS)
    [name, direction] = raised.value.faults
    assert direction.remedy.format(**direction.details()) == "write ms.gates.max_metric('mae', 3)"
    assert "mean_absolute_error is called 'mae' here" in name.message


def test_a_wrong_type_that_was_guessed_names_the_value_that_decided_it(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("n,at,x\n1,2024-01-01,1\n2,yesterday,N/A\n")
    (tmp_path / "p.py").write_text(
        "import mainspring as ms\nfrom mainspring import col\n"
        'rows = ms.Source("rows", "rows.csv", id="n", event_time="at")\n'
        'ms.OnDemandFeatureView("form", features={"x": col("x") + 1})\n'
        'ms.FeatureView("v", source=rows, entities=[ms.Entity("n")], windows=["1d"], '
        'features={"x": col("x").sum(), "y": (col("x") * 2).sum()})\n'
    )
    with pytest.raises(ProjectErrors) as refused:
        load_project(tmp_path)
    messages = " | ".join(fault.message for fault in refused.value.faults)
    assert "is of type string; at was guessed to be string because of 'yesterday' in row 2" in (
        messages
    )
    assert messages.count("x was guessed to be string because of 'N/A' in row 2") == 2
