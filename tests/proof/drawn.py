"""Histories as hypothesis draws them: small, so that what fails shrinks to what a reader can
follow.
"""

from hypothesis import strategies as st

from mainspring.elements.time import MINUTE
from tests.proof.history import BEGINNING, GATES, UNRULY, Delivery, Handed, History, row_of
from tests.proof.truth import Question

__all__ = ["histories"]

minutes = st.integers(-10, 150).map(lambda minute: minute * MINUTE)
moments = st.builds(int.__add__, minutes, st.sampled_from([0, 0, 0, 1, -1]))
handed_in = st.tuples(
    st.sampled_from(["insert"] * 6 + ["replace", "delete"]),
    st.integers(0, 9),
    st.sampled_from([0, 0, 1, 60, 90, 150, -20]),
    st.sampled_from([0, 0, 0, 1, 30]),
    st.fixed_dictionaries(
        {
            "city": st.sampled_from(["JFK", "JFK", "LGA", None]),
            "gate": st.sampled_from(GATES),
            "delay": st.sampled_from(UNRULY),
            "bags": st.none() | st.integers(-5, 5),
        }
    ),
)
sources = st.sampled_from(["landings", "landings", "starts"])
calls = st.tuples(
    sources,
    st.integers(0, 40),
    st.booleans(),
    st.lists(handed_in, min_size=1, max_size=6),
    st.booleans(),
)
keys = st.fixed_dictionaries(
    {"city": st.sampled_from(["JFK", "LGA", "???", None]), "gate": st.sampled_from(GATES)}
)


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Deliveries one after the other, and some questions."""
    moment, deliveries = BEGINNING, []
    for source, wait, is_history, rows, is_folded in draw(st.lists(calls, min_size=1, max_size=6)):
        moment += wait * MINUTE
        handed = [_handed(moment, *row) for row in rows]
        deliveries.append(Delivery(source, moment, is_history, handed, is_folded))
    questions = [
        Question(key, BEGINNING + time)
        for key, time in draw(st.lists(st.tuples(keys, moments), min_size=1, max_size=4))
    ]
    return History(deliveries, questions)


def _handed(moment: int, op: str, number: int, lag: int, delay: int, values: dict) -> Handed:
    happened = moment - lag * MINUTE
    return Handed(
        op, row_of(number * 7 % 10 * 5 - 12, happened, happened + delay * MINUTE, **values)
    )
