"""The files of an evidence folder, and their contents."""

from __future__ import annotations

import contextlib
import mmap
import os
from collections.abc import Iterator, Sequence
from pathlib import Path


def files_below(folder: Path) -> list[Path]:
    """All files of a folder and of those within it, in order, without links."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


@contextlib.contextmanager
def mapped(files: Sequence[Path]) -> Iterator[list[mmap.mmap]]:
    """The contents of the files that have any, without reading them into memory."""
    maps = []
    try:
        for file in files:
            with file.open("rb") as stream:
                if os.fstat(stream.fileno()).st_size:
                    maps.append(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
        yield maps
    finally:
        for opened in maps:
            opened.close()
