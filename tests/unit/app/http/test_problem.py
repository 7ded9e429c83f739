"""What an answered error leaves behind."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from mainspring.app.http.problem import problem_reply
from mainspring.elements.errors import MainspringError
from mainspring.ports.errors import BadRequest
from mainspring.ports.http import Call


class _Body:
    """Something large."""

    def numbers(self) -> int:
        """It has none."""
        raise ValueError


@pytest.fixture
def without_collector() -> Iterator[None]:
    """Only what nobody refers to any more is freed."""
    gc.disable()
    yield
    gc.enable()


def _refused(answers: dict[int, MainspringError], body: _Body) -> None:
    try:
        try:
            body.numbers()
        except ValueError as error:
            raise BadRequest(reason="no number") from error
    except MainspringError as error:
        answers[0] = error


def _kept() -> tuple[weakref.ref[_Body], MainspringError]:
    """An error that was kept as the answer of a call, and the body that its frames have."""
    body, answers = _Body(), dict[int, MainspringError]()
    _refused(answers, body)
    return weakref.ref(body), answers[0]


@pytest.mark.usefixtures("without_collector")
def test_a_refusal_holds_nothing_of_its_request() -> None:
    body, error = _kept()
    assert body() is not None, "its trace has the frame that had the body"
    assert problem_reply(Call("POST"), error).status == 400
    assert body() is None
