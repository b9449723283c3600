"""The server's own folder: nobody else looks into it, and one server at a time works in it.

Whoever could write into the folder before the server came could have laid a store, a log or a link there. So a folder,
or a file in it, that is not the server's own and closed to all others is refused and not repaired. Every file is made
with its mode, whatever the umask of the process.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from he_helpers.errors import HEError
from he_helpers.files import ExposedFile, UnreadableFile, open_private, private_folder, take_lock


class CannotStart(HEError, RuntimeError):
    """The server cannot start: the message says why, and what to do."""


def prepare_folder(folder: Path) -> None:
    """Create the server's folder, mode 0700, where it is missing, with the folders above it.

    Raises CannotStart if it cannot be made, or is there and is a link, belongs to another user or is open to others.
    """
    try:
        private_folder(folder)
    except (ExposedFile, UnreadableFile) as error:
        raise CannotStart(str(error)) from None


def open_own_file(path: Path, flags: int) -> int:
    """A descriptor of the file ``path`` in the server's folder, opened with ``flags``; if O_CREAT makes it, mode 0600.

    Raises CannotStart for a link, a file of another user, and one that is open to others or has a second name.
    """
    try:
        descriptor = open_private(path, flags)
    except (ExposedFile, UnreadableFile) as error:
        raise CannotStart(str(error)) from None
    if os.fstat(descriptor).st_nlink != 1:
        os.close(descriptor)
        raise CannotStart(
            f"The file {path} has a second name elsewhere, through which it could be read or changed. Find out who "
            "made it; use another folder."
        )
    return descriptor


@contextmanager
def sole_server_of(folder: Path) -> Iterator[None]:
    """Hold the folder's ``pid`` file locked; the lock ends with the process, however it ends."""
    with os.fdopen(open_own_file(folder / "pid", os.O_RDWR | os.O_APPEND | os.O_CREAT), "a+") as file:
        if not take_lock(file.fileno()):
            file.seek(0)
            raise CannotStart(
                f"A server (process {file.read().strip()}) already works in {folder}. "
                "Use that one, stop it, or choose another folder."
            )
        # Whatever a server that was killed left there is out of date.
        (folder / "address").unlink(missing_ok=True)
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
        file.truncate(0)
