"""Both evaluators of expressions, over columns and for one row, give the same value for every
expression and every row.
"""

import json
import math
import struct
from collections.abc import Callable
from dataclasses import fields
from functools import cache

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mainspring as ms
from mainspring.datasets.definition import (
    ViewDefinition,
    parse_view_definition,
    render_view_definition,
)
from mainspring.elements.expression.aggregation import Aggregation
from mainspring.elements.expression.columns import to_polars
from mainspring.elements.expression.infer import infer_type
from mainspring.elements.expression.notation import parse_expression
from mainspring.elements.expression.operations import NODES
from mainspring.elements.expression.operations.arithmetic import Abs, Arithmetic, Negate
from mainspring.elements.expression.operations.casting import Cast
from mainspring.elements.expression.operations.comparison import Comparison, IsIn
from mainspring.elements.expression.operations.conditional import When
from mainspring.elements.expression.operations.dates import DatePart, LocalTime
from mainspring.elements.expression.operations.elementary import Elementary
from mainspring.elements.expression.operations.hashing import Bucket, Hash
from mainspring.elements.expression.operations.logic import Logical, Not
from mainspring.elements.expression.operations.nulls import FillNull, IsNull
from mainspring.elements.expression.operations.rounding import Ceil, Clip, Floor, Round
from mainspring.elements.expression.operations.text import (
    TextCase,
    TextLength,
    TextMatch,
    TextSlice,
    TextStrip,
)
from mainspring.elements.expression.row import compile_row
from mainspring.elements.expression.tree import Column, Literal, Node, Scalar
from mainspring.elements.frame import STORED
from mainspring.elements.identity import canonical_json
from mainspring.elements.schema import DType, Schema
from mainspring.elements.time import FOREVER, parse_instant
from mainspring.project.loader.fingerprint import canonical_value

N, F, B, S, T, D = (
    DType.INT64,
    DType.FLOAT64,
    DType.BOOLEAN,
    DType.STRING,
    DType.TIMESTAMP,
    DType.DURATION,
)
SCHEMA = Schema.of(i=N, j=N, f=F, g=F, b=B, c=B, s=S, t=T, u=T, d=D)
PARTS = [
    "year",
    "quarter",
    "month",
    "week",
    "day",
    "hour",
    "minute",
    "second",
    "weekday",
    "ordinal_day",
]
ZONES = [
    "America/New_York",
    "Europe/Berlin",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Africa/Monrovia",
    "EET",
    "UTC",
]
ELEMENTARY = ["exp", "log", "log10", "log1p", "sqrt", "sin", "cos"]

whole = st.one_of(
    st.integers(-3, 3),
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from([-(2**63), FOREVER, 2**53 + 1]),
)
real = st.one_of(
    st.floats(),
    st.sampled_from(
        [0.0, -0.0, 1.0, -1.0, 3.0, 1e308, 5e-324, 2.0**63, -(2.0**63), math.nan, math.inf]
    ),
)
text = st.one_of(
    st.text(max_size=3),
    st.sampled_from(
        [
            "7",
            "-1.5e3",
            "+2",
            " 1",
            "1_0",
            "nan",
            "-inf",
            "9223372036854775808",
            "é",
            "\U0001f600",
            "ΑΣ",
            "İß",
            "\u1c89",
            " a\u3000",
        ]
    ),
)
instant = st.one_of(st.integers(parse_instant("1965-01-01"), parse_instant("2105-01-01")), whole)
CONSTANTS: dict[DType, st.SearchStrategy[Scalar]] = {
    N: whole,
    F: real,
    B: st.booleans(),
    S: text,
    T: instant,
    D: whole,
}


@cache
def nodes(dtype: DType, depth: int = 3) -> st.SearchStrategy[Node]:
    """Expressions of a type."""
    names = [field.name for field in SCHEMA if field.dtype is dtype]
    leaves = st.one_of(
        st.sampled_from([Column(name) for name in names]),
        CONSTANTS[dtype].map(lambda value: Literal(value, dtype)),
    )
    if depth == 0:
        return leaves

    def sub(of: DType) -> st.SearchStrategy[Node]:
        return st.deferred(lambda: nodes(of, depth - 1))

    number = st.one_of(sub(N), sub(F))
    absent = st.just(Literal(None, F))
    choices = [
        leaves,
        st.builds(When, sub(B), sub(dtype), st.one_of(sub(dtype), absent)),
        st.builds(FillNull, st.one_of(sub(dtype), absent), sub(dtype)),
        *OPERATIONS[dtype](sub, number),
    ]
    return st.one_of(choices)


Sub = Callable[[DType], st.SearchStrategy[Node]]
letters = st.text(st.sampled_from("a é7\u3000\U0001f600"), max_size=2)
bounds = st.tuples(
    st.none() | st.integers(-5, 5) | st.floats(-5, 5),
    st.none() | st.integers(5, 9) | st.just(math.inf),
)


def _divisor(node: Node) -> Node:
    """The node, unless it is the constant 0, which is no divisor."""
    return Literal(-1, node.dtype) if isinstance(node, Literal) and node.value == 0 else node


def _whole(sub: Sub, number: st.SearchStrategy[Node]) -> list[st.SearchStrategy[Node]]:
    zoned = st.builds(LocalTime, sub(T), st.sampled_from(ZONES))
    return [
        st.builds(Arithmetic, st.sampled_from(["+", "-", "*"]), sub(N), sub(N)),
        st.builds(Negate, sub(N)),
        st.builds(lambda n, b: Clip(n, b[0] and int(b[0]), None), sub(N), bounds),
        st.builds(Cast, st.one_of(*map(sub, (F, B, S, T, D))), st.just(N)),
        st.builds(Arithmetic, st.sampled_from(["//", "%"]), sub(N), sub(N).map(_divisor)),
        st.builds(Arithmetic, st.just("//"), sub(D), sub(D).map(_divisor)),
        st.one_of(
            st.builds(Abs, sub(N)),
            st.builds(Floor, sub(N)),
            st.builds(Ceil, sub(N)),
            st.builds(Round, sub(N), st.integers(0, 15)),
        ),
        st.builds(TextLength, sub(S)),
        st.builds(Hash, st.one_of(*map(sub, (N, F, B, S, T, D)))),
        st.builds(
            Bucket,
            st.one_of(*map(sub, (N, F, B, S, T, D))),
            st.one_of(st.integers(1, 5), st.just(2**63 - 1)),
        ),
        st.builds(DatePart, sub(T), st.sampled_from(PARTS)),
        st.builds(DatePart, zoned, st.sampled_from(PARTS)),
    ]


def _real(sub: Sub, number: st.SearchStrategy[Node]) -> list[st.SearchStrategy[Node]]:
    return [
        st.builds(Arithmetic, st.sampled_from(["+", "-", "*", "/"]), sub(F), number),
        st.builds(Arithmetic, st.sampled_from(["+", "-", "*", "/"]), number, sub(F)),
        st.builds(Arithmetic, st.just("/"), sub(N), sub(N)),
        st.builds(Arithmetic, st.just("/"), sub(D), sub(D)),
        st.builds(Negate, sub(F)),
        st.builds(lambda n, b: Clip(n, *b), sub(F), bounds),
        st.builds(lambda n, low: Clip(n, low + 0.5, None), sub(N), st.integers(-5, 5)),
        st.builds(Cast, st.one_of(*map(sub, (N, B, S))), st.just(F)),
        st.builds(Arithmetic, st.just("**"), number, number),
        st.builds(Elementary, number, st.sampled_from(ELEMENTARY)),
        st.builds(Elementary, sub(F), st.sampled_from(ELEMENTARY)),
        st.one_of(
            st.builds(Abs, sub(F)),
            st.builds(Floor, sub(F)),
            st.builds(Ceil, sub(F)),
            st.builds(Round, sub(F), st.integers(0, 15)),
        ),
    ]


def _boolean(sub: Sub, number: st.SearchStrategy[Node]) -> list[st.SearchStrategy[Node]]:
    op = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
    return [
        st.builds(Comparison, op, number, number),
        *(st.builds(Comparison, op, sub(of), sub(of)) for of in (B, S, T, D)),
        st.builds(Logical, st.sampled_from(["and", "or"]), sub(B), sub(B)),
        st.builds(Not, sub(B)),
        st.builds(IsNull, st.one_of(*map(sub, (N, F, B, S, T, D)))),
        st.builds(IsIn, number, st.lists(st.one_of(whole, real), max_size=3).map(tuple)),
        st.builds(IsIn, sub(S), st.lists(text, max_size=3).map(tuple)),
        st.builds(Cast, number, st.just(B)),
        st.builds(
            TextMatch, sub(S), st.sampled_from(["contains", "starts_with", "ends_with"]), letters
        ),
    ]


def _span(sub: Sub, number: st.SearchStrategy[Node]) -> list[st.SearchStrategy[Node]]:
    plus_minus = st.sampled_from(["+", "-"])
    return [
        st.builds(Arithmetic, plus_minus, sub(D), sub(D)),
        st.builds(Arithmetic, st.just("-"), sub(T), sub(T)),
        st.builds(Negate, sub(D)),
        st.builds(Abs, sub(D)),
        st.builds(Arithmetic, st.just("%"), sub(D), sub(D).map(_divisor)),
        st.builds(Arithmetic, st.just("*"), sub(D), sub(N)),
        st.builds(Arithmetic, st.just("*"), sub(N), sub(D)),
        st.builds(Arithmetic, st.just("//"), sub(D), sub(N).map(_divisor)),
        st.builds(Cast, sub(N), st.just(D)),
    ]


def _moment(sub: Sub, number: st.SearchStrategy[Node]) -> list[st.SearchStrategy[Node]]:
    return [
        st.builds(Arithmetic, st.sampled_from(["+", "-"]), sub(T), sub(D)),
        st.builds(Cast, sub(N), st.just(T)),
    ]


def _string(sub: Sub, number: st.SearchStrategy[Node]) -> list[st.SearchStrategy[Node]]:
    return [
        st.builds(Cast, st.one_of(sub(N), sub(B)), st.just(S)),
        st.builds(Arithmetic, st.just("+"), sub(S), sub(S)),
        st.builds(TextCase, sub(S), st.sampled_from(["lower", "upper"])),
        st.builds(
            TextSlice,
            sub(S),
            st.one_of(st.integers(-4, 4), whole),
            st.one_of(st.none(), st.integers(0, 4), st.just(2**63 - 1)),
        ),
        st.builds(TextStrip, sub(S), letters, st.sampled_from(["both", "start", "end"])),
    ]


OPERATIONS: dict[DType, Callable[[Sub, st.SearchStrategy[Node]], list[st.SearchStrategy[Node]]]] = {
    N: _whole,
    F: _real,
    B: _boolean,
    S: _string,
    T: _moment,
    D: _span,
}
rows = st.fixed_dictionaries({field.name: st.none() | CONSTANTS[field.dtype] for field in SCHEMA})
expressions = st.one_of([nodes(dtype) for dtype in (N, F, B, S, T, D)])


def bits(value: Scalar | None) -> object:
    """What two equal values share: the sign of a zero counts, the payload of a NaN does not."""
    if isinstance(value, float):
        return "nan" if math.isnan(value) else struct.pack("<d", value)
    return type(value), value


def by_columns(node: Node, data: list[dict[str, Scalar | None]]) -> list[Scalar | None]:
    """The values of the expression over a frame of these rows; times as microseconds."""
    columns = [
        pl.Series(
            f.name,
            [row[f.name] for row in data],
            pl.Int64 if f.dtype in (T, D) else STORED[f.dtype],
        ).cast(STORED[f.dtype])
        for f in SCHEMA
    ]
    values = pl.DataFrame(columns).with_columns(value=to_polars(node, SCHEMA))["value"]
    return (values.cast(pl.Int64) if infer_type(node, SCHEMA) in (T, D) else values).to_list()


@settings(max_examples=1_500, deadline=None, suppress_health_check=list(HealthCheck))
@given(expressions, st.lists(rows, min_size=1, max_size=5))
def test_columns_and_rows_agree_on_every_value(
    node: Node, data: list[dict[str, Scalar | None]]
) -> None:
    one_row = compile_row({"value": node}, SCHEMA)
    assert list(map(bits, by_columns(node, data))) == [bits(one_row(row)["value"]) for row in data]


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(expressions, st.lists(rows, min_size=2, max_size=5))
def test_the_value_of_a_row_does_not_depend_on_its_batch(
    node: Node, data: list[dict[str, Scalar | None]]
) -> None:
    alone = [by_columns(node, [row])[0] for row in data]
    assert list(map(bits, by_columns(node, data))) == list(map(bits, alone))


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(expressions)
def test_an_expression_is_read_back_from_the_bytes_that_keep_it(node: Node) -> None:
    view = ms.FeatureView(
        "v",
        source=ms.Source("s", "facts.csv", id="id", event_time="at"),
        entities=[ms.Entity("k")],
        features={"n": Aggregation("count", None, node)},
        windows=["1h"],
    )
    kept = render_view_definition(ViewDefinition(view, (), ()))
    assert repr(parse_view_definition(kept).view.features) == repr(view.features)


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(expressions)
def test_an_expression_is_read_back_from_the_canonical_json_of_its_fingerprint(node: Node) -> None:
    described = json.loads(canonical_json(canonical_value(node)))
    assert repr(parse_expression(described)) == repr(node)


def kinds(node: Node) -> set[type[Node]]:
    """The kinds of node in an expression."""
    parts = [getattr(node, field.name) for field in fields(node)]
    return {type(node)}.union(*(kinds(part) for part in parts if isinstance(part, Node)))


def test_every_kind_of_node_is_among_those_generated() -> None:
    found: set[type[Node]] = set()
    settings(max_examples=1_500, derandomize=True, database=None, deadline=None)(
        given(expressions)(lambda node: found.update(kinds(node)))
    )()
    assert found == set(NODES)
