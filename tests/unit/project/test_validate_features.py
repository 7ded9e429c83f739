"""Every misuse of aggregates, windows, unions and entities has a code and the user's line."""

import pytest

from mainspring.elements.schema import DType, Schema
from mainspring.project.errors import ProjectErrors
from mainspring.project.loader.discover import discover
from mainspring.project.loader.validate import validate
from tests.unit.project.conftest import WriteProject
from tests.unit.project.shop import SCHEMAS

AMOUNT, VIEW, ORDERS = (
    'col("amount").clip(0, 100).sum()',
    'source=orders, entities=[customer], windows=["1h", "7d"]',
    'customer = ms.Entity("customer")',
)
LOOKUP = (
    'names = ms.FeatureView("names", source=orders, entities=[ms.Entity("order", '
    'join_keys=["order_id"])], features=ms.latest("customer")); '
)
EVERY = SCHEMAS | {
    "returns": Schema.of(
        order_id=DType.INT64,
        returned_at=DType.TIMESTAMP,
        refund=DType.FLOAT64,
        customer=DType.INT64,
    )
}


def faults_of(write_shop: WriteProject, *replacements: tuple[str, str]) -> list[str]:
    """The faults as `line code message`."""
    try:
        validate(discover(write_shop(*replacements)), EVERY)
    except ProjectErrors as errors:
        return [
            f"{fault.at.line if fault.at else 0} {fault.code} {fault.message}"
            for fault in errors.faults
        ]
    return []


@pytest.mark.parametrize(
    "aggregation",
    [
        'col("note").max()',
        'col("amount").var(where=col("note") == "gift")',
        'col("amount").quantile(0)',
        'col("amount").quantiles([0.1, 0.9])',
        'col("amount").histogram([0, 10.5])',
        'col("order_id").histogram([0, 10.0])',
        'col("note").value_counts(["gift", "none"])',
        'col("note").count_distinct(limit=5, beyond="approximate")',
        'col("note").approx_count_distinct(precision=16)',
        'col("ordered_at").last_k(1000)',
        'col("amount").ewma(half_life="6h")',
        '(col("amount") > 3).any()',
        'ms.count(where=col("amount") > 3)',
        'col("note").time_since_last()',
    ],
)
def test_what_can_be_meant_has_no_faults(write_shop: WriteProject, aggregation: str) -> None:
    assert faults_of(write_shop, (AMOUNT, aggregation)) == []


@pytest.mark.parametrize(
    ("aggregation", "code", "said"),
    [
        ('col("note").mean()', "PRJ-034", "inside mean()"),
        ('col("note").value_counts(["\\ud800"])', "PRJ-048", "half of a surrogate pair"),
        ('col("amount").any()', "PRJ-034", "inside any()"),
        ('col("ordered_at").ewma(half_life="1h")', "PRJ-034", "inside ewma()"),
        ('(col("ordered_at") - col("ordered_at")).last_k(2)', "PRJ-034", "duration"),
        ('col("note").quantile(0.5)', "PRJ-034", "string"),
        ('col("amount").value_counts([1])', "PRJ-034", "float64"),
        ('col("amount").sum(where=col("note"))', "PRJ-034", "where"),
        ('col("amount").sum(where=col("nte") == "gift")', "PRJ-033", "'nte'"),
        ('col("amuont").skew()', "PRJ-033", "'amuont'"),
        ('col("amount").top_k(0)', "PRJ-048", "k=0 is not a whole number from 1"),
        ('col("amount").first_k(True)', "PRJ-048", "k=True"),
        ('col("amount").last_k(1001)', "PRJ-048", "k=1001"),
        ('col("amount").quantile(1.5)', "PRJ-048", "q=1.5 does not lie in [0, 1]"),
        ('col("amount").quantile(float("nan"))', "PRJ-048", "q=nan"),
        ('col("amount").quantiles([])', "PRJ-048", "qs is empty"),
        ('col("amount").histogram([2, 2])', "PRJ-048", "edges do not ascend"),
        ('col("amount").histogram([1, float("inf")])', "PRJ-048", "edges holds inf"),
        ('col("order_id").histogram([0.5])', "PRJ-048", "whole edges"),
        (
            'col("note").value_counts(["a", 1])',
            "PRJ-048",
            "values holds 1, which is not of type string",
        ),
        ('col("note").value_counts(["a", "a"])', "PRJ-048", "twice"),
        ('col("note").count_distinct(limit=0)', "PRJ-048", "limit=0"),
        ('col("note").count_distinct(beyond="guess")', "PRJ-048", "none of saturate, approximate"),
        ('col("note").approx_count_distinct(precision=3)', "PRJ-048", "precision=3"),
        ('col("amount")', "PRJ-044", "not an aggregation"),
        ("len", "PRJ-044", "it is a Python function"),
        ('col("note").last_k(2)', "PRJ-051", "list of texts"),
    ],
)
def test_an_aggregate_that_cannot_be_meant_is_told_at_its_line(
    write_shop: WriteProject, aggregation: str, code: str, said: str
) -> None:
    told = [fault for fault in faults_of(write_shop, (AMOUNT, aggregation)) if code in fault]
    assert told
    assert all(fault.split()[0] in ("11", "15") and said in fault for fault in told)


@pytest.mark.parametrize("text", ["6 hours", "0h", "-1h"])
def test_a_half_life_that_is_no_length_of_time_is_told_at_its_line(
    write_shop: WriteProject, text: str
) -> None:
    with pytest.raises(ProjectErrors, match=r"shop.py:12: PRJ-001"):
        discover(write_shop((AMOUNT, f'col("amount").ewma(half_life="{text}")')))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param('["1h", "7d"]', '["1h", "7d"], closed="middle"', "11 PRJ-036", id="edges"),
        pytest.param(
            'windows=["1h", "7d"]', 'windows=["24h", "1d"]', "11 PRJ-036", id="window twice"
        ),
        pytest.param(
            '["1h", "7d"]', '["unbounded", "unbounded"]', "11 PRJ-036", id="unbounded twice"
        ),
        pytest.param(
            VIEW, 'source=[], entities=[customer], windows=["1h"]', "11 PRJ-044", id="no source"
        ),
        pytest.param(
            VIEW,
            'source=[orders, orders], entities=[customer], windows=["1h"]',
            "11 PRJ-044",
            id="source twice",
        ),
        pytest.param(
            VIEW,
            'source=[orders, returns], entities=[customer], windows=["1h"]',
            "11 PRJ-033",
            id="column of one source only",
        ),
        pytest.param(
            VIEW,
            'source=[orders, returns], entities=[customer], windows=["1h"]',
            "11 PRJ-049",
            id="key of two types",
        ),
        pytest.param(
            VIEW,
            'source=orders, entities=[customer, customer], windows=["1h"]',
            "11 PRJ-044",
            id="feature name twice",
        ),
        pytest.param(
            ORDERS,
            'customer = ms.Entity("customer", null_keys="drop")',
            "10 PRJ-044",
            id="null keys",
        ),
        pytest.param(
            ORDERS,
            'customer = ms.Entity("customer", join_keys=["customer", "customer"])',
            "10 PRJ-044",
            id="join key twice",
        ),
        pytest.param('ms.Entity("customer")', 'ms.Entity("amount")', "11 PRJ-034", id="float key"),
    ],
)
def test_a_view_that_cannot_be_meant_is_told_at_its_line(
    write_shop: WriteProject, before: str, after: str, expected: str
) -> None:
    assert expected in [
        " ".join(fault.split()[:2]) for fault in faults_of(write_shop, (before, after))
    ]


def test_a_lookup_by_another_key_asks_for_that_key_in_the_request(write_shop: WriteProject) -> None:
    reached = (ORDERS, LOOKUP + 'customer = ms.Entity("customer", through=names)')
    [fault] = faults_of(write_shop, reached)
    assert fault.startswith("15 PRJ-038 training set history: 'order_id' is not in request")
    assert (
        faults_of(
            write_shop,
            reached,
            ('request=["customer", "amount"]', 'request=["order_id", "amount"]'),
        )
        == []
    )


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('ms.latest("customer")', 'ms.latest("note")', "it has no column 'customer'"),
        (
            'features=ms.latest("customer")',
            'windows=["1h"], features={"n": ms.count()}',
            "it aggregates",
        ),
        (
            'entities=[ms.Entity("order", join_keys=["order_id"])]',
            'entities=[ms.Entity("order_id"), ms.Entity("note")]',
            "it has 2 entities",
        ),
        (
            'ms.Entity("order", join_keys=["order_id"])',
            'ms.Entity("order_id", through=ids)',
            "only one step is allowed",
        ),
        (
            "source=orders",
            "source=returns",
            "'customer' is int64 there and string in view spending",
        ),
    ],
)
def test_a_key_that_cannot_be_looked_up_is_told_at_its_entity(
    write_shop: WriteProject, before: str, after: str, said: str
) -> None:
    ids = (
        'ids = ms.FeatureView("ids", source=orders, entities=[ms.Entity("note")], '
        'features=ms.latest("order_id")); '
    )
    assert before in LOOKUP
    reached = (
        ORDERS,
        ids + LOOKUP.replace(before, after) + 'customer = ms.Entity("customer", through=names)',
    )
    [fault] = [fault for fault in faults_of(write_shop, reached) if "PRJ-050" in fault]
    assert fault.startswith("10 PRJ-050 entity customer is joined through view names: ")
    assert said in fault


def test_a_misspelled_knowledge_is_no_hindsight_and_is_told_at_its_line(
    write_shop: WriteProject,
) -> None:
    told = faults_of(
        write_shop, ('"spending", source=orders', '"spending", knowledge="as-known", source=orders')
    )
    assert [
        fault
        for fault in told
        if "PRJ-044" in fault
        and "knowledge='as-known' is not one of as_known, as_corrected" in fault
    ]
