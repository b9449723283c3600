"""The head of a ciphertext that SEAL wrote without compression, as Pyfhel's are: read before SEAL reads the rest.

SEAL's header (16 bytes: magic, size of the header, version, compression, size), then ``Ciphertext::save_members``:
identity of the parameters (32 bytes), NTT form (1), polynomials, ring dimension, primes, scale and correction factor
(8 bytes each), then the coefficients. https://github.com/microsoft/SEAL/blob/main/native/src/seal/ciphertext.cpp
"""

import struct
from dataclasses import dataclass

from he_helpers.schemes.errors import DamagedBytes

_UNCOMPRESSED = 0
_HEADER = struct.Struct("<2sBBBBHQ")
_MEMBERS = struct.Struct("<32x?QQQdQ")


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
    """The head of the ciphertext in ``data``. Raises DamagedBytes where it is cut off or compressed."""
    if len(data) < _HEADER.size + _MEMBERS.size:
        raise DamagedBytes(f"These {len(data)} bytes are too few for a ciphertext of Pyfhel.")
    magic, header_size, _, _, compression, _, size = _HEADER.unpack_from(data)
    if (magic, header_size, compression, size) != (b"\x5e\xa1", _HEADER.size, _UNCOMPRESSED, len(data)):
        raise DamagedBytes("This is no ciphertext as Pyfhel serialises it without compression.")
    return CiphertextHead(*_MEMBERS.unpack_from(data, _HEADER.size))
