"""Serialised objects of Microsoft SEAL 4, to be changed field by field.

A stream is a header of 16 bytes and a content, compressed or not; native/src/seal/serialization.h, ciphertext.cpp and
dynarray.h. The content of a ciphertext that is not compressed:

    identifier of its parameters (32), NTT form (1), polynomials (8), ring dimension (8), primes (8), scale (8),
    correction factor (8), and an array: a header of its own (16), a count (8), and so many numbers of 8 bytes.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, replace
from random import Random

_HEADER = struct.Struct("<HBBBBHQ")
_MAGIC, _HEADER_BYTES = 0xA15E, 16
_ABOUT = struct.Struct("<32s?QQQdQ")
_START = re.compile(rb"\x5e\xa1\x10")
_SIZES = (0, 1, 2, 3, 4, 16, 1024, 4095, 4096, 8192, 2**16, 2**31, 2**32 + 2, 2**61, 2**63, 2**64 - 1)


@dataclass(frozen=True)
class SEALCiphertext:
    """The fields of a ciphertext; ``numbers`` as they stand in the stream. ``count``: None for the true one.

    version: major and minor, as in other streams of the same library, which reads no other.
    """

    version: tuple[int, int]
    parameters: bytes
    ntt_form: bool
    polynomials: int
    ring_dimension: int
    primes: int
    scale: float
    correction: int
    numbers: bytes
    count: int | None = None

    def to_bytes(self) -> bytes:
        """The stream, not compressed, every length as ``count`` says."""
        about = _ABOUT.pack(
            self.parameters,
            self.ntt_form,
            self.polynomials,
            self.ring_dimension,
            self.primes,
            self.scale,
            self.correction,
        )
        count = len(self.numbers) // 8 if self.count is None else self.count
        return self._stream(about + self._stream(struct.pack("<Q", count) + self.numbers))

    def _stream(self, content: bytes) -> bytes:
        return _HEADER.pack(_MAGIC, _HEADER_BYTES, *self.version, 0, 0, _HEADER_BYTES + len(content)) + content

    @classmethod
    def from_bytes(cls, stream: bytes) -> SEALCiphertext:
        """The inverse of to_bytes, for a stream that is not compressed."""
        about = _ABOUT.unpack_from(stream, _HEADER_BYTES)
        start = _HEADER_BYTES + _ABOUT.size + _HEADER_BYTES + 8
        return cls(version_of(stream), *about, stream[start:])

    @classmethod
    def made_up(
        cls,
        version: tuple[int, int],
        parameters: bytes,
        ntt_form: bool,
        ring_dimension: int,
        primes: int,
        scale: float,
        random: Random,
    ) -> SEALCiphertext:
        """Two polynomials of random numbers below 2^20, which every prime here exceeds."""
        count = 2 * ring_dimension * primes
        numbers = b"".join(random.getrandbits(20).to_bytes(8, "little") for _ in range(count))
        return cls(version, parameters, ntt_form, 2, ring_dimension, primes, scale, 1, numbers)


def change_ciphertext(ciphertext: SEALCiphertext, random: Random) -> SEALCiphertext:
    """The ciphertext with one field changed, its numbers as many as the fields say or as before."""
    match random.randrange(9):
        case 0:
            return replace(ciphertext, ntt_form=not ciphertext.ntt_form)
        case 1:
            changed = replace(ciphertext, polynomials=random.choice(_SIZES))
        case 2:
            changed = replace(ciphertext, ring_dimension=random.choice(_SIZES))
        case 3:
            changed = replace(ciphertext, primes=random.choice(_SIZES))
        case 4:
            scales = (0.0, -1.0, 1.0, 2.0**20, 2.0**40, 2.0**1000, float("nan"), float("inf"), 5e-324)
            return replace(ciphertext, scale=random.choice(scales))
        case 5:
            return replace(ciphertext, correction=random.choice(_SIZES))
        case 6:
            others = (bytes(32), b"\xff" * 32, random.randbytes(32), _bit_changed(ciphertext.parameters, random))
            return replace(ciphertext, parameters=random.choice(others))
        case 7:
            return replace(ciphertext, count=random.choice(_SIZES))
        case _:
            numbers = bytearray(ciphertext.numbers)
            fill = random.choice((bytes(8), b"\xff" * 8, random.randbytes(8)))
            # An earlier change may have left none.
            at = random.randrange(max(1, len(numbers) // 8)) * 8
            # One number, or all of them: a ciphertext of zeros alone is one that everybody can read.
            span = random.choice((8, len(numbers)))
            numbers[at : at + span] = fill * (len(numbers[at : at + span]) // 8)
            return replace(ciphertext, numbers=bytes(numbers))
    needed = 8 * changed.polynomials * changed.ring_dimension * changed.primes
    if random.random() < 0.7 and needed < 2 * len(ciphertext.numbers):
        changed = replace(changed, numbers=(ciphertext.numbers * 2)[:needed])
    return changed


def change_streams(data: bytes, random: Random) -> bytes:
    """Some bytes of one SEAL stream in ``data`` changed: in its header, or in the fields that follow."""
    starts = [match.start() for match in _START.finditer(data)]
    if not starts:
        return data
    start = random.choice(starts)
    changed = bytearray(data)
    match random.randrange(5):
        case 0:
            changed[start + 5 : start + 6] = bytes([random.choice((0, 1, 2, 3, 255))])  # compression
        case 1:
            changed[start + 8 : start + 16] = random.choice(_SIZES).to_bytes(8, "little")  # size
        case 2:
            at = start + random.randrange(_HEADER_BYTES)
            changed[at : at + 1] = bytes([random.randrange(256)])
        case 3:
            at = start + _HEADER_BYTES + random.randrange(_ABOUT.size + 24)
            changed[at : at + 1] = bytes([random.randrange(256)])
        case 4:
            at = start + _HEADER_BYTES + 8 * random.randrange(12)
            changed[at : at + 8] = random.choice(_SIZES).to_bytes(8, "little")
    return bytes(changed)


def is_open(stream: bytes) -> bool:
    """Whether these bytes are a stream that is not compressed."""
    return stream.startswith(_MAGIC.to_bytes(2, "little")) and stream[5] == 0


def version_of(stream: bytes) -> tuple[int, int]:
    """Major and minor version in the header of a stream."""
    return stream[3], stream[4]


def _bit_changed(data: bytes, random: Random) -> bytes:
    changed = bytearray(data)
    changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)
