"""The envelope around every key, ciphertext, table and aggregate that leaves a process.

Layout: ``b"HEC"``, one byte version, one byte kind, a BLAKE3 digest of 16 bytes over all that follows and precedes,
then the body, one message (``schemes.records``). Everything is checked before the reader of messages, and long before a
library's native parser, sees a byte. The digest finds damage; it authenticates nobody, since anyone can compute it.
What is within a table or an aggregate has no envelope of its own but the key.
"""

from blake3 import blake3

from he_helpers.schemes.errors import DamagedBytes, WrongKind

MAGIC = b"HEC"
VERSION = 3
KINDS = {
    "public key": 1,
    "ciphertext": 2,
    "table": 3,
    "aggregate": 4,
    "key pair": 5,
    "table header": 6,
    "quorum key": 7,
    "key share": 8,
    "partial decryption": 9,
    "ceremony letter": 10,
}
_DIGEST_BYTES = 16
_PREFIX_BYTES = len(MAGIC) + 2
_HEADER_BYTES = _PREFIX_BYTES + _DIGEST_BYTES


def _digest(prefix: bytes, body: bytes | memoryview) -> bytes:
    return blake3(prefix).update(body).digest(_DIGEST_BYTES)


def seal_envelope(kind: str, body: bytes) -> bytes:
    """Wrap ``body`` as an envelope of ``kind``."""
    prefix = MAGIC + bytes([VERSION, KINDS[kind]])
    return b"".join((prefix, _digest(prefix, body), body))


def open_envelope(data: bytes, kind: str) -> memoryview:
    """Check an envelope of ``kind`` and return its body, as a view of ``data`` where that is bytes.

    Raises DamagedBytes when the bytes are empty, no envelope, of another version or kind, truncated or altered;
    WrongKind for anything but bytes.
    """
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise WrongKind(f"An envelope is bytes, what to_bytes() returned; this is {type(data).__name__}.")
    data = bytes(data)  # which copies nothing where it is bytes
    if not data:
        raise DamagedBytes(f"Empty bytes, where a {kind} was expected. Send the bytes that to_bytes() returned.")
    if data[: len(MAGIC)] != MAGIC:
        raise DamagedBytes(
            f"These {len(data):,} bytes are not an envelope of this course (they do not begin with {MAGIC!r}). "
            f"A {kind} was expected: send what to_bytes() returned, not a library's own serialisation."
        )
    if len(data) < _HEADER_BYTES:
        raise DamagedBytes(f"A truncated envelope: {len(data)} bytes, and its header alone takes {_HEADER_BYTES}.")
    if data[len(MAGIC)] != VERSION:
        raise DamagedBytes(
            f"An envelope of version {data[len(MAGIC)]}; this package reads version {VERSION}. "
            "Make it again with the same version of he_helpers on both sides."
        )
    found = {number: name for name, number in KINDS.items()}.get(data[len(MAGIC) + 1], "unknown object")
    if found != kind:
        raise DamagedBytes(f"This envelope holds a {found}, and a {kind} was expected.")
    body = memoryview(data)[_HEADER_BYTES:]
    if _digest(data[:_PREFIX_BYTES], body) != data[_PREFIX_BYTES:_HEADER_BYTES]:
        raise DamagedBytes(
            f"The bytes of this {kind} were truncated or altered: their digest does not fit. "
            "Transfer them again, as bytes, without any conversion to text."
        )
    return body
