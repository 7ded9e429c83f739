"""Keys that are null, and keys that are only known through another view."""

import pytest

from mainspring.elements.expression import col, count
from mainspring.features.spec import Entity, latest
from tests.unit.features import history
from tests.unit.features.harbour import ARRIVALS, REGISTER, call, compiled, taught, told

BOTH = pytest.mark.parametrize("answer", [taught, told])
COUNTED = {"windows": ["10m"], "features": {"n": count()}}
SKIPPED = compiled(
    "skipped",
    source=ARRIVALS,
    entities=[Entity("ship_model", join_keys=["ship", "model"])],
    **COUNTED,
)
GROUPED = compiled(
    "grouped",
    source=ARRIVALS,
    entities=[Entity("ship_model", join_keys=["ship", "model"], null_keys="group")],
    **COUNTED,
)
HALF_KNOWN = {
    "arrivals": [
        call(1, ship="Ada", model=None),
        call(2, ship="Ada", model="brig"),
        call(3, ship=None, model=None),
    ]
}
ASK = [
    {"ship": ship, "model": model}
    for ship, model in [("Ada", None), ("Ada", "brig"), (None, None), (None, "brig")]
]

MODELS = compiled(
    "models", source=REGISTER, entities=[Entity("ship")], ttl="50m", features=latest("model")
)
MODEL = Entity("model", through=MODELS.view)
BY_MODEL = compiled(
    "by_model",
    source=ARRIVALS,
    entities=[Entity("ship"), MODEL],
    windows=["30m"],
    features={"cargo": col("cargo").sum()},
    lookups=[MODELS],
)
KNOWN = {
    "register": [
        call(0, ship="Ada", model="brig"),
        call(10, seen=12, ship="Ada", model="barge"),
        call(0, id="b", ship="Bea", model="brig"),
    ],
    "arrivals": [
        call(1, ship="Bea", model="brig", cargo=1),
        call(2, ship="Eve", model="barge", cargo=2),
        call(11, ship="Ada", model="brig", cargo=4),
    ],
}


def counts(answers):
    return [row["ship_model__n__10m"] for row in answers]


@BOTH
def test_a_fact_with_a_null_in_its_key_belongs_to_none_and_a_question_with_one_sees_nothing(answer):
    assert counts(answer(SKIPPED, HALF_KNOWN, ASK, 5)) == [0, 1, 0, 0]


@BOTH
def test_null_is_a_key_like_any_other_where_it_is_declared_so(answer):
    assert counts(answer(GROUPED, HALF_KNOWN, ASK, 5)) == [1, 1, 1, 0]


@BOTH
def test_a_key_is_what_another_view_knew_at_the_prediction_time(answer):
    ask = [{"ship": "Ada"}]
    told_at = {
        minute: answer(BY_MODEL, KNOWN, ask, minute)[0]["model__cargo__30m"]
        for minute in (5, 11.9, 12)
    }
    assert told_at == {5: 1, 11.9: 5, 12: 2}


@BOTH
def test_a_key_that_is_not_known_is_null(answer):
    assert [
        row["model__cargo__30m"]
        for row in answer(BY_MODEL, KNOWN, [{"ship": "Eve"}, {"ship": None}], 5)
    ] == [0, 0]


@BOTH
def test_a_key_is_forgotten_after_the_ttl_of_the_view_that_knows_it(answer):
    facts = {
        "register": KNOWN["register"][2:],
        "arrivals": [call(45, ship="Bea", model="brig", cargo=7)],
    }
    assert [
        answer(BY_MODEL, facts, [{"ship": "Bea"}], minute)[0]["model__cargo__30m"]
        for minute in (49, 50)
    ] == [7, 0]


@BOTH
def test_the_other_entities_of_the_view_keep_their_own_keys(answer):
    assert answer(BY_MODEL, KNOWN, [{"ship": "Ada"}], 12) == [
        {"ship__cargo__30m": 4, "model__cargo__30m": 2}
    ]


@pytest.mark.parametrize("answer", [history.taught, history.told])
@pytest.mark.parametrize(
    ("key", "values"),
    [("is_open", (True, False, None)), ("bags", (7, 0, -(2**63))), ("gate", ("é", "", "e"))],
)
def test_a_key_may_be_a_boolean_a_whole_number_or_any_text(answer, key, values):
    view = history.windowed(entities=[Entity("it", join_keys=[key])])
    landings = [
        history.landing(1, **{key: values[0]}),
        history.landing(2, **{key: values[1]}),
        history.landing(3, **{key: values[0]}),
    ]
    assert [answer(view, landings, 5, **{key: value})[0]["it__n__10m"] for value in values] == [
        2,
        1,
        0,
    ]


def test_a_question_is_asked_with_the_keys_of_the_view_that_knows():
    assert [field.name for field in BY_MODEL.key_fields] == ["ship"]
    assert MODEL.request_keys == ("ship",)
