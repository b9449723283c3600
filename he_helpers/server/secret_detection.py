"""Find secret keys in bytes that nobody has vouched for, before any parser of a library sees them.

The whole body is searched, at every offset, for the structures that a secret key is written in, so it does
not matter which field of an envelope, which label or which file around it holds the key. Text in base64 or
hexadecimal is decoded and searched as well, two levels deep. Each structure is matched in full (a header, its
lengths, and what they point to): two bytes of magic would appear by chance in any two megabytes of
ciphertext.

Not found are keys that were compressed by a general-purpose program, encrypted, split, or stripped of their
headers: this protects a data administrator from a mistake. What protects against the server is that the key
never gets there.

Layouts: Microsoft SEAL 4.1, native/src/seal/serialization.h, plaintext.cpp and dynarray.h (a SecretKey is
written as a Plaintext); Zstandard frames, RFC 8878 section 3.1.1; TenSEAL,
tenseal/proto/tensealcontext.proto; private keys in DER, RFC 8017 appendix A.1.2, RFC 5958 section 2, RFC 5915
section 3; phe/command_line.py (JSON web key); pickletools.
"""

import base64
import binascii
import pickletools
import re
import zlib
from collections.abc import Iterator

_ENCODED_LEVELS = 2


def find_secret_key(data: bytes) -> str | None:
    """The kind of secret in ``data`` ("a TenSEAL context with its secret key"); None if there is none."""
    return _find(data, _ENCODED_LEVELS)


def _find(data: bytes, levels: int) -> str | None:
    for search in _SEARCHES:
        if found := search(data):
            return found
    if levels:
        for decoded in _decoded_texts(data):
            if found := _find(decoded, levels - 1):
                return f"{found}, encoded as text" if levels == _ENCODED_LEVELS else found
    return None


# Microsoft SEAL, the library inside both TenSEAL and Pyfhel.

# Magic, header size 16, major and minor version, compression (none, zlib, zstd), two reserved bytes, size.
_SEAL_HEADER = re.compile(rb"\x5e\xa1\x10[\x03-\x09][\x00-\x1f]([\x00-\x02])\x00\x00(.{8})", re.DOTALL)
_SEAL_HEADER_BYTES = 16
_UNCOMPRESSED, _ZLIB = 0, 1
# A Plaintext: 32 bytes of parameter identifier, a count, a scale, then an array (header, count, values of 8).
_COUNT_AT, _ARRAY_AT, _VALUES_AT = 32, 48, 72
_SMALLEST_RING, _LARGEST_COUNT = 1024, 2**24


def _find_seal_secret_key(data: bytes) -> str | None:
    for match in _SEAL_HEADER.finditer(data):
        size = int.from_bytes(match[2], "little")
        content = data[match.end() : match.start() + min(size, _SEAL_HEADER_BYTES + _VALUES_AT)]
        if match[1][0] == _UNCOMPRESSED:
            found = _is_seal_plaintext(content, size - _SEAL_HEADER_BYTES)
        elif match[1][0] == _ZLIB:
            found = _is_seal_plaintext(_inflated_start(data[match.end() : match.end() + 1024]), None)
        else:
            found = _is_plaintext_size(_zstandard_content_size(content))
        if found:
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


# TenSEAL: a protocol buffer with the encryption parameters (1), the public context (2), the private one (3).

_PARAMETERS, _PUBLIC, _PRIVATE = 1, 2, 3
_BYTES = 2  # the wire type of fields that have a length
_MOST_FIELDS = 8


def _find_tenseal_private_context(data: bytes) -> str | None:
    for match in _SEAL_HEADER.finditer(data):
        start = _start_of_field_with(data, match.start(), int.from_bytes(match[2], "little"))
        if start is None:
            continue
        for field, content in _length_delimited_fields(data, start):
            if field == _PRIVATE and any(
                inner == 1 and _SEAL_HEADER.match(value)
                for inner, value in _length_delimited_fields(content, 0)
            ):
                return "a TenSEAL context with its secret key"
    return None


def _start_of_field_with(data: bytes, value_at: int, size: int) -> int | None:
    """Where field 1 begins, if a value of ``size`` bytes at ``value_at`` is its content."""
    tag = bytes([_PARAMETERS << 3 | _BYTES]) + _varint(size)
    start = value_at - len(tag)
    return start if start >= 0 and data[start:value_at] == tag else None


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])


def _length_delimited_fields(data: bytes, position: int) -> Iterator[tuple[int, bytes]]:
    """The fields with a length of a protocol buffer that begins at ``position``, up to what is none.

    No more than _MOST_FIELDS are read: hostile bytes can look like a protocol buffer from every position on.
    The length of a last field may reach beyond the bytes: a truncated key is still most of a key.
    """
    for _ in range(_MOST_FIELDS):
        if position >= len(data):
            return
        tag, position = _read_varint(data, position)
        field, wire_type = tag >> 3, tag & 7
        if not 1 <= field <= 15:
            return
        if wire_type == _BYTES:
            size, position = _read_varint(data, position)
            yield field, data[position : position + size]
            position += size
        elif wire_type == 0:
            _, position = _read_varint(data, position)
        elif wire_type in (1, 5):
            position += 8 if wire_type == 1 else 4
        else:
            return


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    number = 0
    for index, byte in enumerate(data[position : position + 10]):
        number |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return number, position + index + 1
    return 0, len(data)


# This package's own formats.

# An envelope (see he_helpers.schemes.envelope) of kind 5, a key pair: a digest, then a list of four fields of
# which the first is the scheme's name.
_KEY_PAIR_ENVELOPE = re.compile(rb"HEC[\x01-\x0f]\x05.{16}\x94[\xa1-\xbf][a-z]{4}", re.DOTALL)

# A keyring file (see he_helpers.roles.keyring): version, the three parameters of scrypt. Its keys are
# encrypted, under a passphrase that may be weak.
_KEYRING = re.compile(rb"HEKR[\x01-\x0f][\x01-\x1f]\x00\x00..\x00\x00..", re.DOTALL)


def _find_own_key_pair(data: bytes) -> str | None:
    if _KEY_PAIR_ENVELOPE.search(data):
        return "a key pair of this course, as SecretKey.to_bytes() writes it"
    if _KEYRING.search(data):
        return "a keyring of this course"
    return None


# phe, and anything else that names the parts of a private key in JSON, in Python or in a text file.

_QUOTE = rb"\\{0,3}[\"']?"
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
_WEB_KEY = re.compile(rb"key_ops" + _QUOTE + rb"\s*:\s*\[[^\]]{0,200}decrypt")
# The same two factors in msgpack: the texts "p" and "q" as keys, each with bytes or text for a value.
_MSGPACK_VALUE = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4}


def _find_named_factors(data: bytes) -> str | None:
    names = set()
    for start in _starts_of_text(data, _SHORTEST_VALUE):
        if named := _NAME_BEFORE_VALUE.search(data, max(0, start - _LONGEST_NAME), start):
            names.add(named[1].lower())
    if names - _HALF_NAMES or any(pair <= names for pair in _NAME_PAIRS):
        return "a private key in JSON or text, as phe's command line writes it"
    if b"decrypt" in data and _WEB_KEY.search(data):
        return "a private JSON web key, as phe's command line writes it"
    position = data.find(b"\xa1p")
    while position >= 0:
        size_bytes = _MSGPACK_VALUE.get(data[position + 2], 0) if position + 2 < len(data) else 0
        if size_bytes:
            value_at = position + 3 + size_bytes
            end = value_at + int.from_bytes(data[position + 3 : value_at], "big")
            if (
                data[end : end + 2] == b"\xa1q"
                and data[end + 2 : end + 3] == data[position + 2 : position + 3]
            ):
                return "the two factors of a Paillier private key"
        position = data.find(b"\xa1p", position + 1)
    return None


# Private keys in PEM and DER.

_PEM = re.compile(rb"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_OPENSSH = b"openssh-key-v1\x00"
# A sequence that begins with a version number, 0 or 1.
_DER_START = re.compile(rb"\x30(?:[\x20-\x7f]|\x81.|\x82..)\x02\x01[\x00\x01]", re.DOTALL)
_INTEGER, _OCTETS, _IDENTIFIER, _SEQUENCE, _CONTEXT_0 = 0x02, 0x04, 0x06, 0x30, 0xA0
_SMALLEST_SECRET = 16


def _find_pem_or_der(data: bytes) -> str | None:
    if (b"PRIVATE KEY" in data and _PEM.search(data)) or _OPENSSH in data:
        return "a private key in PEM or OpenSSH form"
    for match in _DER_START.finditer(data):
        parts = _der_parts(data, match.end())
        tags = [tag for tag, _, _ in parts]
        sizes = [size for _, _, size in parts]
        rsa = (
            tags == [_INTEGER] * 3
            and sizes[0] >= _SMALLEST_SECRET
            and sizes[1] <= 8
            and sizes[2] >= _SMALLEST_SECRET
        )
        pkcs8 = tags[:2] == [_SEQUENCE, _OCTETS] and data[parts[0][1]] == _IDENTIFIER and sizes[0] <= 64
        elliptic = tags[:2] == [_OCTETS, _CONTEXT_0] and data[parts[1][1]] == _IDENTIFIER
        if rsa or (pkcs8 or elliptic) and max(sizes[:2]) >= _SMALLEST_SECRET:
            return "a private key in DER form"
    return None


def _der_parts(data: bytes, position: int) -> list[tuple[int, int, int]]:
    """Tag, start of the content and size of up to three elements from ``position`` on."""
    parts = []
    while len(parts) < 3 and position + 4 < len(data):
        tag, size, start = data[position], data[position + 1], position + 2
        if size > 0x82 or size == 0x80:
            break
        if size > 0x80:
            start += size - 0x80
            size = int.from_bytes(data[position + 2 : start], "big")
        if start >= len(data):
            break
        parts.append((tag, start, size))
        position = start + size
    return parts


# Pickles: no key by themselves, but code for whoever loads them, and the way in which keys often travel.

_PICKLE_START = re.compile(rb"\x80[\x00-\x05]")
_PICKLES_WITHIN = (
    # protocols 4 and 5: a frame and its length, below 16 MiB
    re.compile(rb"\x80[\x04\x05]\x95.{3}\x00{5}", re.DOTALL),
    # protocols 2 and 3: an empty container and its memo, or a class
    re.compile(rb"\x80[\x02\x03](?:[\]})]q\x00|c[A-Za-z_][\w.]{2,80}\n[A-Za-z_]\w{2,80}\n)"),
    # protocols 0 and 1: a class of a module that has to do with data or with keys
    re.compile(
        rb"c(?:copy_?reg|__builtin__|builtins|_codecs|posix|nt|os|(?:numpy|tenseal|Pyfhel|phe)[\w.]{0,80})\n"
        rb"\w{2,80}\n"
    ),
)


def _find_pickle(data: bytes) -> str | None:
    if any(stream.search(data) for stream in _PICKLES_WITHIN) or _is_pickle(data):
        return "a pickle, which is code and never accepted"
    return None


def _is_pickle(data: bytes) -> bool:
    """Whether ``data`` is one stream of opcodes from its first byte to its last; none is executed."""
    if not (_PICKLE_START.match(data) and data.endswith(b".")):
        return False
    try:
        *_, (_, _, last) = pickletools.genops(data)
    except Exception:  # whatever random bytes make of an opcode's argument
        return False
    return last == len(data) - 1


_SEARCHES = (
    _find_tenseal_private_context,
    _find_seal_secret_key,
    _find_own_key_pair,
    _find_named_factors,
    _find_pem_or_der,
    _find_pickle,
)


# Text that stands for bytes.

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-"
_TEXT_RUN = re.compile(rb"[A-Za-z0-9+/_=-]+(?:(?:\\[nr]|\s){1,4}[A-Za-z0-9+/_=-]+)*")
_SHORTEST_ENCODED = 40
# Marks the letters of base64, so that runs of them are found at the speed of bytes.find: a regular expression
# would spend most of an upload's time looking at ciphertexts, which hold none.
_IS_TEXT = bytes(1 if byte in _ALPHABET else 0 for byte in range(256))
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_HEXADECIMAL = re.compile(rb"[0-9A-Fa-f]{40,}")


def _decoded_texts(data: bytes) -> Iterator[bytes]:
    """The bytes that runs of base64 or hexadecimal text in ``data`` stand for."""
    end = 0
    for start in _starts_of_text(data, _SHORTEST_ENCODED):
        if start < end:
            continue
        match = _TEXT_RUN.match(data, start)
        end = match.end()
        text = re.sub(rb"\\[nr]|\s|=", b"", match[0])
        # A length byte before the text can look like text itself, so each of its first characters is tried.
        for skipped in range(4):
            if decoded := _from_base64(text[skipped:]):
                yield decoded
        for run in _HEXADECIMAL.finditer(text):
            for skipped in range(2):
                digits = run[0][skipped:]
                yield binascii.unhexlify(digits[: len(digits) // 2 * 2])


def _from_base64(text: bytes) -> bytes:
    text = text.translate(_TO_STANDARD)
    try:
        return base64.b64decode(text[: len(text) // 4 * 4])
    except binascii.Error:
        return b""


def _starts_of_text(data: bytes, length: int) -> Iterator[int]:
    """Where runs of at least ``length`` letters of base64 begin."""
    marks = data.translate(_IS_TEXT)
    wanted = b"\x01" * length
    start = marks.find(wanted)
    while start >= 0:
        yield start
        end = marks.find(b"\x00", start)
        start = marks.find(wanted, end) if end >= 0 else -1
