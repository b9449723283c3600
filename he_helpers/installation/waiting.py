"""The first `import Pyfhel` of a process waits while Pyfhel is still being compiled, and says how far it is.

Pyfhel has no wheel, so the set-up compiles it, minutes long, beside a learner who has begun already. `import
he_helpers` puts a finder in front of Python's own: in a notebook, a role's process or a server alike, importing
Pyfhel then waits for the end of the build in place of failing, or failing later in files that are half copied.
Once it is compiled the finder costs one look at a lock, at the first import of Pyfhel alone.
"""

from __future__ import annotations

import fcntl
import importlib
import re
import sys
import time
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TextIO

from he_helpers.installation import record
from he_helpers.installation.errors import InstallationError

_POLL_SECONDS = 0.5
# How much of the build is behind it when each part begins, in per cent of one build that took 254 s; within SEAL,
# CMake itself counts.
_BEGINS_AT = {
    "SEAL": 3, "Afhel": 51, "Pyfhel.Pyfhel": 63, "Pyfhel.PyCtxt": 86, "Pyfhel.PyPtxt": 91, "Pyfhel.PyPoly": 95,
}  # fmt: skip
_PART = re.compile(r"^ *building '([\w.]+)'", re.MULTILINE)
_CMAKE = re.compile(r"^ *\[ *(\d+)%\]", re.MULTILINE)


class PyfhelNotThere(InstallationError, ImportError):
    """Pyfhel is not installed, and is not being compiled either."""


def lock_file() -> Path:
    """Locked by the build of Pyfhel for as long as it runs; holds the number of its process."""
    return record.folder() / "pyfhel.lock"


def log_file() -> Path:
    """What the compiler said at the last build."""
    return record.folder() / "pyfhel.log"


def failure_file() -> Path:
    """Why the last build failed; absent while one runs and after one that did not fail."""
    return record.folder() / "pyfhel.failed"


def is_being_compiled() -> bool:
    """Whether a build of Pyfhel runs in this environment now."""
    try:
        with open(lock_file(), "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def per_cent_compiled(log: str) -> int:
    """About how much of a build is done, by what it has said so far."""
    parts = _PART.findall(log)
    if not parts:
        return 0
    reached = _BEGINS_AT.get(parts[-1], 0)
    if parts[-1] == "SEAL" and (counted := _CMAKE.findall(log)):
        reached += (_BEGINS_AT["Afhel"] - reached) * int(counted[-1]) // 100
    return reached


def wait_while_compiling(stream: TextIO, lively: bool) -> bool:
    """Return when no build of Pyfhel runs, and whether one ran. Says on `stream` how far it is.

    lively: renew the line again and again (a terminal, a notebook) in place of one line for a log.
    """
    began = None
    while is_being_compiled():
        if began is None:
            began = time.monotonic()
            stream.write(f"Pyfhel is still being compiled; this goes on by itself then. Log: {log_file()}\n")
        if lively:
            stream.write(f"\r{_progress()} ")
        stream.flush()
        time.sleep(_POLL_SECONDS)
    if began is None:
        return False
    stream.write(f"{chr(13) if lively else ''}Waited {time.monotonic() - began:.0f} s for Pyfhel.".ljust(40) + "\n")
    stream.flush()
    return True


def _progress() -> str:
    try:
        log = log_file().read_text(errors="replace")
        minutes, seconds = divmod(max(0, int(time.time() - lock_file().stat().st_mtime)), 60)
    except FileNotFoundError:
        return ""
    return f"about {per_cent_compiled(log)} % after {minutes} min {seconds:02} s"


def what_to_do() -> str:
    """What the learner does about a Pyfhel that is missing."""
    return (
        f"Compile it: {sys.executable} -m he_helpers.installation learner (or make lab), then run the cell again. "
        f"The log of the last attempt: {log_file()}"
    )


# Of no base class: the one in importlib.abc brings a dozen modules with it, for 9 ms of every process's start.
class _WaitingFinder:
    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        if fullname != "Pyfhel":
            return
        notebook = "ipykernel" in sys.modules
        # A process that prints a result, such as an address, does so on stdout.
        stream = sys.stdout if notebook else sys.stderr
        if wait_while_compiling(stream, lively=notebook or stream.isatty()):
            importlib.invalidate_caches()
        if PathFinder.find_spec("Pyfhel") is None:
            raise PyfhelNotThere(_reason(), name="Pyfhel")


def _reason() -> str:
    try:
        return failure_file().read_text()
    except FileNotFoundError:
        return f"Pyfhel is not installed, and nothing compiles it now: the set-up was interrupted. {what_to_do()}"


def wait_for_pyfhel_when_imported() -> None:
    """Put the finder in place, once in a process."""
    if not any(isinstance(finder, _WaitingFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _WaitingFinder())
