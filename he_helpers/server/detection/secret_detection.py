"""Find secret keys in bytes that nobody has vouched for, before any parser of a library sees them.

Everything is searched, at every offset, for the structures that a secret key is written in (see
``secret_forms`` and ``pickle_detection`` beside this module), so it does not matter which field of an envelope, which
label or which file around it holds the key. Text in base64 or hexadecimal is decoded and searched as well, two levels
deep.

The bytes pass through in windows of 64 kB that overlap: what lies across a border is found, time is linear in the
size, memory does not depend on it (below 6 MB), and no single call into C takes longer than some ten milliseconds, so
other threads are never held up for long by the interpreter's lock.

Not found are keys that were compressed by a general-purpose program, encrypted, split, or stripped of their headers:
this protects a data administrator from a mistake. What protects against the server is that the key never gets there.

A false refusal costs its owner a key. Ciphertexts are uniformly random bytes, nearly; in a gigabyte (2^30) of these the
chance that a form begins at some position is at most 2^30 times the chance at one, which is 2 to the minus the number
of bits that the form fixes:

    a pickle                     90   see he_helpers.server.detection.pickle_detection
    a SEAL secret key            91   54 in the header, 2 for its kind, 32 and at least 3 in a Zstandard frame
    a key pair of this course    93   24 and 20 in the envelope, 49 in the scheme's name and what stands around it
    a keyring file               93   32 in the magic, 61 in the version and the parameters of scrypt
    a key in PEM or OpenSSH     120
    a key in DER                 76   RSA of 256 bits; for RSA from 1024 bits on 98, in PKCS #8 83, on a curve 88
    two factors in text          53   each; both somewhere in the gigabyte: 2^-46
    two factors in msgpack       53   the two names, the two types, and that the lengths differ by at most one

So a gigabyte is refused by mistake with a chance of 2^-23 at most, nearly all of it by the last form; as a pickle, of
2^-60.
"""

import binascii
import re
from collections.abc import Callable, Iterator
from typing import IO

from he_helpers.server.detection.pickle_detection import PickleSearch
from he_helpers.server.detection.search_window import Window, Windows
from he_helpers.server.detection.secret_forms import FORMS, NamedFactorSearch

_ENCODED_LEVELS = 2
_PIECE = 2**16


def find_secret_key(source: bytes | IO[bytes]) -> str | None:
    """The kind of secret in ``source`` ("a TenSEAL context with its secret key"); None if there is none.

    A file is read from its beginning to its end, in pieces.
    """
    search = _Search(_ENCODED_LEVELS)
    for piece in _pieces(source):
        if found := search.feed(piece):
            return found
    return search.finish()


def _pieces(source: bytes | IO[bytes]) -> Iterator[bytes]:
    if isinstance(source, bytes):
        for start in range(0, len(source), _PIECE):
            yield source[start : start + _PIECE]
    else:
        source.seek(0)
        while piece := source.read(_PIECE):
            yield piece


class _Search:
    """Looks for every form in a stream of bytes, and in what text in it stands for, ``levels`` deep."""

    def __init__(self, levels: int) -> None:
        self._windows = Windows()
        self._forms = (*FORMS, NamedFactorSearch(), PickleSearch())
        self._text = _EncodedText(levels) if levels else None

    def feed(self, data: bytes) -> str | None:
        for window in self._windows.feed(data):
            if found := self._look(window):
                return found
        return None

    def finish(self) -> str | None:
        found = self._look(self._windows.last())
        return found or (self._text.finish() if self._text else None)

    def _look(self, window: Window) -> str | None:
        for form in self._forms:
            if found := form(window):
                return found
        return self._text.look(window) if self._text else None


_SHORTEST_ENCODED = 40
_LETTERS = rb"[A-Za-z0-9+/_=-]++"
_BREAKS = rb"(?:\\[nr]|\s)"
_TEXT = re.compile(_LETTERS + rb"(?:" + _BREAKS + rb"{1,4}+" + _LETTERS + rb")*+")
_MORE_TEXT = re.compile(rb"(?:" + _BREAKS + rb"{0,4}+" + _LETTERS + rb")*+")
# The longest that may stand between two letters of one text, in bytes.
_LONGEST_BREAK = 8
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_DIGITS = b"0123456789ABCDEFabcdef"
_IS_DIGIT = bytes(byte in _DIGITS for byte in range(256))


class _EncodedText:
    """Decodes the texts of base64 and of hexadecimal digits in a stream of windows, and searches what comes out."""

    def __init__(self, levels: int) -> None:
        self._levels = levels
        # A length byte or a name before the text can look like text itself, so a text is decoded from each of its
        # first four letters, or two digits, on. One search for each: most bodies hold none, so they are made late.
        self._base64: list[_Decoder] = []
        self._hexadecimal: list[_Decoder] = []
        # Where the text that reaches the end of a window goes on in the next one, counted from its beginning.
        self._goes_on_at: int | None = None
        self._digits = b""
        self._within_digits = False

    def look(self, window: Window) -> str | None:
        position = window.begin
        if self._goes_on_at is not None:
            match = _MORE_TEXT.match(window.data, position + self._goes_on_at, window.end)
            assert match is not None, "no more text is a match, too"
            if found := self._take(match, window):
                return found
            position = max(position, match.end())
        for start in window.starts_of_text(_SHORTEST_ENCODED):
            if start >= position:
                self._begin_text()
                match = _TEXT.match(window.data, start, window.end)
                assert match is not None, "a letter stands there"
                if found := self._take(match, window):
                    return found
                position = match.end()
        return None

    def finish(self) -> str | None:
        for decoder in (*self._base64, *self._hexadecimal):
            if found := decoder.search.finish():
                return self._named(found)
        return None

    def _begin_text(self) -> None:
        if not self._base64:
            self._base64 = [_Decoder(binascii.a2b_base64, 4, 3, skip, self._levels) for skip in range(4)]
        for decoder in self._base64:
            decoder.begin()
        self._digits, self._within_digits = b"", False

    def _take(self, match: re.Match[bytes], window: Window) -> str | None:
        """Decode a part of a text, and note where it goes on, if it may."""
        end = match.end()
        self._goes_on_at = end - window.end if end > window.end - _LONGEST_BREAK else None
        text = match[0].replace(rb"\n", b"").replace(rb"\r", b"").translate(None, b" \t\n\r\v\f=")
        found = self._decode_hexadecimal(text)
        standard = text.translate(_TO_STANDARD)
        for decoder in self._base64:
            found = found or decoder.feed(standard)
        return self._named(found) if found else None

    def _decode_hexadecimal(self, text: bytes) -> str | None:
        found = None
        text, position = self._digits + text, 0
        marks = text.translate(_IS_DIGIT)
        if self._within_digits:
            end = marks.find(b"\x00")
            position = len(text) if end < 0 else end
            found = self._feed_digits(text[:position])
            self._within_digits = end < 0
        start = marks.find(b"\x01" * _SHORTEST_ENCODED, position)
        while start >= 0 and not found:
            end = marks.find(b"\x00", start)
            if not self._hexadecimal:
                self._hexadecimal = [_Decoder(binascii.unhexlify, 2, 1, skip, self._levels) for skip in range(2)]
            for decoder in self._hexadecimal:
                decoder.begin()
            self._within_digits = end < 0
            position = len(text) if end < 0 else end
            found = self._feed_digits(text[start:position])
            start = marks.find(b"\x01" * _SHORTEST_ENCODED, position)
        # Fewer digits than count may be the first of more in the next part.
        self._digits = b"" if self._within_digits else text[max(position, len(text.rstrip(_DIGITS))) :]
        return found

    def _feed_digits(self, digits: bytes) -> str | None:
        return next((found for decoder in self._hexadecimal if (found := decoder.feed(digits))), None)

    def _named(self, found: str) -> str:
        return f"{found}, encoded as text" if self._levels == _ENCODED_LEVELS else found


class _Decoder:
    """Decodes groups of letters from the letter ``skip`` of each text on, and searches what comes out."""

    def __init__(self, decode: Callable[[bytes], bytes], letters: int, size: int, skip: int, levels: int) -> None:
        """A group of ``letters`` letters stands for ``size`` bytes."""
        self.search = _Search(levels - 1)
        self._decode, self._letters, self._size, self._skip = decode, letters, size, skip
        self._rest = b""
        self._begins = False

    def begin(self) -> None:
        """Begin a text."""
        # Zeros and the letters to skip are one group, and a byte that belongs to no text takes its place.
        self._rest = b"0" * (self._letters - self._skip)
        self._begins = True

    def feed(self, text: bytes) -> str | None:
        """Take in more of the text: letters of the standard alphabet."""
        text = self._rest + text
        whole = len(text) - len(text) % self._letters
        self._rest = text[whole:]
        decoded = self._decode(text[:whole])
        if self._begins and decoded:
            decoded = b"\x00" + decoded[self._size :]
            self._begins = False
        return self.search.feed(decoded)
