"""A stream of bytes as windows that overlap, for a search that reads each byte about once."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

# What a form that begins in a window may need of the bytes before and after it.
BEHIND = 64
AHEAD = 9 * 1024
_WINDOW = 2**16

_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-"
_IS_LETTER = bytes(byte in _LETTERS for byte in range(256))


@dataclass(frozen=True)
class Window:
    """Bytes of which those from ``begin`` to ``end`` are looked at; what stands around them is there to be read."""

    data: bytes
    begin: int
    end: int

    def matches(self, pattern: re.Pattern[bytes]) -> Iterator[re.Match[bytes]]:
        """The matches of ``pattern`` that begin in this window."""
        for match in pattern.finditer(self.data, self.begin):
            if match.start() >= self.end:
                return
            yield match

    def positions(self, word: bytes) -> Iterator[int]:
        """Where ``word`` begins in this window."""
        position = self.data.find(word, self.begin, self.end + len(word) - 1)
        while position >= 0:
            yield position
            position = self.data.find(word, position + 1, self.end + len(word) - 1)

    def starts_of_text(self, length: int) -> Iterator[int]:
        """Where runs of at least ``length`` letters of base64 begin in this window.

        Found at the speed of bytes.find: a regular expression would spend most of an upload's time looking at
        ciphertexts, which hold none.
        """
        wanted = b"\x01" * length
        start = self._marks.find(wanted, self.begin)
        while 0 <= start < self.end:
            yield start
            end = self._marks.find(b"\x00", start)
            start = self._marks.find(wanted, end) if end >= 0 else -1

    @cached_property
    def _marks(self) -> bytes:
        return self.data.translate(_IS_LETTER)


class Windows:
    """Cuts what is fed to it into windows."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._begin = 0

    def feed(self, data: bytes) -> Iterator[Window]:
        """Take ``data`` in, and give the windows that are complete."""
        self._data += data
        while len(self._data) >= self._begin + _WINDOW + AHEAD:
            end = self._begin + _WINDOW
            yield Window(bytes(self._data[: end + AHEAD]), self._begin, end)
            kept_from = max(0, end - BEHIND)
            del self._data[:kept_from]
            self._begin = end - kept_from

    def last(self) -> Window:
        """What is left when nothing more comes."""
        return Window(bytes(self._data), self._begin, len(self._data))
