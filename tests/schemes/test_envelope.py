"""The envelope: what goes in comes out, and nothing else opens."""

import math

import pytest
from blake3 import blake3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from he_helpers.schemes.envelope import KINDS, MAGIC, VERSION, open_envelope, seal_envelope
from he_helpers.schemes.errors import DamagedBytes

NAMES = st.sampled_from(sorted(KINDS))
# How long an example takes depends on what else the machine does.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def forged(body: bytes, kind: str = "table", version: int = VERSION) -> bytes:
    """An envelope around any body, with the right digest."""
    prefix = MAGIC + bytes([version, KINDS[kind]])
    return prefix + blake3(prefix + body).digest(16) + body


@unhurried
@given(kind=NAMES, body=st.binary())
def test_round_trip(kind, body):
    sealed = seal_envelope(kind, body)
    assert open_envelope(sealed, kind) == body
    assert open_envelope(memoryview(bytearray(sealed)), kind) == body
    assert seal_envelope(kind, body) == sealed == forged(body, kind)


@unhurried
@given(kind=NAMES, body=st.binary(), place=st.floats(0, 1, exclude_max=True), mask=st.integers(1, 255))
def test_flipped_byte(kind, body, place, mask):
    data = bytearray(seal_envelope(kind, body))
    data[int(place * len(data))] ^= mask
    with pytest.raises(DamagedBytes):
        open_envelope(bytes(data), kind)


@settings(unhurried, max_examples=30)
@given(kind=NAMES, body=st.binary(), more=st.binary(min_size=1))
def test_truncated_or_lengthened(kind, body, more):
    data = seal_envelope(kind, body)
    for end in range(len(data)):
        with pytest.raises(DamagedBytes):
            open_envelope(data[:end], kind)
    with pytest.raises(DamagedBytes, match="truncated or altered"):
        open_envelope(data + more, kind)


@unhurried
@given(data=st.binary())
def test_any_bytes(data):
    with pytest.raises(DamagedBytes):
        open_envelope(data, "table")


@pytest.mark.parametrize("kind", KINDS)
def test_another_kind(kind):
    for other in set(KINDS) - {kind}:
        with pytest.raises(DamagedBytes, match=f"holds a {other}, and a {kind} was expected"):
            open_envelope(seal_envelope(other, b""), kind)


def test_messages():
    for data, message in (
        (b"", "Empty bytes, where a table was expected"),
        (b"\x80\x04pickle of something", "not an envelope of this course"),
        (MAGIC, "truncated envelope"),
        (forged(b"\x90", version=9), "version 9; this package reads version 3"),
        (MAGIC + bytes([VERSION, 99]) + bytes(20), "unknown object"),
    ):
        with pytest.raises(DamagedBytes, match=message):
            open_envelope(data, "table")


@pytest.mark.parametrize("wrong", [None, "text", 5, [1], math.pi])
def test_wrong_types(wrong):
    with pytest.raises(TypeError, match="An envelope is bytes"):
        open_envelope(wrong, "table")
