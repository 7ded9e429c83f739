"""Ctrl-C, raised where somebody hears it.

Python raises KeyboardInterrupt wherever the main thread is.  Inside of importlib it leaves the lock
of all imports held, and in the callback of a weak reference or a finaliser it is printed and
forgotten; importlib has such a callback, so a command could go on with every later import of
another thread waiting for ever.  So it is not raised inside of importlib, and raised again where it
was forgotten, a moment later each time.
"""

import signal
import sys
from types import FrameType

__all__ = ["hear_interrupts"]

_LATER_S = 0.005
_IMPORTLIB = "<frozen importlib._bootstrap"
_SIGNALS = (signal.SIGINT, signal.SIGALRM)


def hear_interrupts() -> None:
    """Have this process hear them so from now on; for the main thread, and only where nobody has
    decided otherwise, as `nohup` does.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        for number in _SIGNALS:
            signal.signal(number, _interrupt)
        sys.unraisablehook = _tell_unraisable


def _interrupt(_: int, frame: FrameType | None) -> None:
    if frame is not None and frame.f_code.co_filename.startswith(_IMPORTLIB):
        _interrupt_later()
        return
    raise KeyboardInterrupt


def _tell_unraisable(unraisable: "sys.UnraisableHookArgs") -> None:
    if unraisable.exc_type is KeyboardInterrupt:
        _interrupt_later()
    else:
        sys.__unraisablehook__(unraisable)


def _interrupt_later() -> None:
    # By a timer of the system: a thread's would be started amid whatever is under way here.
    signal.setitimer(signal.ITIMER_REAL, _LATER_S)
