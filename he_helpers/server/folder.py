"""The server's own folder: nobody else looks into it, and one server at a time works in it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from he_helpers.errors import HEError


class CannotStart(HEError, RuntimeError):
    """The server cannot start: the message says why, and what to do."""


def prepare_folder(folder: Path) -> None:
    """Create the server's folder where it is missing; nobody else can look into it."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    os.umask(0o077)


@contextmanager
def sole_server_of(folder: Path) -> Iterator[None]:
    """Hold the folder's ``pid`` file locked; the lock ends with the process, however it ends."""
    path = folder / "pid"
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise CannotStart(
                f"A server (process {file.read().strip()}) already works in {folder}. "
                "Use that one, stop it, or choose another folder."
            ) from None
        # Whatever a server that was killed left there is out of date.
        (folder / "address").unlink(missing_ok=True)
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
        file.truncate(0)


def write_atomically(path: Path, text: str) -> None:
    """Write ``text`` so that a reader finds the old content or the new one, never a part."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(text)
    fresh.replace(path)
