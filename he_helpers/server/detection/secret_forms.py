"""The structures that secret keys are written in. Each form takes a window and says what was found, or None.

A structure is matched in full (a header, its lengths, and what they point to): two bytes of magic would appear by
chance in any two megabytes of ciphertext.

Layouts: Microsoft SEAL 4.1, native/src/seal/serialization.h, plaintext.cpp and dynarray.h (a SecretKey is written as a
Plaintext); Zstandard frames, RFC 8878 section 3.1.1; TenSEAL, tenseal/proto/tensealcontext.proto; private keys in DER,
RFC 8017 appendix A.1.2, RFC 5958 section 2, RFC 5915 section 3; phe/command_line.py (JSON web key).
"""

import re
import zlib

from he_helpers.server.detection.search_window import BEHIND, Window

# Microsoft SEAL, the library inside both TenSEAL and Pyfhel.

# Magic, header size 16, major and minor version, compression (none, zlib, zstd), two reserved bytes, size.
_SEAL_HEADER = re.compile(rb"\x5e\xa1\x10(?=[\x03-\x09][\x00-\x1f]([\x00-\x02])\x00\x00(.{8}))", re.DOTALL)
_SEAL_HEADER_BYTES = 16
_UNCOMPRESSED, _ZLIB = 0, 1
# A Plaintext: 32 bytes of parameter identifier, a count, a scale, then an array (header, count, values of 8).
_COUNT_AT, _ARRAY_AT, _VALUES_AT = 32, 48, 72
_SMALLEST_RING, _LARGEST_COUNT = 1024, 2**24
# TenSEAL writes a context as a protocol buffer, in which field 3 is the private part, and field 1 of that is the key.
_IN_PRIVATE_PART = re.compile(rb"\x1a[\x80-\xff]{0,4}[\x00-\x7f]\x0a[\x80-\xff]{0,4}[\x00-\x7f]\Z")


def _find_seal_secret_key(window: Window) -> str | None:
    data = window.data
    for match in window.matches(_SEAL_HEADER):
        start, content_at = match.start(), match.start() + _SEAL_HEADER_BYTES
        size = int.from_bytes(match[2], "little")
        content = data[content_at : start + min(size, _SEAL_HEADER_BYTES + _VALUES_AT)]
        if match[1][0] == _UNCOMPRESSED:
            found = _is_seal_plaintext(content, size - _SEAL_HEADER_BYTES)
        elif match[1][0] == _ZLIB:
            found = _is_seal_plaintext(_inflated_start(data[content_at : content_at + 1024]), None)
        else:
            found = _is_plaintext_size(_zstandard_content_size(content))
        if found:
            if _IN_PRIVATE_PART.search(data, max(0, start - BEHIND), start):
                return "a TenSEAL context with its secret key"
            return "a secret key (or unencrypted values) as Microsoft SEAL writes it for TenSEAL and Pyfhel"
    return None


def _is_seal_plaintext(content: bytes, size: int | None) -> bool:
    """Whether the start of a SEAL object's content is that of a Plaintext as large as a key is."""
    if len(content) < _VALUES_AT:
        return False
    count = int.from_bytes(content[_COUNT_AT : _COUNT_AT + 8], "little")
    array = _SEAL_HEADER.match(content, _ARRAY_AT)
    return (
        array is not None
        and array[1][0] == _UNCOMPRESSED
        and int.from_bytes(array[2], "little") == _SEAL_HEADER_BYTES + 8 + 8 * count
        and int.from_bytes(content[_VALUES_AT - 8 : _VALUES_AT], "little") == count
        and size in (None, _VALUES_AT + 8 * count)
        and _is_plaintext_size(_VALUES_AT + 8 * count)
    )


def _is_plaintext_size(size: int | None) -> bool:
    """Whether a Plaintext of whole polynomials takes this many bytes.

    A ciphertext has 25 bytes more before its values, relinearisation and Galois keys have others. A frame
    that does not say its size was not written by SEAL; it counts as a secret, since it could hold one.
    """
    if size is None:
        return True
    count, rest = divmod(size - _VALUES_AT, 8)
    return rest == 0 and count % _SMALLEST_RING == 0 and _SMALLEST_RING <= count <= _LARGEST_COUNT


def _inflated_start(data: bytes) -> bytes:
    # The first byte of every zlib stream that SEAL writes; most bytes need no decompressor to be refused.
    if not data.startswith(b"\x78"):
        return b""
    try:
        return zlib.decompressobj().decompress(data, _VALUES_AT)
    except zlib.error:
        return b""


def _zstandard_content_size(frame: bytes) -> int | None:
    """The size that a Zstandard frame announces; 0 for what is no frame, None if it announces none."""
    if len(frame) < 14 or frame[:4] != b"\x28\xb5\x2f\xfd":
        return 0
    descriptor = frame[4]
    single_segment = descriptor >> 5 & 1
    size_bytes = (single_segment, 2, 4, 8)[descriptor >> 6]
    start = 5 + (1 - single_segment) + (0, 1, 2, 4)[descriptor & 3]
    if not size_bytes:
        return None
    size = int.from_bytes(frame[start : start + size_bytes], "little")
    return size + 256 if size_bytes == 2 else size


# This package's own formats.

# One pattern that begins with "HE" finds them all, in one pass over the bytes: five would take five times as long. Of
# each the rest, as a group, and what it is.
_OWN_FORMS = (
    # An envelope (see he_helpers.schemes.envelope) of kind 5, a key pair: a digest, then a list of four fields, the
    # scheme's name and a map of parameters first.
    (
        rb"C[\x01-\x0f]\x05.{16}\x94[\xa8-\xaf](?:tenseal|pyfhel|paillier)[a-z-]{0,8}+[\x80-\x8f]",
        "a key pair of this course, as SecretKey.to_bytes() writes it",
    ),
    # Kind 8, a key share: a list of four fields, the first of which is the envelope of a key in shares, kind 7.
    (
        rb"C[\x01-\x0f]\x08.{16}\x94(?:\xc4.|\xc5..|\xc6.{4})HEC[\x01-\x0f]\x07",
        "a custodian's share of a key, as KeyShare.to_bytes() writes it",
    ),
    # Kind 9, a partial decryption: a list of five fields, the first of which is a name.
    (
        rb"C[\x01-\x0f]\x09.{16}\x95[\xa1-\xbf\xd9\xda]",
        "a partial decryption in the clear: seal it to the analyst",
    ),
    # Kind 10, a letter by which custodians make a key: a list of four fields, the first of which is a digest.
    (
        rb"C[\x01-\x0f]\x0a.{16}\x94\xc4\x20",
        "a letter between custodians in the clear: seal it to its recipient",
    ),
    # A keyring file (see he_helpers.roles.keys.keyring): version, the three parameters of scrypt; or version 2, the
    # lengths of the name of a key service and of a wrapped key, and the name. Its keys are encrypted, under a
    # passphrase that may be weak.
    (
        rb"KR(?:[\x01-\x0f][\x01-\x1f]\x00\x00\x00[\x01-\x20]\x00\x00\x00[\x01-\x20]"
        rb"|\x02[\x00-\x03].[\x00-\x10].[ -~]{4})",
        "a keyring of this course",
    ),
)
_OWN_SECRET = re.compile(rb"HE(?=" + rb"|".join(rb"(" + rest + rb")" for rest, _ in _OWN_FORMS) + rb")", re.DOTALL)


def _find_own_secret(window: Window) -> str | None:
    match = next(window.matches(_OWN_SECRET), None)
    if match is None:
        return None
    assert match.lastindex is not None, "each form is a group"
    return _OWN_FORMS[match.lastindex - 1][1]


# phe, and anything else that names the parts of a private key in JSON, in Python or in a text file.

_QUOTE = rb"\\{0,3}[\"']?"
_BEFORE_VALUE = frozenset(b"\"':= \t\n\r\\")
_NAME_BEFORE_VALUE = re.compile(
    rb"(?<![a-z0-9_])(p|q|lambda|lambda_|lam|mu|hp|hq|private_?key|secret_?key|secret_?exponent)"
    + (_QUOTE + rb"\s{0,8}[:=]\s{0,8}" + _QUOTE + rb"\Z"),
    re.IGNORECASE,
)
_LONGEST_NAME = 48
_SHORTEST_VALUE = 20
# Two names that only a private key has together; other names are enough by themselves.
_NAME_PAIRS = ({b"p", b"q"}, {b"lambda", b"mu"}, {b"lambda_", b"mu"}, {b"lam", b"mu"}, {b"hp", b"hq"})
_HALF_NAMES = set().union(*_NAME_PAIRS)
_WEB_KEY = re.compile(rb"key_ops" + _QUOTE + rb"\s{0,8}:\s{0,8}\[")
_LONGEST_OPERATIONS = 200
# The same two factors in msgpack: the texts "p" and "q" as keys, each with bytes or text for a value.
_MSGPACK_VALUE = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4}
# As a pattern: bytes.find takes more than twice as long for a word of two bytes.
_FIRST_FACTOR = re.compile(rb"\xa1p(?=[\xc4-\xc6\xd9-\xdb])")
_SHORTEST_FACTOR, _LONGEST_FACTOR = 16, 4096


class NamedFactorSearch:
    """Looks for the named parts of a private key, which may stand far from each other in one stream."""

    def __init__(self) -> None:
        self._names: set[bytes] = set()

    def __call__(self, window: Window) -> str | None:
        data = window.data
        for start in window.starts_of_text(_SHORTEST_VALUE):
            if start and data[start - 1] in _BEFORE_VALUE:
                named = _NAME_BEFORE_VALUE.search(data, max(0, start - _LONGEST_NAME), start)
                if named:
                    self._names.add(named[1].lower())
        if self._names - _HALF_NAMES or any(pair <= self._names for pair in _NAME_PAIRS):
            return "a private key in JSON or text, as phe's command line writes it"
        if any(_is_for_decryption(data, match.end()) for match in window.matches(_WEB_KEY)):
            return "a private JSON web key, as phe's command line writes it"
        if any(_are_factors(data, match.start()) for match in window.matches(_FIRST_FACTOR)):
            return "the two factors of a Paillier private key"
        return None


def _is_for_decryption(data: bytes, position: int) -> bool:
    """Whether the list of operations that begins at ``position`` has "decrypt" in it."""
    found = data.find(b"decrypt", position, position + _LONGEST_OPERATIONS)
    return found >= 0 and data.find(b"]", position, found) < 0


def _are_factors(data: bytes, position: int) -> bool:
    """Whether two msgpack values of the same kind and of about the same length follow, the second named "q"."""
    kind, length, end = _msgpack_value(data, position + 2)
    if not _SHORTEST_FACTOR <= length <= _LONGEST_FACTOR or data[end : end + 2] != b"\xa1q":
        return False
    other_kind, other_length, _ = _msgpack_value(data, end + 2)
    return other_kind == kind and abs(other_length - length) <= 1


def _msgpack_value(data: bytes, position: int) -> tuple[int, int, int]:
    """Kind, length and end of a msgpack value of bytes or text; length 0 for any other."""
    kind = data[position] if position < len(data) else 0
    start = position + 1 + _MSGPACK_VALUE.get(kind, 0)
    length = int.from_bytes(data[position + 1 : start], "big")
    return kind, length, start + length


# Private keys in PEM and DER.

_PEM = re.compile(rb"-----BEGIN (?:[A-Z0-9]{1,20}+ ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_OPENSSH = b"openssh-key-v1\x00"
# A sequence, its length, a version number (0 or 1), and then an integer (RSA), an algorithm's identifier (PKCS #8) or
# octets (elliptic curves).
_DER_START = re.compile(
    rb"\x30(?=([\x20-\x7f]|\x81.|\x82..)\x02\x01[\x00\x01]"
    rb"(\x02[\x20-\x7f\x81\x82]|\x30[\x05-\x40]\x06|\x04[\x10-\x7f]))",
    re.DOTALL,
)
_INTEGER, _OCTETS, _IDENTIFIER, _SEQUENCE, _CONTEXT_0 = 0x02, 0x04, 0x06, 0x30, 0xA0
_SMALLEST_SECRET = 16
# How the identifiers of RSA and most others, of the curves of SECG and of Brainpool begin; and X25519, X448, Ed25519,
# Ed448, whole and with their length.
_IDENTIFIERS = (b"\x2a\x86\x48", b"\x2b\x81\x04", b"\x2b\x24\x03")
_EDWARDS = tuple(b"\x03\x2b\x65" + bytes([number]) for number in (0x6E, 0x6F, 0x70, 0x71))


def _find_pem_or_der(window: Window) -> str | None:
    if any(window.positions(_OPENSSH)) or any(window.matches(_PEM)):
        return "a private key in PEM or OpenSSH form"
    for match in window.matches(_DER_START):
        length = match[1] if len(match[1]) == 1 else match[1][1:]
        if _is_private_key_in_der(window.data, match.start(2), int.from_bytes(length, "big")):
            return "a private key in DER form"
    return None


def _is_private_key_in_der(data: bytes, position: int, length: int) -> bool:
    """Whether the parts from ``position`` on, which follow the version number in a sequence of ``length`` bytes, are
    those of a private key."""
    parts = _der_parts(data, position)
    tags = [tag for tag, _, _ in parts]
    sizes = [size for _, _, size in parts]
    if tags == [_INTEGER] * 3:
        # Two factors, two remainders of the private exponent and a coefficient follow, each half as long.
        modulus, public, private = sizes
        return public <= 8 and modulus - 8 <= private <= modulus + 1 and 4 * modulus <= length <= 5 * modulus + 64
    if tags[:2] == [_SEQUENCE, _OCTETS]:
        (_, algorithm_at, algorithm_size), (_, key_at, _) = parts[:2]
        is_algorithm = data.startswith(_EDWARDS, algorithm_at + 1) or data.startswith(_IDENTIFIERS, algorithm_at + 2)
        is_key = sizes[1] >= _SMALLEST_SECRET and data[key_at] in (_SEQUENCE, _OCTETS)
        return is_algorithm and is_key and data[algorithm_at + 1] + 2 <= algorithm_size
    if tags[:2] == [_OCTETS, _CONTEXT_0]:
        _, curve_at, curve_size = parts[1]
        is_curve = data[curve_at] == _IDENTIFIER and data.startswith(_IDENTIFIERS, curve_at + 2)
        return is_curve and data[curve_at + 1] + 2 == curve_size
    return False


def _der_parts(data: bytes, position: int) -> list[tuple[int, int, int]]:
    """Tag, start of the content and size of up to three elements from ``position`` on."""
    parts: list[tuple[int, int, int]] = []
    while len(parts) < 3 and position + 4 < len(data):
        tag, size, start = data[position], data[position + 1], position + 2
        if size > 0x82 or size == 0x80:
            break
        if size > 0x80:
            start += size - 0x80
            size = int.from_bytes(data[position + 2 : start], "big")
        if start + 1 >= len(data):
            break
        parts.append((tag, start, size))
        position = start + size
    return parts


FORMS = (_find_seal_secret_key, _find_own_secret, _find_pem_or_der)
