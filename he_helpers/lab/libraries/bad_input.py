"""Provoking the libraries with bad input, each in a process of its own, and telling what came of it.

The cases are in bad_input_cases.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pandas as pd

from he_helpers.lab.libraries.bad_input_cases import LIBRARIES, cases
from he_helpers.lab.libraries.one_by_one import one_by_one

# macOS reports the same mistake as a bus error.
_ENDS: dict[int, str] = {
    signal.SIGSEGV: "segmentation fault",
    signal.SIGBUS: "segmentation fault",
    signal.SIGABRT: "abort",
}
_NOT_THERE = "-"


def provoke(
    libraries: Iterable[str] = tuple(LIBRARIES), progress: Callable[[Iterable[Any]], Iterable[Any]] = iter
) -> pd.DataFrame:
    """Run every case in every library, one after the other.

    progress: wraps the iteration over the cases of all libraries, for instance tqdm.auto.tqdm.

    Returns a row for each case and a column for each library. A cell says in words what happened, such as "silent
    garbage", the name of an error, or "segmentation fault"; "-" where the library has no such case. Raises
    ProcessFailed.
    """
    turns = [(library, case) for library in libraries for case in cases(library)]
    running = {library: _outcomes(library) for library in libraries}
    found = {(library, case): next(running[library]) for library, case in progress(turns)}
    rows = list(dict.fromkeys(case for _, case in turns))
    table = {library: [found.get((library, case), _NOT_THERE) for case in rows] for library in libraries}
    return pd.DataFrame(table, index=pd.Index([case.replace("_", " ") for case in rows], name="case"))


def _outcomes(library: str) -> Iterator[str]:
    """What each case of the library has come to, in their order, as soon as it is known."""
    command = [sys.executable, "-m", "he_helpers.lab.libraries.bad_input_cases", library]
    for case in one_by_one(command, cases(library), library):
        yield _ENDS.get(-case.status, f"ends with {case.status}") if case.said is None else case.said


def main() -> None:
    """Print the table of outcomes."""
    with pd.option_context("display.width", 200):
        print(provoke().to_string())


if __name__ == "__main__":
    main()
