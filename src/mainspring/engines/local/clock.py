"""Time and names on this machine, and their twins that stand still and repeat for tests and
simulations.
"""

import random
import secrets
import threading
import time
from collections.abc import Callable

from mainspring.elements.time import Micros
from mainspring.ports.clock import Clock

__all__ = ["FrozenClock", "RandomIds", "SeededIds", "SystemClock"]

_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [first + second for first in _DIGITS for second in _DIGITS]
_RANDOM_BITS = 80
_LENGTH = 26
_LOW_DIGITS = 4
_LOW_MOST = 32**_LOW_DIGITS - 1


class SystemClock:
    """The machine's clock; where that is set back, time stands still until it has caught up."""

    def __init__(self) -> None:
        self._latest: Micros = 0
        self._lock = threading.Lock()

    def now(self) -> Micros:
        """The present instant."""
        with self._lock:
            self._latest = max(self._latest, time.time_ns() // 1000)
            return self._latest


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
