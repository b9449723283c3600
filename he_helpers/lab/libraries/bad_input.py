"""Provoking the libraries with bad input, each in a process of its own, and telling what came of it.

The cases are in bad_input_cases. A process that a case ends is replaced by a new one, which goes on with the next case.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pandas as pd

from he_helpers.errors import HEError
from he_helpers.lab.libraries.bad_input_cases import LIBRARIES, cases
from he_helpers.lab.workspace.workspace import PROJECT

# macOS reports the same mistake as a bus error.
_ENDS: dict[int, str] = {
    signal.SIGSEGV: "segmentation fault",
    signal.SIGBUS: "segmentation fault",
    signal.SIGABRT: "abort",
}
_NOT_THERE = "-"


class ProvocationFailed(HEError, RuntimeError):
    """The process of a library ended for another reason than a case: nothing can be said about the library."""


def provoke(
    libraries: Iterable[str] = tuple(LIBRARIES), progress: Callable[[Iterable[Any]], Iterable[Any]] = iter
) -> pd.DataFrame:
    """Run every case in every library, one after the other.

    progress: wraps the iteration over the cases of all libraries, for instance tqdm.auto.tqdm.

    Returns a row for each case and a column for each library. A cell says in words what happened, such as "silent
    garbage", the name of an error, or "segmentation fault"; "-" where the library has no such case. Raises
    ProvocationFailed.
    """
    turns = [(library, case) for library in libraries for case in cases(library)]
    running = {library: _outcomes(library) for library in libraries}
    found = {(library, case): next(running[library]) for library, case in progress(turns)}
    rows = list(dict.fromkeys(case for _, case in turns))
    table = {library: [found.get((library, case), _NOT_THERE) for case in rows] for library in libraries}
    return pd.DataFrame(table, index=pd.Index([case.replace("_", " ") for case in rows], name="case"))


def _outcomes(library: str) -> Iterator[str]:
    """What each case of the library has come to, in their order, as soon as it is known."""
    left = cases(library)
    while left:
        with subprocess.Popen(
            [sys.executable, "-m", "he_helpers.lab.libraries.bad_input_cases", library, *left],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None, "it is a pipe"
            begun = None
            for line in process.stdout:
                event = json.loads(line)
                begun = event.get("begins")
                if "ended" in event:
                    left.remove(event["ended"])
                    yield event["outcome"]
        if left:
            if begun is None:
                raise ProvocationFailed(f"The process of {library} ended before {left[0]}, with {process.returncode}.")
            left.remove(begun)
            yield _ENDS.get(-process.returncode, f"ends with {process.returncode}")


def main() -> None:
    """Print the table of outcomes."""
    with pd.option_context("display.width", 200):
        print(provoke().to_string())


if __name__ == "__main__":
    main()
