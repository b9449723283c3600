"""Bodies of requests: taken in in pieces, onto the disk, within a limit for all of them together."""

import hashlib
import tempfile
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from he_helpers.server.http.problems import Problem

# A body up to here stays in memory; a larger one goes to a file.
IN_MEMORY = 64 * 1024


class Budget:
    """A limit for all bytes that are buffered at a time, of all requests and answers, and one for those of one holder.

    What has at most IN_MEMORY bytes is counted and never refused: whoever fills the limit with large bodies must not
    keep the small requests and answers of others out, and how many of these there are is limited by the connections.
    Safe to share between threads.
    """

    def __init__(self, largest: int, largest_of_one: int) -> None:
        self._largest, self._largest_of_one = largest, largest_of_one
        self._taken_by: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def taken(self) -> int:
        """The bytes that are buffered."""
        return self._taken_by.total()

    def take(self, size: int, whole: int, holder: str) -> None:
        """Count ``size`` bytes more for ``holder``, of a body or an answer that has ``whole`` bytes with them.

        Raises Problem (busy, too-many-requests), and counts none, where that is above the limit.
        """
        with self._lock:
            if whole > IN_MEMORY and self.taken + size > self._largest:
                raise Problem(
                    "busy",
                    f"All bodies under way together may take {self._largest:,} bytes here, and others take nearly all "
                    "of them. Nothing was changed. Try again in a few seconds.",
                )
            if whole > IN_MEMORY and self._taken_by[holder] + size > self._largest_of_one:
                raise Problem(
                    "too-many-requests",
                    f"What one account, or one address, sends and fetches at a time may take {self._largest_of_one:,} "
                    "bytes here. Nothing was changed. Wait for the rest to end, then try again.",
                )
            self._taken_by[holder] += size

    def give_back(self, size: int, holder: str) -> None:
        """Count ``size`` bytes less."""
        with self._lock:
            self._taken_by[holder] -= size
            if not self._taken_by[holder]:
                del self._taken_by[holder]


@dataclass(frozen=True)
class Body:
    """A body that arrived whole.

    ``file`` is open for reading; a large body's is an unlinked temporary file, which can be handed to another process
    by its descriptor, and is gone from the disk when it is closed. ``size`` is in bytes, ``sha256`` the digest in 64
    hexadecimal characters.
    """

    file: IO[bytes]
    size: int
    sha256: str

    def read(self) -> bytes:
        """All bytes."""
        self.file.seek(0)
        return self.file.read()


class BodyWriter:
    """Takes in a body of at most ``largest`` bytes, into ``folder`` (None: the system's folder of temporary files).

    Its bytes are counted in ``budget``, where there is one, for ``holder``.
    """

    def __init__(
        self, largest: int, folder: Path | None = None, budget: Budget | None = None, holder: str = ""
    ) -> None:
        self._largest, self._budget, self._holder = largest, budget, holder
        # A temporary file is open to its owner alone and never has a name, or loses it before anything is written.
        self._file = tempfile.SpooledTemporaryFile(IN_MEMORY, dir=None if folder is None else str(folder))
        self._digest = hashlib.sha256()
        self._size = 0

    def write(self, piece: bytes) -> None:
        """Take ``piece`` in. Raises Problem: body-too-large, or what Budget.take() raises."""
        size = self._size + len(piece)
        if size > self._largest:
            raise body_too_large(self._largest)
        if self._budget:
            self._budget.take(len(piece), size, self._holder)
        self._size = size
        self._digest.update(piece)
        self._file.write(piece)

    def finish(self) -> Body:
        """The body, when all of it was written."""
        self._file.seek(0)
        return Body(self._file, self._size, self._digest.hexdigest())

    def __enter__(self) -> "BodyWriter":
        return self

    def __exit__(self, *exception: object) -> None:
        """Let go of the body's bytes."""
        self._file.close()
        if self._budget:
            self._budget.give_back(self._size, self._holder)


def body_too_large(largest: int) -> Problem:
    """The problem of a body of more than ``largest`` bytes."""
    return Problem(
        "body-too-large",
        f"A body here has at most {largest:,} bytes. Send less at a time, or ask the server's operator.",
        largest_body=largest,
    )
