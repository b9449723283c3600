"""A ciphertext that SEAL wrote without compression, as Pyfhel's are: read before SEAL reads it.

SEAL's header (16 bytes: magic, size of the header, version, compression, size), then ``Ciphertext::save_members``:
identity of the parameters (32 bytes), NTT form (1), polynomials, ring dimension, primes, scale and correction factor
(8 bytes each), then the coefficients as a stream of their own, with a header. Of a fresh ciphertext that was made with
the secret key, these are the coefficients of the first polynomial, and one more stream follows: the generator (1 byte)
and the seed (64) that SEAL makes the second polynomial from.
https://github.com/microsoft/SEAL/blob/main/native/src/seal/ciphertext.cpp
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from he_helpers.schemes.errors import DamagedBytes, UnsupportedOperation

_UNCOMPRESSED = 0
_MAGIC = b"\x5e\xa1"
_HEADER = struct.Struct("<2sBBBBHQ")
HEADER_BYTES = _HEADER.size
_VERSION = slice(3, 5)
_MEMBERS = struct.Struct("<32x?QQQdQ")
_COEFFICIENTS_AT = HEADER_BYTES + _MEMBERS.size
_COUNT_BYTES = 8
_BLAKE2XB = 1
_SEED_BYTES = 64
_SEED_STREAM_BYTES = HEADER_BYTES + 1 + _SEED_BYTES


@dataclass(frozen=True)
class CiphertextHead:
    """What a ciphertext says about itself: its form and how many polynomials and primes it has."""

    ntt_form: bool
    polynomials: int
    ring_dimension: int
    primes: int
    scale: float
    correction_factor: int = 1


def read_head(data: bytes) -> CiphertextHead:
    """The head of the ciphertext in ``data``.

    Raises DamagedBytes where it is cut off or compressed, or its coefficients are neither those of all polynomials nor
    those of the first of two with a seed for SEAL's own generator, BLAKE2xb.
    """
    if len(data) < _COEFFICIENTS_AT + HEADER_BYTES:
        raise DamagedBytes(f"These {len(data)} bytes are too few for a ciphertext of Pyfhel.")
    if _stream_size(data, 0) != len(data):
        raise DamagedBytes("This is no ciphertext as Pyfhel serialises it without compression.")
    head = CiphertextHead(*_MEMBERS.unpack_from(data, HEADER_BYTES))
    size = _stream_size(data, _COEFFICIENTS_AT)
    end = _COEFFICIENTS_AT + size
    is_full = size == _array_size(head, head.polynomials) and end == len(data)
    is_seeded = head.polynomials == 2 and size == _array_size(head, 1) and _is_seed(data[end:])
    if not (is_full or is_seeded):
        raise DamagedBytes("This ciphertext of Pyfhel has another number of coefficients than its head says.")
    return head


def version_of(stream: bytes) -> bytes:
    """The version of the SEAL that wrote ``stream``, two bytes: a SEAL reads streams of its own version alone."""
    return stream[_VERSION]


def with_version(stream: bytes, headers: Sequence[int], version: bytes) -> bytes:
    """``stream`` with another version in those of its headers that begin at these places.

    Raises UnsupportedOperation where no header is: the layout has changed, with or without the version.
    """
    changed = bytearray(stream)
    for place in headers:
        if changed[place : place + len(_MAGIC)] != _MAGIC:
            raise UnsupportedOperation(
                "TenSEAL and Pyfhel hold versions of SEAL that serialise differently. Install the versions of "
                "requirements.lock, or encrypt with the public key."
            )
        changed[place + _VERSION.start : place + _VERSION.stop] = version
    return bytes(changed)


def uncompressed_stream(content: bytes, like: bytes) -> bytes:
    """``content`` behind a header of SEAL without compression, of the version of the stream ``like``."""
    size = HEADER_BYTES + len(content)
    return _HEADER.pack(_MAGIC, HEADER_BYTES, *version_of(like), _UNCOMPRESSED, 0, size) + content


def seeded_ciphertext(content: bytes, version: bytes) -> bytes:
    """A ciphertext with a seed for the SEAL of this version, from what another SEAL wrote behind its first header.

    Versions 4.1 (Pyfhel) and 4.3 (TenSEAL) write the same. Raises UnsupportedOperation where one does not.
    """
    size = HEADER_BYTES + len(content)
    stream = _HEADER.pack(_MAGIC, HEADER_BYTES, *version, _UNCOMPRESSED, 0, size) + content
    return with_version(stream, (_COEFFICIENTS_AT, size - _SEED_STREAM_BYTES), version)


def _stream_size(data: bytes, place: int) -> int:
    """The size that the header at ``place`` gives; 0 where none is, or one of a compressed stream."""
    magic, header_size, _, _, compression, _, size = _HEADER.unpack_from(data, place)
    return size if (magic, header_size, compression) == (_MAGIC, HEADER_BYTES, _UNCOMPRESSED) else 0


def _array_size(head: CiphertextHead, polynomials: int) -> int:
    """The size of the stream of the coefficients of so many polynomials."""
    return HEADER_BYTES + _COUNT_BYTES + 8 * head.ring_dimension * head.primes * polynomials


def _is_seed(data: bytes) -> bool:
    return len(data) == _SEED_STREAM_BYTES == _stream_size(data, 0) and data[HEADER_BYTES] == _BLAKE2XB
