"""Ctrl-C ends a command wherever it finds it."""

import signal
import sys
import time
import weakref
from collections.abc import Iterator
from types import FunctionType

import pytest

from mainspring.app.cli.interrupts import hear_interrupts

LONG_ENOUGH_S = 30


@pytest.fixture(autouse=True)
def hearing() -> Iterator[None]:
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGALRM)}
    hook = sys.unraisablehook
    signal.signal(signal.SIGINT, signal.default_int_handler)
    hear_interrupts()
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    sys.unraisablehook = hook
    for number, handler in before.items():
        signal.signal(number, handler)


def go_on() -> None:
    """Be at work until something ends it."""
    until = time.monotonic() + LONG_ENOUGH_S
    while time.monotonic() < until:
        pass


def test_it_is_raised_where_the_command_is() -> None:
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_an_import_goes_on_and_what_comes_after_it_is_ended() -> None:
    done = []

    def step() -> None:
        signal.raise_signal(signal.SIGINT)
        done.append("the lock is released")

    code = step.__code__.replace(co_filename="<frozen importlib._bootstrap>")
    import_something = FunctionType(code, globals(), closure=step.__closure__)

    def command() -> None:
        import_something()
        go_on()

    with pytest.raises(KeyboardInterrupt):
        command()
    assert done == ["the lock is released"]


def test_one_that_is_forgotten_by_a_callback_is_raised_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Held:
        pass

    held = [Held()]
    callback = weakref.ref(held[0], lambda _: signal.raise_signal(signal.SIGINT))

    def command() -> None:
        held.clear()
        go_on()

    with pytest.raises(KeyboardInterrupt):
        command()
    assert callback() is None
    assert capsys.readouterr().err == ""


def test_who_ignores_it_is_left_alone() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    hear_interrupts()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
