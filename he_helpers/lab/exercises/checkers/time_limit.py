"""A limit of time for what a learner has written."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_AGAIN = 0.1  # seconds; what a bare `except:` has caught is raised anew


class TooLong(BaseException):
    """The time is over. No Exception, so that a learner's `except Exception` lets it pass."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raises TooLong when the body takes longer; the alarm of whoever called goes on afterwards.

    A single call into a library that takes longer is cut off when it returns. In another thread than the main one,
    which alone gets signals, there is no limit.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise TooLong

    handler = signal.signal(signal.SIGALRM, stop)
    timer = signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler or signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, *timer)
