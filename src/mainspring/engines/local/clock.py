"""Time and names on this machine, and their twins that stand still and repeat for tests and
simulations.
"""

import logging
import random
import secrets
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from mainspring.elements.time import HOUR, MINUTE, SECOND, Micros, format_instant
from mainspring.ports.clock import Clock

__all__ = ["ClockStep", "FrozenClock", "OffsetClock", "RandomIds", "SeededIds", "SystemClock"]

_LOG = logging.getLogger("mainspring")
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Goes on while the machine sleeps, where the system has such a clock."""
_STEP, _PATIENCE, _SHOWN = 5 * SECOND, MINUTE, HOUR

_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [first + second for first in _DIGITS for second in _DIGITS]
_RANDOM_BITS = 80
_LENGTH = 26
_LOW_DIGITS = 4
_LOW_MOST = 32**_LOW_DIGITS - 1


class ClockStep(NamedTuple):
    """The machine's clock was set to another time, or its hardware jumped.

    Args:
        by: how far, microseconds; below 0: back.
        seen_at: the instant that this clock gave then.
        followed: whether it was still so a minute later, and is the time now.
    """

    by: Micros
    seen_at: Micros
    followed: bool = False

    def __str__(self) -> str:
        direction = "back" if self.by < 0 else "forward"
        fate = "was followed after a minute" if self.followed else "is not followed yet"
        length = f"{abs(self.by) / SECOND:,.0f} s {direction}"
        return f"the machine's clock went {length} at {format_instant(self.seen_at)}, which {fate}"


class SystemClock:
    """The machine's clock, checked by the one that counts since it was started and cannot be set.

    Where the two come apart by more than five seconds, time goes on as it went, and the step is
    followed only once it has lasted a minute: of a blip forward and back nothing remains.  The
    other way, taking each instant that was ever read for the earliest that is possible, time would
    stand still after a blip until the world has caught up with it.

    A clock that was set back and stays there is followed too, after the minute: this is the one
    case in which time goes back.  Below five seconds it stands still until it has caught up.

    Args:
        wall, steady: microseconds; the machine's by default.
    """

    def __init__(
        self,
        wall: Callable[[], Micros] = lambda: time.time_ns() // 1000,
        steady: Callable[[], Micros] = lambda: time.clock_gettime_ns(_STEADY) // 1000,
    ) -> None:
        self._wall, self._steady = wall, steady
        self._offset = wall() - steady()
        self._latest: Micros = 0
        self._step: ClockStep | None = None
        self._stepped_to, self._since = 0, 0
        self._lock = threading.Lock()

    @property
    def step(self) -> ClockStep | None:
        """The step that is not followed yet, or was within the last hour; None where the machine's
        clock goes as it should.
        """
        self.now()
        with self._lock:
            return self._step

    def now(self) -> Micros:
        """The present instant."""
        with self._lock:
            steady = self._steady()
            offset = self._wall() - steady
            if -_STEP <= offset - self._offset <= _STEP:
                self._offset = offset
                if self._step and (not self._step.followed or steady - self._since > _SHOWN):
                    self._settle()
            else:
                self._suspect(offset, steady)
            # Written out: each online read asks for the time.
            present = steady + self._offset
            if present > self._latest:
                self._latest = present
            return self._latest

    def _suspect(self, offset: Micros, steady: Micros) -> None:
        """Follow a step that has lasted; begin to count where it is another than before."""
        step = self._step
        if step is None or step.followed or abs(offset - self._stepped_to) > _STEP:
            self._step = ClockStep(by=offset - self._offset, seen_at=steady + self._offset)
            self._stepped_to, self._since = offset, steady
            _LOG.warning("%s", self._step)
        elif steady - self._since >= _PATIENCE:
            self._step = step._replace(followed=True)
            self._offset, self._latest = offset, steady + offset
            _LOG.warning("%s", self._step)

    def _settle(self) -> None:
        if self._step and not self._step.followed:
            _LOG.warning("the machine's clock is right again; the step was not followed")
        self._step = None


class OffsetClock:
    """A clock that was set to another time and runs on from there, for historical data."""

    def __init__(self, clock: Clock, starts_at: Micros) -> None:
        self._clock, self._offset = clock, starts_at - clock.now()

    def now(self) -> Micros:
        """The present instant there."""
        return self._clock.now() + self._offset


class FrozenClock:
    """A clock that stands still until it is moved."""

    def __init__(self, at: Micros) -> None:
        self._now = at

    def now(self) -> Micros:
        """Where it was moved to."""
        return self._now

    def advance(self, length: Micros) -> None:
        """Move it on by so many microseconds."""
        assert length >= 0, length
        self._now += length

    def move_to(self, moment: Micros) -> None:
        """Move it on to an instant; one that has passed leaves it where it is."""
        self._now = max(self._now, moment)


class RandomIds:
    """Names of 26 digits in base 32: milliseconds, then eighty random bits; they sort by time, and
    within a process strictly.

    Args:
        entropy: so many random bits as a whole number.
    """

    def __init__(
        self, clock: Clock | None = None, entropy: Callable[[int], int] = secrets.randbits
    ) -> None:
        self._clock = clock or SystemClock()
        self._entropy = entropy
        self._latest = 0
        self._lock = threading.Lock()

    def new(self, kind: str) -> str:
        """A fresh name, such as `prediction-01jd3…`."""
        return f"{kind}-{_base32(self._take(1))}"

    def new_many(self, kind: str, count: int) -> list[str]:
        """So many names that follow each other: the first is random, the others count on from it.

        Cost: 0.3 µs a name where `new` takes 3 µs, most of it for random bits and large numbers.
        """
        if count == 1:
            return [self.new(kind)]
        first, names = self._take(count), list[str]()
        while len(names) < count:
            at = first + len(names)
            begin, low = f"{kind}-{_base32(at)[:-_LOW_DIGITS]}", at & _LOW_MOST
            until = min(low + count - len(names), _LOW_MOST + 1)
            names += [
                f"{begin}{_PAIRS[number >> 10]}{_PAIRS[number & 1023]}"
                for number in range(low, until)
            ]
        return names

    def _take(self, count: int) -> int:
        """The first of so many numbers that nobody else is given."""
        fresh = (self._clock.now() // 1000) << _RANDOM_BITS | self._entropy(_RANDOM_BITS)
        with self._lock:
            first = fresh if fresh > self._latest else self._latest + 1
            self._latest = first + count - 1
        return first


class SeededIds:
    """Names that repeat with the seed: a count, then random digits that tell seeds apart."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._count = 0
        self._lock = threading.Lock()

    def new(self, kind: str) -> str:
        """The next name of this seed."""
        with self._lock:
            self._count += 1
            number = self._count << _RANDOM_BITS | self._random.getrandbits(_RANDOM_BITS)
        return f"{kind}-{_base32(number)}"

    def new_many(self, kind: str, count: int) -> list[str]:
        """The next names of this seed, the same as of so many calls of `new`."""
        return [self.new(kind) for _ in range(count)]


def _base32(number: int) -> str:
    """Twenty-six digits without i, l, o and u, which people mistake for others.

    >>> _base32(32)
    '00000000000000000000000010'
    """
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(5 * (_LENGTH - 2), -1, -10)])
