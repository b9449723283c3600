"""The server's own folder: nobody else looks into it, and one server at a time works in it.

Whoever could write into the folder before the server came could have laid a store, a log or a link there. So a folder,
or a file in it, that is not the server's own and closed to all others is refused and not repaired. Every file is made
with its mode, whatever the umask of the process.
"""

import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from he_helpers.errors import HEError


class CannotStart(HEError, RuntimeError):
    """The server cannot start: the message says why, and what to do."""


def prepare_folder(folder: Path) -> None:
    """Create the server's folder, mode 0700, where it is missing.

    Raises CannotStart if it is there and is a link, belongs to another user or is open to others.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        _check_private(folder, os.lstat(folder), stat.S_ISDIR, "folder")


def open_own_file(path: Path, flags: int) -> int:
    """A descriptor of the file ``path`` in the server's folder, opened with ``flags``; if O_CREAT makes it, mode 0600.

    Raises CannotStart for a link, a file of another user, and one that is open to others or has a second name.
    """
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CannotStart(
            f"{path} cannot be opened: {error.strerror}. Expected is a file of the server's own, or none and a folder "
            "to make it in."
        ) from None
    try:
        found = os.fstat(descriptor)
        _check_private(path, found, stat.S_ISREG, "file")
        if found.st_nlink != 1:
            raise CannotStart(
                f"The file {path} has a second name elsewhere, through which it could be read or changed. Find out who "
                "made it; use another folder."
            )
    except CannotStart:
        os.close(descriptor)
        raise
    return descriptor


@contextmanager
def sole_server_of(folder: Path) -> Iterator[None]:
    """Hold the folder's ``pid`` file locked; the lock ends with the process, however it ends."""
    with os.fdopen(open_own_file(folder / "pid", os.O_RDWR | os.O_APPEND | os.O_CREAT), "a+") as file:
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
    """Write ``text``, mode 0600, so that a reader finds the old content or the new one, never a part."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(open_own_file(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "w") as file:
        file.write(text)
    fresh.replace(path)


def _check_private(path: Path, found: os.stat_result, is_kind: Callable[[int], bool], kind: str) -> None:
    if not is_kind(found.st_mode):
        raise CannotStart(f"{path} is no {kind} but something else, a link for instance. Use another folder.")
    if found.st_uid != os.geteuid():
        raise CannotStart(
            f"The {kind} {path} belongs to another user of this machine (user {found.st_uid}), who could have prepared "
            "it. Use another folder; the server makes it."
        )
    if found.st_mode & 0o077:
        raise CannotStart(
            f"The {kind} {path} is open to other users of this machine (mode {stat.S_IMODE(found.st_mode):04o}). Use "
            f"another folder, which the server makes; or look at what lies there, and close it: chmod go= {path}"
        )
