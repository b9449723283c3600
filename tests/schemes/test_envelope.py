"""The envelope: what goes in comes out, and nothing else opens."""

import math

import msgpack
import pytest
from blake3 import blake3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from he_helpers.schemes.envelope import KINDS, MAGIC, VERSION, open_envelope, seal_envelope
from he_helpers.schemes.errors import DamagedBytes
from he_helpers.schemes.public import load_public_key
from he_helpers.schemes.public.interface import fields as fields_module

NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False)
LEAVES = st.none() | st.booleans() | NUMBERS | st.text() | st.binary()
FIELDS = st.lists(
    st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)),
    max_size=5,
)
NAMES = st.sampled_from(sorted(KINDS))
# How long an example takes depends on what else the machine does.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def forged(body: bytes, kind: str = "table", version: int = VERSION) -> bytes:
    """An envelope around any body, with the right digest."""
    prefix = MAGIC + bytes([version, KINDS[kind]])
    return prefix + blake3(prefix + body).digest(16) + body


@unhurried
@given(kind=NAMES, fields=FIELDS)
def test_round_trip(kind, fields):
    sealed = seal_envelope(kind, fields)
    assert open_envelope(sealed, kind) == fields
    assert open_envelope(memoryview(bytearray(sealed)), kind) == fields
    assert seal_envelope(kind, fields) == sealed == forged(msgpack.packb(fields), kind)


@unhurried
@given(kind=NAMES, fields=FIELDS, place=st.floats(0, 1, exclude_max=True), mask=st.integers(1, 255))
def test_flipped_byte(kind, fields, place, mask):
    data = bytearray(seal_envelope(kind, fields))
    data[int(place * len(data))] ^= mask
    with pytest.raises(DamagedBytes):
        open_envelope(bytes(data), kind)


@settings(unhurried, max_examples=30)
@given(kind=NAMES, fields=FIELDS, more=st.binary(min_size=1))
def test_truncated_or_lengthened(kind, fields, more):
    data = seal_envelope(kind, fields)
    for end in range(len(data)):
        with pytest.raises(DamagedBytes):
            open_envelope(data[:end], kind)
    with pytest.raises(DamagedBytes, match="truncated or altered"):
        open_envelope(data + more, kind)
    with pytest.raises(DamagedBytes, match="no msgpack data"):
        open_envelope(forged(msgpack.packb(fields) + more, kind), kind)


@unhurried
@given(data=st.binary())
def test_any_bytes(data):
    with pytest.raises(DamagedBytes):
        open_envelope(data, "table")


@unhurried
@given(body=st.binary())
def test_any_body_with_the_right_digest(body):
    try:
        assert isinstance(open_envelope(forged(body), "table"), list)
    except DamagedBytes:
        pass


@pytest.mark.parametrize("kind", KINDS)
def test_another_kind(kind):
    for other in set(KINDS) - {kind}:
        with pytest.raises(DamagedBytes, match=f"holds a {other}, and a {kind} was expected"):
            open_envelope(seal_envelope(other, []), kind)


def test_messages():
    for data, message in (
        (b"", "Empty bytes, where a table was expected"),
        (b"\x80\x04pickle of something", "not an envelope of this course"),
        (MAGIC, "truncated envelope"),
        (forged(b"\x90", version=9), "version 9; this package reads version 3"),
        (MAGIC + bytes([VERSION, 99]) + bytes(20), "unknown object"),
        (forged(msgpack.packb({"a": 1})), "not a list of fields"),
        (forged(b"\x91" * 10_000 + b"\x90"), "no msgpack data"),
        (forged(b"\x91" * 5_000_000 + b"\x90"), "no msgpack data"),
        (forged(b"\xdd\xff\xff\xff\xff"), "no msgpack data"),
        (forged(b"\xc6\xff\xff\xff\xff"), "no msgpack data"),
        (forged(msgpack.packb([{1: 2}])), "no msgpack data"),
        (forged(b"\x91\xa1\xff"), "no msgpack data"),
        (forged(b"\x91\xc7\x05\xff12345"), "no msgpack data"),
    ):
        with pytest.raises(DamagedBytes, match=message):
            open_envelope(data, "table")


@pytest.mark.parametrize("wrong", [None, "text", 5, [1], math.pi])
def test_wrong_types(wrong):
    with pytest.raises(TypeError, match="An envelope is bytes"):
        open_envelope(wrong, "table")


def test_a_public_key_is_opened_once(keys, monkeypatch):
    def counting(data, kind):
        opened.append(kind)
        return open_envelope(data, kind)

    opened = []
    monkeypatch.setattr(fields_module, "open_envelope", counting)
    assert load_public_key(keys.public.to_bytes()).fingerprint == keys.public.fingerprint
    assert opened == ["public key"]
