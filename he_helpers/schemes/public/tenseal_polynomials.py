"""The polynomials of a TenSEAL vector, out of its serialised form and back into it: TenSEAL shows none of them.

A ciphertext is an array of uint64 of shape (2, primes, ring dimension), modulo each prime: coefficients under BFV, the
values at the roots of unity in SEAL's order (``is_ntt_form``) under CKKS. No key takes part.
"""

import zlib
from typing import Any

import numpy as np
import zstandard

from he_helpers.schemes.errors import DamagedBytes, UnsupportedOperation
from he_helpers.schemes.public.pyfhel_stream import HEADER_BYTES, uncompressed_stream
from he_helpers.schemes.public.tenseal_message import stream_of, vector_message

_COMPRESSION = 5  # the place of this byte in SEAL's header
_NONE, _ZLIB, _ZSTD = 0, 1, 2


def polynomials_of(vector: Any) -> np.ndarray:
    """Of a ``BFVVector`` or ``CKKSVector`` in one ciphertext of two polynomials: uint64, (2, primes, ring dimension).

    Raises UnsupportedOperation for another vector.
    """
    part = _part(vector)
    shape = (2, part.coeff_modulus_size(), part.poly_modulus_degree())
    content = stream_content(stream_of(vector.serialize(), vector.size()))
    return np.frombuffer(content[-8 * int(np.prod(shape)) :], dtype="<u8").astype(np.uint64).reshape(shape)


def message_with(vector: Any, polynomials: np.ndarray) -> bytes:
    """TenSEAL's message of ``vector`` with ``polynomials`` in the place of its own: for ``ts.bfv_vector_from`` or
    ``ts.ckks_vector_from``. Size, scale and level are those of ``vector``.

    Raises UnsupportedOperation as polynomials_of does, ValueError for another shape than it gives.
    """
    part = _part(vector)
    shape = (2, part.coeff_modulus_size(), part.poly_modulus_degree())
    if polynomials.shape != shape:
        raise ValueError(f"This ciphertext has polynomials of shape {shape}, not {polynomials.shape}.")
    own = stream_of(vector.serialize(), vector.size())
    words = np.ascontiguousarray(polynomials, dtype="<u8").tobytes()
    stream = uncompressed_stream(stream_content(own)[: -len(words)] + words, own)
    return vector_message(stream, vector.size(), part.scale if part.is_ntt_form() else None)


def _part(vector: Any) -> Any:
    parts = vector.ciphertext()
    if len(parts) != 1 or parts[0].size() != 2:
        raise UnsupportedOperation("This needs a vector in one ciphertext of two polynomials.")
    return parts[0]


def stream_content(stream: bytes) -> bytes:
    """What stands behind SEAL's header."""
    compression, body = stream[_COMPRESSION], stream[HEADER_BYTES:]
    if compression == _NONE:
        return body
    if compression == _ZLIB:
        return zlib.decompress(body)
    if compression == _ZSTD:
        return zstandard.ZstdDecompressor().decompressobj().decompress(body)
    raise DamagedBytes(f"SEAL's compression {compression} is not known.")
