"""Find pickles: no key by themselves, but code for whoever loads them, and the way in which keys often travel.

The few bytes that a pickle begins with meet uniformly random bytes by chance, so the opcodes after them are read on,
and none is executed, until the evidence is enough. Evidence is the logarithm (base 2) of Q / P: how often pickles look
like this under a model Q, and how often uniform bytes do. Under uniform bytes Q / P is a nonnegative supermartingale
that begins at 1, so the chance that it ever reaches 2^90 is at most 2^-90 (Ville's inequality). That is for a pickle
that begins at one position; in a gigabyte there are 2^30 of them, and a chance of 2^-60 is left.

The model Q: a protocol (1/12 each) or a class begins a pickle. After what can be memoised, the next number of the memo
comes with 3/4. Otherwise, each of 32 opcodes of the protocol is as likely as the others. Text is printable, names
are letters, digits, dots and underscores, and lengths are below 16 MiB. It need not be right to be a bound.

Source of the opcodes: pickletools.
"""

import math
import re
from collections.abc import Callable
from itertools import chain

from he_helpers.server.detection.search_window import Window

_EVIDENCE = 90.0
_MOST_OPCODES = 64
_PROTOCOL = 0x80

# How a pickle begins: the protocol and, from 4 on, a frame below 16 MiB; or, without a protocol, a class of a module
# that has to do with data or with keys. Two patterns, each of which begins with one certain byte: as one, they would
# take ten times as long to look through a ciphertext.
_WITH_PROTOCOL = re.compile(
    rb"\x80(?:[\x04\x05](?=\x95.{3}\x00{5})|[\x02\x03](?=[\]})(cXUKMJNGCB\x88-\x8a]))", re.DOTALL
)
_WITH_CLASS = re.compile(
    rb"c(?=(?:copy_?reg|__builtin__|builtins|_codecs|posix|nt|os|(?:numpy|tenseal|Pyfhel|phe)[\w.]{0,80}+)\n\w{2,80}+\n)",
    re.DOTALL,
)
# Uniform bytes begin like this less than once in 2^18. Where it is more than 16 times as often, and more than 64
# times in all, somebody meant it: the chance is below 2^-200. Reading on at each of them would only do their work.
_MOST_STARTS, _BYTES_FOR_ONE_MORE = 64, 2**14


class PickleSearch:
    """Looks for pickles in the windows of one stream."""

    def __init__(self) -> None:
        self._starts = 0
        self._size = 0

    def __call__(self, window: Window) -> str | None:
        self._size += window.end - window.begin
        for match in chain(window.matches(_WITH_PROTOCOL), window.matches(_WITH_CLASS)):
            self._starts += 1
            if self._starts > _MOST_STARTS + self._size // _BYTES_FOR_ONE_MORE:
                return "the beginnings of many pickles, which are code and never accepted"
            if _is_pickle(window.data, match.start()):
                return "a pickle, which is code and never accepted"
        return None


def _is_pickle(data: bytes, position: int) -> bool:
    """Whether the evidence for a pickle that begins at ``position`` is enough."""
    protocol, evidence = 0, 0.0
    if data[position] == _PROTOCOL:
        protocol, evidence = data[position + 1], 8 + math.log2(256 / 12)
        position += 2
    if protocol >= 4:
        # The opcode of a frame, and the upper five of the eight bytes of its length.
        evidence += 8 + 40
        position += 9
    opcodes = _OPCODES_OF[protocol]
    memoised, may_be_memoised = 0, False
    for _ in range(_MOST_OPCODES):
        if evidence >= _EVIDENCE:
            return True
        if position >= len(data) or (opcode := opcodes.get(data[position])) is None:
            return False
        evidence += opcode.bits_after_memoisable if may_be_memoised else _BITS_OF_ONE_IN_32
        bits, size = opcode.argument(data, position + 1, memoised)
        if size < 0:
            return False
        evidence += bits
        position += 1 + size
        may_be_memoised = opcode.can_be_memoised
        memoised += opcode.memoises
    return False


# The argument of an opcode: the evidence in it, and its size in bytes; a negative size where it is none.
_Argument = Callable[[bytes, int, int], tuple[float, int]]
_NONE = (0.0, -1)


def _fixed(size: int) -> _Argument:
    return lambda data, position, memoised: (0.0, size)


def _next_in_memo(data: bytes, position: int, memoised: int) -> tuple[float, int]:
    """The number of entries in the memo; Python 2 counts from 1."""
    return (7.0, 1) if data[position : position + 1] in (bytes([memoised]), bytes([memoised + 1])) else _NONE


def _sized(length_bytes: int, text: bool) -> _Argument:
    """A length below 16 MiB, and as many bytes."""

    def argument(data: bytes, position: int, memoised: int) -> tuple[float, int]:
        start = position + length_bytes
        length = int.from_bytes(data[position:start], "little")
        if length >= 2**24:
            return _NONE
        bits = max(0.0, 8.0 * length_bytes - 24)
        if text:
            bits += _bits_of_text(data[start : start + min(length, _MOST_LETTERS)])
        return bits, length_bytes + length

    return argument


# Half of all texts are printable, the others anything.
_MOST_LETTERS = 64
_PRINTABLE = re.compile(rb"[\x20-\x7e]*+")


def _bits_of_text(text: bytes) -> float:
    return len(text) * math.log2(256 / 95) - 1 if _PRINTABLE.fullmatch(text) else -1.0


def _lines(count: int, letters: bytes, number_of_letters: int) -> _Argument:
    """Text up to the end of a line, ``count`` times: at each letter, the line ends in one of sixteen cases."""
    pattern = re.compile(rb"(?:[" + letters + rb"]{1,80}+\n){%d}" % count)
    bits_of_letter = math.log2(256 * 15 / 16 / number_of_letters)

    def argument(data: bytes, position: int, memoised: int) -> tuple[float, int]:
        match = pattern.match(data, position)
        if match is None:
            return _NONE
        size = match.end() - position
        return (size - count) * bits_of_letter + count * math.log2(256 / 16), size

    return argument


_BITS_OF_ONE_IN_32 = math.log2(256 / 32)


class _Opcode:
    def __init__(self, argument: _Argument, can_be_memoised: bool = False, memoises: float = 0.0) -> None:
        """``memoises``: how often this one follows what can be memoised; with 1/4 it is any of the 32."""
        self.argument = argument
        self.can_be_memoised = can_be_memoised
        self.memoises = memoises > 0
        self.bits_after_memoisable = math.log2(256 * (memoises + 1 / 128))


_NUMBER_LINE = _lines(1, rb"0-9+\-.eLn", 16)
_ANY_LINE = _lines(1, rb"\x20-\x7e", 95)
_IN_EVERY_PROTOCOL = {
    **{ord(letter): _Opcode(_fixed(0)) for letter in "(NtaesuRb"},
    **{ord(letter): _Opcode(_fixed(0), can_be_memoised=True) for letter in "]})"},
    **{ord(letter): _Opcode(_fixed(size)) for letter, size in {"K": 1, "M": 2, "J": 4, "G": 8, "h": 1, "j": 4}.items()},
    ord("t"): _Opcode(_fixed(0), can_be_memoised=True),
    ord("R"): _Opcode(_fixed(0), can_be_memoised=True),
    ord("X"): _Opcode(_sized(4, text=True), can_be_memoised=True),
}
_BEFORE_4 = {
    ord("c"): _Opcode(_lines(2, rb"\w.", 64), can_be_memoised=True),
    ord("U"): _Opcode(_sized(1, text=True), can_be_memoised=True),
}
_FROM_2 = {
    **{code: _Opcode(_fixed(0)) for code in (0x88, 0x89)},
    **{code: _Opcode(_fixed(0), can_be_memoised=True) for code in (0x81, 0x85, 0x86, 0x87)},
    0x8A: _Opcode(_sized(1, text=False)),
    ord("C"): _Opcode(_sized(1, text=False), can_be_memoised=True),
    ord("B"): _Opcode(_sized(4, text=False), can_be_memoised=True),
}
_IN_0_AND_1 = {
    **{ord(letter): _Opcode(_NUMBER_LINE) for letter in "ILFg"},
    **{ord(letter): _Opcode(_ANY_LINE, can_be_memoised=True) for letter in "VS"},
    **{ord(letter): _Opcode(_fixed(0), can_be_memoised=True) for letter in "ld"},
    ord("p"): _Opcode(_NUMBER_LINE, memoises=3 / 8),
    ord("q"): _Opcode(_next_in_memo, memoises=3 / 8),
}
_IN_2_AND_3 = {ord("q"): _Opcode(_next_in_memo, memoises=3 / 4)}
_FROM_4 = {
    0x94: _Opcode(_fixed(0), memoises=3 / 4),
    0x8C: _Opcode(_sized(1, text=True), can_be_memoised=True),
    **{code: _Opcode(_fixed(0), can_be_memoised=True) for code in (0x8F, 0x93)},
}
_OPCODES_OF = {
    0: _IN_EVERY_PROTOCOL | _BEFORE_4 | _IN_0_AND_1,
    **dict.fromkeys((2, 3), _IN_EVERY_PROTOCOL | _BEFORE_4 | _FROM_2 | _IN_2_AND_3),
    **dict.fromkeys((4, 5), _IN_EVERY_PROTOCOL | _FROM_2 | _FROM_4),
}
