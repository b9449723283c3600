"""TenSEAL's serialised vector: a message of Protocol Buffers around one ciphertext stream of SEAL.

    field 1  sizes       one number: how many slots are in use
    field 2  ciphertext  one stream of SEAL
    field 3  scale       a double, the global scale; CKKS only

TenSEAL reads whatever is there. Of sizes without ciphertexts it makes a vector whose first operation reads beside its
memory and ends the process, so the message is checked here, before TenSEAL sees it. And the message of a context that
holds a public key alone, around the streams of its parameters and of the key.
"""

import struct
from functools import lru_cache

from he_helpers.schemes.errors import DamagedBytes

_LENGTH_DELIMITED, _FIXED_64 = 2, 1  # wire types of https://protobuf.dev/programming-guides/encoding/
_SIZES = bytes([1 << 3 | _LENGTH_DELIMITED])
_CIPHERTEXT = bytes([2 << 3 | _LENGTH_DELIMITED])
_SCALE = bytes([3 << 3 | _FIXED_64])


def vector_message(stream: bytes, size: int, scale: float | None) -> bytes:
    """The message of a vector of ``size`` slots around the stream of its ciphertext. scale: None for BFV."""
    return b"".join((_head(size), _varint(len(stream)), stream, _tail(scale)))


def context_message(parameters: bytes, public_key: bytes) -> bytes:
    """The message of a BFV context with a public key and no other, around the streams of SEAL of both.

    What follows the key is as TenSEAL writes it: that relinearisation is automatic, and a scale of -1, which is none.
    """
    key = _delimited(1, public_key) + bytes([2 << 3, 1, 3 << 3 | _FIXED_64]) + struct.pack("<d", -1.0)
    return _delimited(1, parameters) + _delimited(2, key)


def stream_of(message: bytes, size: int) -> bytes:
    """The stream of SEAL in a message that TenSEAL itself wrote, of a vector of ``size`` slots in one ciphertext.

    Raises DamagedBytes where it is cut off, or of another size.
    """
    length, start = _read_varint(message, len(head := _head(size)))
    if not message.startswith(head) or not 0 < length <= len(message) - start:
        raise DamagedBytes(f"This is no message of a TenSEAL vector of {size} slots in one ciphertext.")
    return message[start : start + length]


def check_vector_message(data: bytes, size: int, scale: float | None) -> None:
    """Raise DamagedBytes unless ``data`` holds one size, which is ``size``, one ciphertext, and this scale."""
    head, tail = _head(size), _tail(scale)
    if data.startswith(head) and data.endswith(tail):
        length, start = _read_varint(data, len(head))
        if start + length + len(tail) == len(data):
            return
    raise DamagedBytes(
        f"This ciphertext is no TenSEAL vector of {size} slots in one ciphertext of its key's scale. "
        "Send what to_bytes() returned."
    )


@lru_cache(maxsize=64)  # the ciphertexts of a table have few sizes
def _head(size: int) -> bytes:
    sizes = _varint(size)
    return _SIZES + _varint(len(sizes)) + sizes + _CIPHERTEXT


def _tail(scale: float | None) -> bytes:
    return b"" if scale is None else _SCALE + struct.pack("<d", scale)


def _delimited(field: int, content: bytes) -> bytes:
    return bytes([field << 3 | _LENGTH_DELIMITED]) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; the highest bit says that more follow."""
    digits = bytearray()
    while number > 127:
        digits.append(number & 127 | 128)
        number >>= 7
    return bytes([*digits, number])


def _read_varint(data: bytes, start: int) -> tuple[int, int]:
    """The number that begins at ``start``, and where the bytes after it begin. A cut-off number counts as 0."""
    number = 0
    for place, byte in enumerate(data[start : start + 10]):
        number |= (byte & 127) << 7 * place
        if byte < 128:
            return number, start + place + 1
    return 0, start
