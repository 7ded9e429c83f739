"""How long it takes to plan a generated project of 500 feature views, modules and all: `python
benchmarks/plan_500_views.py`.

The bound is 3 s for one plan of nothing and one of an edited source, which touches every view.
"""

import sys
import tempfile
import time
from pathlib import Path

VIEWS = 500
HEAD = """import mainspring as ms
from mainspring import col
"""
SOURCE = (
    'facts = ms.Source("facts", "facts.parquet", id="id", '
    'event_time="at"{promise})\ncustomer = ms.Entity("customer")\n'
)
VIEW = """view_{n} = ms.FeatureView(
    "view_{n}", source=facts, entities=[customer], windows=["1h", "24h", "7d"],
    features={{"mean_{n}": col("amount").clip(0, {n}).mean(),
    "share_{n}": (col("amount") > {n}).mean(), "count_{n}": ms.count()}},
)
"""
SET = """history = ms.TrainingSet(
    "history", spine=facts, prediction_time=col("at"), request=["customer", "amount"],
    label=ms.Label(facts, col("paid") > 0, join_on="id"),
    features=[{views}], split=ms.split_by_time(train_from="2024-01-01", test_from="2024-02-01",
    test_until="2024-03-01"),
)

@ms.model(history)
def churn(train, run):
    return None
"""


def write_project(root: Path, promise: str = "") -> None:
    """A source, 500 views in ten modules, a training set of all of them and a model."""
    (root / "facts.py").write_text(HEAD + SOURCE.format(promise=promise))
    for module in range(10):
        numbers = range(module, VIEWS, 10)
        views = "".join(VIEW.format(n=n) for n in numbers)
        (root / f"views_{module}.py").write_text(
            HEAD + "from facts import customer, facts\n\n" + views
        )
    names = [(n % 10, f"view_{n}") for n in range(VIEWS)]
    imports = "".join(f"from views_{module} import {name}\n" for module, name in names)
    (root / "model.py").write_text(
        HEAD
        + "from facts import facts\n"
        + imports
        + SET.format(views=", ".join(name for _, name in names))
    )


def main() -> int:
    """Print the seconds of each part; 1 if the bound is broken."""
    began = time.perf_counter()
    from mainspring.elements.events import Actor
    from mainspring.elements.schema import DType, Schema
    from mainspring.project.kinds.asset import FingerprintContext
    from mainspring.project.loader.discover import discover
    from mainspring.project.loader.graph import Graph, build_graph
    from mainspring.project.loader.validate import validate
    from mainspring.project.plan.explain import render_plan
    from mainspring.project.plan.plan import PlanningContext, make_plan
    from mainspring.registry.environment import AssetPointer, empty_environment, next_version

    schema = Schema.of(
        id=DType.INT64,
        at=DType.TIMESTAMP,
        customer=DType.STRING,
        amount=DType.FLOAT64,
        paid=DType.FLOAT64,
    )

    def load(root: Path) -> Graph:
        declared = discover(root)
        validate(declared, {"facts": schema})
        return build_graph(declared, FingerprintContext(semantics=1, schemas={"facts": schema}))

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_project(root)
        graph = load(root)
        fresh = make_plan("generated", graph, PlanningContext(environment=empty_environment("dev")))
        first_s = time.perf_counter() - began
        pointers = [
            AssetPointer(
                asset=a.name,
                kind=a.kind,
                build_fingerprint=a.build_fingerprint,
                policy_fingerprint=a.policy_fingerprint,
                build_digest=a.build_fingerprint,
            )
            for a in graph.assets.values()
        ]
        held = next_version(
            empty_environment("dev"), pointers, by=Actor("service:bench"), at=0, reason="apply"
        )
        began = time.perf_counter()
        unchanged = make_plan("generated", load(root), PlanningContext(environment=held))
        unchanged_s = time.perf_counter() - began
        write_project(root, ', lateness="1h"')
        began = time.perf_counter()
        edited = make_plan(
            "generated",
            load(root),
            PlanningContext(
                environment=held, definitions={a.name: a.definition for a in graph.assets.values()}
            ),
        )
        lines = len(render_plan(edited).splitlines())
        edited_s = time.perf_counter() - began
    assert unchanged.is_empty
    print(f"new project, {len(fresh.stages)} stages, imports included   {first_s:.2f} s")
    print(f"unchanged                                    {unchanged_s:.2f} s")
    print(f"edited source, {len(edited.changes)} changes, {lines} lines        {edited_s:.2f} s")
    return int(max(first_s, unchanged_s, edited_s) > 3)


if __name__ == "__main__":
    sys.exit(main())
