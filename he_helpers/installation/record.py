"""What the set-up writes down inside the environment that it sets up: what is done, and its logs.

A mark is a file of its own, so that setting up one part never touches the mark of another one.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from he_helpers.installation.errors import InstallationError

_ENDING = ".done"


def folder() -> Path:
    """The folder of the set-up in this environment, such as .venv/he-course; it may not exist."""
    return Path(sys.prefix, "he-course")


def log_of_packages() -> Path:
    """What the installers of packages said, at the last set-up that had something to do."""
    return folder() / "installation.log"


def make_folder() -> None:
    """Make the folder where it is missing. Raises InstallationError when this environment cannot be written to."""
    try:
        folder().mkdir(exist_ok=True)
    except OSError as error:
        raise InstallationError(
            f"{sys.prefix} cannot be written to ({error.strerror}). Use an environment of the course's own: make lab"
        ) from error


def is_done(part: str, digest: str) -> bool:
    """Whether `part` (a set of the lock, or pyfhel) was set up from what has this digest."""
    try:
        return (folder() / f"{part}{_ENDING}").read_text() == digest
    except FileNotFoundError:
        return False


def mark_as_done(part: str, digest: str) -> None:
    """Write the mark of `part`, whole or not at all."""
    draft = folder() / f".{part}.{os.getpid()}"
    draft.write_text(digest)
    os.replace(draft, folder() / f"{part}{_ENDING}")


def drop_marks(parts: Iterable[str]) -> None:
    """Take the marks of `parts` away, those that are there."""
    for part in parts:
        (folder() / f"{part}{_ENDING}").unlink(missing_ok=True)


@contextlib.contextmanager
def alone(what: str) -> Iterator[None]:
    """Let one process of this environment do `what` at a time; the others wait, and say so."""
    with open(folder() / f"{what}.lock", "wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another set-up of this environment is at work; waiting for it.", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
