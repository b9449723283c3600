"""Keys in files of the own folder, read again only when a file has changed."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from he_helpers.files import read_private

_Key = TypeVar("_Key")


class ReadOnce(Generic[_Key]):
    """Gives the key in a file. To read one builds a context of its library, which takes longer than most steps with it.

    read: makes the key of the file's bytes. largest: how many bytes a file may have.
    """

    def __init__(self, read: Callable[[bytes], _Key], largest: int):
        self._read_key, self._largest = read, largest
        # Each with the digest of the bytes that it was read from.
        self._known: dict[Path, tuple[bytes, _Key]] = {}

    def read(self, file: Path) -> _Key:
        """The key in ``file``. Raises what ``read`` and read_private() raise."""
        data = read_private(file, self._largest)
        digest = hashlib.sha256(data).digest()
        if file not in self._known or self._known[file][0] != digest:
            self._known[file] = digest, self._read_key(data)
        return self._known[file][1]
