"""Runs of ONNX Runtime that end at their deadline: one thread looks after all runs of the process.

A timer for each run would cost more than scoring a row.  So a run that has a deadline puts itself
into a dictionary while it lasts, and a thread that looks there fifty times a second sets the flag
at which ONNX Runtime stops before its next operator.  An operator is never interrupted: one that
takes for ever is for the supervisor of the server.
"""

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as native

from mainspring.ports.deadline import present_deadline
from mainspring.ports.errors import DeadlinePassed

__all__ = ["run_all_until_deadline", "run_until_deadline"]

_PERIOD_S = 0.02
_QUIET_TURNS = 50


class _RunWatch:
    """The runs that have a deadline.

    Cost: 1.5 µs a run, and nothing while there is none.
    """

    def __init__(self) -> None:
        self._runs = dict[int, tuple[onnxruntime.RunOptions, float]]()
        self._awake = threading.Event()
        self._start = threading.Lock()
        self._is_started = False

    def begin(self, options: onnxruntime.RunOptions, at: float) -> None:
        """Stop the run of these options at an instant of the monotonic clock."""
        self._runs[id(options)] = (options, at)
        # After it lies there: the thread looks once more when it has fallen asleep.
        if not self._awake.is_set():
            self._wake()

    def end(self, options: onnxruntime.RunOptions) -> None:
        """The run has ended."""
        del self._runs[id(options)]

    def _wake(self) -> None:
        with self._start:
            if not self._is_started:
                threading.Thread(target=self._watch, name="mainspring-runs", daemon=True).start()
                self._is_started = True
        self._awake.set()

    def _watch(self) -> None:
        while True:
            self._awake.wait()
            quiet = 0
            while quiet < _QUIET_TURNS:
                time.sleep(_PERIOD_S)
                quiet = 0 if self._stop_overdue() else quiet + 1
            self._awake.clear()
            if self._runs:
                self._awake.set()

    def _stop_overdue(self) -> bool:
        """Whether there is any run."""
        # A copy is made in one step; iterating would meet runs that begin and end.
        runs, now = self._runs.copy(), time.monotonic()
        for options, at in runs.values():
            if at < now:
                options.terminate = True
        return bool(runs)


_WATCH = _RunWatch()


def run_until_deadline(
    session: onnxruntime.InferenceSession, output: str, *, name: str, matrix: NDArray[Any]
) -> NDArray[Any]:
    """One output of a session with one input.

    Args:
        name: of the input.

    Raises: DeadlinePassed SRV-048 where the present deadline came first, and what ONNX Runtime
        raises.
    """
    found: NDArray[Any] = run_all_until_deadline(session, [output], {name: matrix})[0]
    return found


def run_all_until_deadline(
    session: onnxruntime.InferenceSession, outputs: Sequence[str], feed: Mapping[str, NDArray[Any]]
) -> list[NDArray[Any]]:
    """These outputs of a session.  Raises: as `run_until_deadline`."""
    deadline = present_deadline()
    if deadline is None:
        return _all(session.run(outputs, feed))
    options = onnxruntime.RunOptions()
    _WATCH.begin(options, deadline.at)
    try:
        return _all(session.run(outputs, feed, options))
    except native.Fail as error:
        if options.terminate:
            raise DeadlinePassed(limit_s=deadline.limit_s) from error
        raise
    finally:
        _WATCH.end(options)


def _all(found: list[NDArray[Any]]) -> list[NDArray[Any]]:
    return found
