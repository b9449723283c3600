"""Streams of Microsoft SEAL in memory: its binding in TenSEAL, ``tenseal.sealapi``, writes and reads paths alone.

What is written, and what ``load_public`` reads, may be anybody's to read: where the system has no files in memory, it
passes through an unlinked file in the folder for temporary files. What ``load`` reads may be a secret key, which
touches no disk: it passes through a file in memory alone.
"""

import os
import tempfile
from collections.abc import Callable
from typing import BinaryIO


def has_files_in_memory() -> bool:
    """Whether this system has files in memory, as Linux does."""
    return hasattr(os, "memfd_create")


def saved(save: Callable[[str], None]) -> bytes:
    """The bytes that ``save`` writes to the path that it is given."""
    with _any_file() as file:
        save(_path(file))
        file.seek(0)
        return file.read()


def load(read: Callable[[str], None], stream: bytes) -> None:
    """Call ``read`` with a path that holds ``stream``. Needs files in memory."""
    with _file_in_memory() as file:
        _read(read, stream, file)


def load_public(read: Callable[[str], None], stream: bytes) -> None:
    """As load, for a stream that is no secret: on every system."""
    with _any_file() as file:
        _read(read, stream, file)


def _read(read: Callable[[str], None], stream: bytes, file: BinaryIO) -> None:
    file.write(stream)
    file.seek(0)
    read(_path(file))


def _any_file() -> BinaryIO:
    return _file_in_memory() if has_files_in_memory() else tempfile.TemporaryFile()


def _file_in_memory() -> BinaryIO:
    return open(os.memfd_create("stream"), "w+b")


def _path(file: BinaryIO) -> str:
    return f"/dev/fd/{file.fileno()}"
