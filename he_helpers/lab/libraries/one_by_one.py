"""What becomes of names that a process goes through one by one, where each of them may end it.

A process that has ended is replaced by a new one, which goes on with the next name.
"""

from __future__ import annotations

import json
import select
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from he_helpers.errors import HEError
from he_helpers.lab.workspace.workspace import PROJECT


class ProcessFailed(HEError, RuntimeError):
    """A process ended for another reason than one of its names: nothing can be said about them."""


class Outcome(NamedTuple):
    """What became of one name: the words that the process ``said`` of it, or the ``status`` with which it ended the
    process, negative for a signal. ``is_late``: it was ended from here, after its time."""

    said: str | None = None
    status: int = 0
    is_late: bool = False


def one_by_one(
    command: Sequence[str], names: Iterable[str], what: str, seconds: float | None = None
) -> Iterator[Outcome]:
    """The outcome of each name, in their order, each as soon as it is known.

    command: of a process that gets the names as further arguments. Around each it prints {"begins": name} and
    {"ended": name, "outcome": words}, a line each. what: of what it is the process, for the error. seconds: that it may
    take from one line to the next; None waits for ever. Raises ProcessFailed.
    """
    left = list(names)
    while left:
        begun, is_late = None, False
        with subprocess.Popen([*command, *left], cwd=PROJECT, stdout=subprocess.PIPE, bufsize=0) as process:
            assert process.stdout is not None, "it is a pipe"
            while True:
                if not select.select([process.stdout], [], [], seconds)[0]:
                    is_late = True
                    process.kill()
                if not (line := process.stdout.readline()):
                    break
                event = json.loads(line)
                begun = event.get("begins")
                if "ended" in event:
                    left.remove(event["ended"])
                    yield Outcome(event["outcome"])
        if left:
            if begun is None:
                raise ProcessFailed(f"The process of {what} ended before {left[0]}, with {process.returncode}.")
            left.remove(begun)
            yield Outcome(None, process.returncode, is_late)
