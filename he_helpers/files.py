"""Files and folders that only their owner can get at, written whole or not at all.

Whoever can write where a secret will lie can lay something else there before: a folder of their own with a passphrase
that they know, a link to their own file. So nothing is used that belongs to another account, that others can get at, or
that is a symbolic link, and what is made here is closed to others whatever the umask says.
"""

import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from he_helpers.errors import HEError

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class ExposedFile(HEError):
    """A private file or folder that another account of this computer owns, can read or can change."""


class UnreadableFile(HEError):
    """A file or folder that is missing, of another kind than expected, or too large."""


class FolderNotMade(UnreadableFile):
    """A folder that is missing and cannot be made; ``reason`` is what the system says."""

    def __init__(self, folder: Path, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"The folder {folder} cannot be made: {reason}. Look at what the folders above it are: one of them may be "
            "a file, a link that leads nowhere, or closed to you."
        )


def private_folder(path: Path | str) -> Path:
    """Return ``path`` as a folder of mode 0700, made when it is missing, with the folders above it.

    An existing folder that another account owns or may enter is refused (ExposedFile): what is in it may have been read
    or replaced, which its owner should know before it is closed. A symbolic link is refused (UnreadableFile).
    Raises FolderNotMade where it cannot be made, below a file for instance.
    """
    path = Path(path)
    folder = path
    try:
        for folder in reversed([path, *path.absolute().parents]):
            if not os.path.lexists(folder):
                folder.mkdir(mode=0o700, exist_ok=True)
        state = path.lstat()
    except OSError as error:
        raise FolderNotMade(folder, error.strerror or str(error)) from None
    if stat.S_ISLNK(state.st_mode):
        raise UnreadableFile(
            f"{path} is a symbolic link, where a folder was expected. Whoever made it decides where your files go: "
            "name the folder itself."
        )
    if not stat.S_ISDIR(state.st_mode):
        raise UnreadableFile(f"{path} is a file, where a folder was expected. Move it away or choose another folder.")
    _check_closed(path, state, "folder", 0o700)
    return path


def write_private(path: Path, data: bytes) -> None:
    """Write ``path`` with mode 0600, whole or not at all, as `write_whole` does."""
    write_whole(path, data, 0o600)


def write_whole(path: Path, data: bytes, mode: int) -> None:
    """Write ``path`` with ``mode``: a reader, also after a crash, finds the old file or the new one, whole.

    A symbolic link at ``path`` is replaced, and what it leads to stays.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _reach_the_disk(path.parent)


def move_file(source: Path, target: Path) -> None:
    """Put the file ``source`` in the place of ``target``, on the same disk: at each moment one of the two is whole."""
    os.replace(source, target)
    _reach_the_disk(target.parent)
    _reach_the_disk(source.parent)


def _reach_the_disk(folder: Path) -> None:
    """A rename lies in its folder, which has to reach the disk, too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def open_private(path: Path, flags: int) -> int:
    """A descriptor of the file ``path``, opened with ``flags``; if O_CREAT makes it, with mode 0600 at most.

    Raises UnreadableFile when it is missing, cannot be opened or is no ordinary file, and ExposedFile when another
    account owns it, can read or change it. A symbolic link is not followed: what lies behind it may change between the
    check and the reading.
    """
    try:
        # Where something else lies that is waited for, such as a pipe, nothing is waited for.
        handle = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not flags & os.O_CREAT:
            raise UnreadableFile(f"There is no file {path}.") from None
        raise UnreadableFile(f"{path} cannot be opened as an ordinary file: {error.strerror}.") from None
    try:
        state = os.fstat(handle)
        if not stat.S_ISREG(state.st_mode):
            raise UnreadableFile(f"{path} is not an ordinary file.")
        _check_closed(path, state, "file", 0o600)
    except HEError:
        os.close(handle)
        raise
    return handle


def read_private(path: Path, largest: int) -> bytes:
    """Read ``path``, at most ``largest`` bytes. Raises what open_private() does, and UnreadableFile if it has more."""
    with os.fdopen(open_private(path, os.O_RDONLY), "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > largest:
            raise UnreadableFile(f"{path} has {size:,} bytes, and at most {largest:,} were expected. It is not read.")
        return file.read(largest)


@contextmanager
def alone_with(folder: Path) -> Iterator[None]:
    """Keep out every other process and thread that asks for the same ``folder``, until the block ends."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def take_lock(handle: int, shared: bool = False) -> bool:
    """Lock what the descriptor ``handle`` has opened, unless somebody stands in the way: then False, at once.

    shared: beside others that share the lock, in place of alone. It ends with `release_lock`, or when the last copy of
    the descriptor is closed, however its process ends.
    """
    try:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def release_lock(handle: int) -> None:
    """Give a lock of `take_lock` back, and keep the descriptor."""
    fcntl.flock(handle, fcntl.LOCK_UN)


def _check_closed(path: Path, state: os.stat_result, kind: str, mode: int) -> None:
    """Raise ExposedFile unless the own account alone owns and gets at what ``state`` is about."""
    if state.st_uid != os.geteuid():
        raise ExposedFile(
            f"The {kind} {path} belongs to another account of this computer (user id {state.st_uid}; yours is "
            f"{os.geteuid()}), which can put into it what it likes. Nothing of it is used. Choose another place, or, "
            "if you know how it came there, have it given to you with chown."
        )
    if state.st_mode & _OTHERS:
        raise ExposedFile(
            f"The {kind} {path} has mode {stat.S_IMODE(state.st_mode):04o}: other accounts of this computer can get at "
            f"it. Expected {mode:04o}. Repair it with: chmod {mode:03o} '{path}', and consider what is in it known to "
            "others, and where they could write, changed by them."
        )
