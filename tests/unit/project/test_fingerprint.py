"""What identity covers, and what it does not."""

from dataclasses import replace

import pytest

from mainspring.project.kinds.asset import FingerprintContext
from mainspring.project.loader.discover import discover
from mainspring.project.loader.graph import Graph, build_graph
from tests.unit.project.conftest import SHOP, WriteProject
from tests.unit.project.shop import CIRCUMSTANCES, SCHEMAS, graph_of

SCALED = "def scaled(value):\n    return value * MARGIN\n"


def changed(before: Graph, after: Graph) -> set[str]:
    """The assets whose build fingerprint differs."""
    return {
        name
        for name, asset in before.assets.items()
        if after.assets[name].build_fingerprint != asset.build_fingerprint
    }


def policy_changed(before: Graph, after: Graph) -> set[str]:
    """The assets whose policy fingerprint differs."""
    return {
        name
        for name, asset in before.assets.items()
        if after.assets[name].policy_fingerprint != asset.policy_fingerprint
    }


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("return scaled(2.0)", "# why\n    return scaled(2.0)", id="comment"),
        pytest.param(
            "return value * MARGIN",
            '"""Say."""\n    return (value   *   MARGIN)',
            id="docstring and layout of a function used",
        ),
        pytest.param(
            "MARGIN = 0.5\n", "OTHER = 7\nMARGIN = 0.5\n", id="a constant that is not used"
        ),
        pytest.param(
            'id="order_id", event_time="ordered_at"',
            'event_time="ordered_at", id="order_id"',
            id="order of keyword arguments",
        ),
        pytest.param("ms.Source(", "ms.Source(\n", id="layout of a declaration"),
    ],
)
def test_how_it_is_written_changes_nothing(
    write_shop: WriteProject, before: str, after: str
) -> None:
    assert changed(graph_of(write_shop()), graph_of(write_shop((before, after)))) == set()


def test_moving_the_file_changes_nothing(write_shop: WriteProject) -> None:
    assert changed(graph_of(write_shop()), graph_of(write_shop(folder="elsewhere"))) == set()


def test_moving_code_to_another_module_changes_nothing(write_shop: WriteProject) -> None:
    before = graph_of(write_shop())
    file = write_shop((SCALED, "from pricing import scaled\n"))
    (file.parent / "pricing.py").write_text("MARGIN = 0.5\n\n\n" + SCALED)
    assert changed(before, graph_of(file)) == set()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            "MARGIN = 0.5", "MARGIN = 0.6", id="constant that a function used by the fit uses"
        ),
        pytest.param(
            "return value * MARGIN", "return value + MARGIN", id="function that the fit uses"
        ),
        pytest.param("return scaled(2.0)", "return scaled(3.0)", id="the fit itself"),
    ],
)
def test_code_that_the_fit_uses_changes_the_model_and_what_answers_with_it(
    write_shop: WriteProject, before: str, after: str
) -> None:
    expected = {"model.returned", "endpoint.returned", "monitor.returned-monitor"}
    assert changed(graph_of(write_shop()), graph_of(write_shop((before, after)))) == expected


def test_a_helper_in_a_module_that_is_used_by_attribute_is_followed(
    write_shop: WriteProject,
) -> None:
    file = write_shop(
        (SCALED, "import pricing\n"), ("return scaled(2.0)", "return pricing.scaled(2.0)")
    )
    (file.parent / "pricing.py").write_text("MARGIN = 0.5\n\n\n" + SCALED)
    before = graph_of(file)
    (file.parent / "pricing.py").write_text("MARGIN = 0.7\n\n\n" + SCALED)
    assert "model.returned" in changed(before, graph_of(file))


def test_a_parents_change_reaches_exactly_what_rests_on_it(write_shop: WriteProject) -> None:
    after = graph_of(write_shop(('windows=["1h", "7d"]', 'windows=["2h", "7d"]')))
    expected = {
        "view.spending",
        "training_set.history",
        "model.returned",
        "endpoint.returned",
        "monitor.returned-monitor",
    }
    assert changed(graph_of(write_shop()), after) == expected


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('windows=["1h", "7d"]', 'windows=["1h", "unbounded"]'),
        ('windows=["1h", "7d"]', 'windows=["1h", "7d"], closed="both"'),
        ('windows=["1h", "7d"]', 'windows=["1h", "7d"], hop="5m"'),
        ('ms.Entity("customer")', 'ms.Entity("customer", null_keys="group")'),
        ("source=orders, entities", "source=[orders, gifts], entities"),
        (".sum()", '.sum(where=col("note").is_null())'),
        (".clip(0, 100).sum()", ".quantile(0.5)"),
    ],
)
def test_what_a_view_means_is_part_of_its_identity(
    write_shop: WriteProject, before: str, after: str
) -> None:
    line = 'customer = ms.Entity("customer")'
    gifts = (
        line,
        'gifts = ms.Source("gifts", "gifts.csv", id="order_id", event_time="ordered_at"); ' + line,
    )
    assert "view.spending" in changed(
        graph_of(write_shop(gifts)), graph_of(write_shop(gifts, (before, after)))
    )


def test_the_rank_of_a_quantile_is_part_of_its_identity(write_shop: WriteProject) -> None:
    low, high = (
        graph_of(write_shop((".clip(0, 100).sum()", f".quantile({rank})"))) for rank in (0.5, 0.9)
    )
    assert "view.spending" in changed(low, high)


def test_gates_are_policy_and_rebuild_nothing(write_shop: WriteProject) -> None:
    before, after = (
        graph_of(write_shop()),
        graph_of(write_shop(('"roc_auc", 0.7', '"roc_auc", 0.8'))),
    )
    assert (changed(before, after), policy_changed(before, after)) == (set(), {"model.returned"})


def test_schema_semantics_environment_and_versions_are_part_of_identity(
    write_shop: WriteProject,
) -> None:
    declared = discover(
        write_shop(
            ("MARGIN = 0.5", "import numpy as np\nMARGIN = 0.5"), ("scaled(2.0)", "np.float64(2.0)")
        )
    )
    before = build_graph(declared, CIRCUMSTANCES)
    narrower = {**SCHEMAS, "returns": SCHEMAS["returns"].select(("order_id", "returned_at"))}
    assert "source.returns" in changed(
        before, build_graph(declared, FingerprintContext(semantics=1, schemas=narrower))
    )
    assert "view.spending" in changed(
        before, build_graph(declared, FingerprintContext(semantics=2, schemas=SCHEMAS))
    )
    relocked = FingerprintContext(
        semantics=1, schemas=SCHEMAS, training_environment="locked", version_of="3.0 of {}".format
    )
    assert min(changed(before, build_graph(declared, relocked))) == "endpoint.returned"


def test_the_version_of_a_package_that_a_helper_imports_is_part_of_identity(
    write_shop: WriteProject,
) -> None:
    line = "return value * MARGIN"
    declared = discover(write_shop((line, f"import pandas.io\n    {line}")))
    old, new = (
        build_graph(declared, replace(CIRCUMSTANCES, version_of={"pandas": version}.get))
        for version in ("2.0", "3.0")
    )
    assert "model.returned" in changed(old, new)


def test_a_recursive_function_has_an_end(write_shop: WriteProject) -> None:
    file = write_shop(
        ("return value * MARGIN", "return scaled(value - 1) if value > 0 else MARGIN")
    )
    assert "model.returned" in changed(graph_of(write_shop(text=SHOP, folder="b")), graph_of(file))
