"""What is going on while a cell works: a line of words among its outputs, which is empty when the work is done.

Nothing of it is stored or compared. The output is displayed empty, only its updates have words, and the last one is
empty again; what stores a notebook (`running.execute`) leaves empty outputs out. In a process that is no notebook,
such as a program in a terminal, nothing is shown.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, TypeVar
from uuid import uuid4

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

Thing = TypeVar("Thing")

# A loop of many short steps shall not wait for the page.
_BETWEEN_STEPS_SECONDS = 0.1


def notebook_shell() -> InteractiveShell | None:
    """The notebook's own shell; None in a process that is no notebook."""
    if "IPython" not in sys.modules:
        return None
    from IPython.core.getipython import get_ipython

    return get_ipython()


@contextmanager
def doing(words: str) -> Iterator[Callable[[str], None]]:
    """While the block runs, say what it does: ``with lab.doing("Making Galois keys, about three seconds"):``.

    Gives a function that puts other words in their place. They are gone when the block ends, also by an error or an
    interruption.
    """
    line = _Line()
    try:
        line.say(words)
        yield line.say
    finally:
        line.end()


def steps(things: Iterable[Thing], words: str = "step") -> Iterator[Thing]:
    """Go through ``things``, saying which one is at work: ``for name in lab.steps(names, "library"):``.

    That says "Library 2 of 5". It can be given where a function takes ``progress``. What has no length is gone through
    first, to know how many there are.
    """
    counted = things if isinstance(things, Collection) else list(things)
    said, name = -_BETWEEN_STEPS_SECONDS, words[:1].upper() + words[1:]
    line = _Line()
    try:
        for number, thing in enumerate(counted, start=1):
            if time.monotonic() - said >= _BETWEEN_STEPS_SECONDS:
                line.say(f"{name} {number} of {len(counted)}")
                said = time.monotonic()
            yield thing
    finally:
        line.end()


class _Line:
    """An output of the running cell, empty until something is said in it."""

    def __init__(self) -> None:
        shell = notebook_shell()
        # IPython in a terminal prints each update on a line of its own.
        self._shell = shell if hasattr(shell, "kernel") else None
        self._identity: str | None = None

    def say(self, words: str) -> None:
        if self._shell is None:
            return
        if self._identity is None:
            self._identity = uuid4().hex
            # A comprehension that an error leaves keeps its iterator as long as the traceback: the cell's end ends it.
            self._shell.events.register("post_run_cell", self.end)
            self._publish({}, update=False)
        # A screen reader reads out what appears in a status.
        self._publish({"text/plain": words, "text/html": f'<p role="status">{escape(words)}</p>'}, update=True)

    def end(self, *_: object) -> None:
        if self._shell is None or self._identity is None:
            return
        self._publish({}, update=True)
        self._identity = None
        self._shell.events.unregister("post_run_cell", self.end)

    def _publish(self, data: dict[str, str], *, update: bool) -> None:
        assert self._shell is not None
        self._shell.display_pub.publish(data, {}, transient={"display_id": self._identity}, update=update)
