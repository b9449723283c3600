"""Files that only their owner can read, written whole or not at all."""

import os
import stat
import tempfile
from pathlib import Path

from he_helpers.roles.errors import ExposedFile, NotThere

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def private_folder(path: Path | str) -> Path:
    """Return ``path`` as a folder of mode 0700, made when it is missing.

    An existing folder that others may enter is refused (ExposedFile): they might have read or replaced what
    is in it, which its owner should know before it is closed.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        pass
    mode = path.stat().st_mode
    if not stat.S_ISDIR(mode):
        raise NotThere(
            f"{path} is a file, where a folder was expected. Move it away or choose another folder."
        )
    if mode & _OTHERS:
        raise ExposedFile(
            f"The folder {path} has mode {stat.S_IMODE(mode):04o}: other accounts can get at what is in it. "
            f"Expected 0700. Repair it with: chmod 700 '{path}'"
        )
    return path


def write_private(path: Path, data: bytes) -> None:
    """Write ``path`` with mode 0600: after a crash there is the old file or the new one, whole."""
    handle, temporary = tempfile.mkstemp(
        dir=path.parent, prefix=f".{path.name}."
    )  # mkstemp creates with mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    # The rename itself lies in the folder, which has to reach the disk too.
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_private(path: Path, largest: int) -> bytes:
    """Read ``path``, at most ``largest`` bytes.

    Raises NotThere when it is missing, no ordinary file or too large, and ExposedFile when others can read or
    change it. A symbolic link is not followed: what lies behind it may change between the check and the
    reading.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise NotThere(f"There is no file {path}.") from None
    except OSError as error:
        raise NotThere(f"{path} cannot be read as an ordinary file: {error.strerror}.") from None
    with os.fdopen(handle, "rb") as file:
        state = os.fstat(file.fileno())
        if not stat.S_ISREG(state.st_mode):
            raise NotThere(f"{path} is not an ordinary file.")
        if state.st_mode & _OTHERS:
            raise ExposedFile(
                f"{path} has mode {stat.S_IMODE(state.st_mode):04o}: other accounts of this computer can "
                "read or change "
                f"it. Expected 0600. Repair it with: chmod 600 '{path}', and consider what is in it known to "
                "others."
            )
        if state.st_size > largest:
            raise NotThere(
                f"{path} has {state.st_size:,} bytes, and at most {largest:,} were expected. It is not read."
            )
        return file.read(largest)
