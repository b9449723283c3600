"""Messages are read in full, by their declaration, or refused by the name of the field that is wrong."""

import math
import tracemalloc
from typing import Annotated, ClassVar, Literal

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from he_helpers.schemes.envelope import seal_envelope
from he_helpers.schemes.errors import DamagedBytes
from he_helpers.schemes.public import load_public_key, loading
from he_helpers.schemes.records import Fingerprint, Message, Record, open_message, seal_message
from he_helpers.schemes.secret.records import KeyPairRecord
from tests.sealing import open_fields, seal_fields


class Part(Record, frozen=True):
    name: str
    size: Annotated[int, msgspec.Meta(ge=1, le=9)]


class Whole(Message, frozen=True):
    kind: ClassVar[str] = "table"

    parts: tuple[Part, ...]
    first: Part
    key: Fingerprint
    numbers: dict[str, int | tuple[int, ...]]
    names: tuple[tuple[str, ...], ...] | None
    amount: int | float
    width: Literal[1, 2, 4]
    certain: bool
    native: memoryview


def fields_with(**changes):
    """The fields of a Whole, with some exchanged."""
    fields = {
        "parts": [["a", 1], ["b", 9]],
        "first": ["c", 5],
        "key": bytes(range(16)),
        "numbers": {"n": 1, "m": [2, 3]},
        "names": [["x"], ["y", "z"]],
        "amount": 0.5,
        "width": 2,
        "certain": True,
        "native": b"native",
    }
    return list((fields | changes).values())


def test_round_trip():
    for change in ({}, {"names": None}, {"amount": 7}, {"amount": 2**64 - 1}, {"parts": []}, {"native": b""}):
        data = seal_fields("table", fields_with(**change))
        record = open_message(data, Whole)
        assert seal_message(record) == data
        assert open_fields(seal_message(record), "table") == fields_with(**change)
    assert (record.parts, record.first, record.native) == ((Part("a", 1), Part("b", 9)), Part("c", 5), b"")
    with pytest.raises(AttributeError):
        record.amount = 1


def test_the_large_bytes_of_a_message_are_not_copied():
    native = bytes(10**6)
    data = seal_fields("table", fields_with(native=native))
    record = open_message(data, Whole)
    assert record.native == native and record.native.obj is data
    # Bytes that can change are copied as a whole, so that what has been checked stays as it was.
    changing = bytearray(data)
    record = open_message(changing, Whole)
    changing[-1] ^= 1
    assert record.native == native


@pytest.mark.parametrize(
    "change, place",
    [
        ({"parts": [["a", 1], ["b", 10]]}, r"parts\[1\]\.size: Expected `int` <= 9"),
        ({"parts": [["a", 0]]}, r"parts\[0\]\.size: Expected `int` >= 1"),
        ({"parts": [["a", True]]}, r"parts\[0\]\.size: Expected `int`, got `bool`"),
        ({"parts": [["a", 1.0]]}, r"parts\[0\]\.size: Expected `int`, got `float`"),
        ({"parts": [["a", 1, 1]]}, r"parts\[0\]: Expected `array` of at most length 2, got 3"),
        ({"parts": [["a"]]}, r"parts\[0\]: Expected `array` of at least length 2, got 1"),
        ({"parts": [[b"a", 1]]}, r"parts\[0\]\.name: Expected `str`, got `bytes`"),
        ({"parts": {"a": 1}}, "parts: Expected `array`"),
        ({"first": ["c", None]}, r"first\.size: "),
        ({"first": None}, "first: "),
        ({"key": "text"}, "key: Expected `bytes`, got `str`"),
        ({"key": bytes(15)}, "key: Expected `bytes` of length >= 16"),
        ({"key": bytes(17)}, "key: Expected `bytes` of length <= 16"),
        ({"numbers": {"n": 1.5}}, r"numbers\[\.\.\.\]: "),
        ({"numbers": {"n": [1, "x"]}}, r"numbers\[\.\.\.\]\[1\]: Expected `int`, got `str`"),
        ({"numbers": {1: 1}}, "numbers: Expected `str`, got `int`"),
        ({"names": [["x", 5]]}, r"names\[0\]\[1\]: Expected `str`, got `int`"),
        ({"amount": True}, "amount: "),
        ({"amount": b"\1"}, "amount: "),
        ({"width": 3}, "width: Invalid enum value 3"),
        ({"certain": 1}, "certain: Expected `bool`, got `int`"),
        ({"native": "text"}, "native: Expected `bytes`, got `str`"),
    ],
)
def test_the_field_is_named(change, place):
    with pytest.raises(DamagedBytes, match=f"The fields of this table do not fit: {place}"):
        open_message(seal_fields("table", fields_with(**change)), Whole)


@pytest.mark.parametrize("fields", [[], fields_with()[:-1], [*fields_with(), 1], {}, {"parts": []}, None, 5, b"", "x"])
def test_another_number_of_fields(fields):
    with pytest.raises(DamagedBytes, match="The fields of this table do not fit: Expected `array`"):
        open_message(seal_fields("table", fields), Whole)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc1",
        b"\xdd\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\x99\x91\x92\xa1\xff\1",
        msgspec.msgpack.encode(fields_with()) + b"\0",
        msgspec.msgpack.encode(fields_with())[:-1],
    ],
)
def test_no_msgpack_data(body):
    with pytest.raises(DamagedBytes, match="no msgpack data"):
        open_message(seal_envelope("table", body), Whole)


@pytest.mark.parametrize("start", [b"", b"\x99", b"\x99\x91"])
@pytest.mark.parametrize("nest", [b"\x91", b"\x81\xa1n", b"\x81"])
@pytest.mark.parametrize("depth", [1000, 5_000_000])
def test_depth_costs_nothing(start, nest, depth):
    """Whatever is nested deeper than the declaration is refused where it begins."""
    with pytest.raises(DamagedBytes):
        open_message(seal_envelope("table", start + nest * depth + b"\x90"), Whole)


@pytest.mark.parametrize(
    "head",
    [b"\xdd\x0f\xff\xff\xff", b"\x99\xdd\x0f\xff\xff\xff", b"\x99\x90\x92\xdb\xff\xff\xff\xff"],
    ids=["fields", "parts", "text"],
)
def test_a_length_that_is_not_there_takes_no_memory(head):
    """Arrays of 268 million and text of four billion are announced, and nothing follows."""
    data = seal_envelope("table", head)
    tracemalloc.start()
    with pytest.raises(DamagedBytes):
        open_message(data, Whole)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20


def test_other_types_of_msgpack():
    """Extensions and time stamps, which plain data has not."""
    for odd in (b"\xc7\x05\xff12345", b"\xd6\xff\0\0\0\1", b"\xd4\x05\0"):
        for place in range(9):
            parts = [msgspec.msgpack.encode(field) for field in fields_with()]
            parts[place] = odd
            with pytest.raises(DamagedBytes):
                open_message(seal_envelope("table", b"\x99" + b"".join(parts)), Whole)


def test_numbers_that_are_none():
    """They are floats, and so for whoever reads the record to judge; every comparison with NaN fails."""
    record = open_message(seal_fields("table", fields_with(amount=math.nan)), Whole)
    assert not 0 <= record.amount <= math.inf


def test_of_two_equal_keys_the_last_counts():
    body = msgspec.msgpack.encode(fields_with(numbers={"n": 1, "m": 2}))
    record = open_message(seal_envelope("table", body.replace(b"\xa1m", b"\xa1n")), Whole)
    assert record.numbers == {"n": 2}


LEAVES = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary()
FIELDS = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=9) | st.dictionaries(st.text(), inner, max_size=4))


@pytest.mark.slow
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(body=st.binary() | FIELDS.map(msgspec.msgpack.encode))
def test_any_body(body):
    with pytest.raises(DamagedBytes):
        open_message(seal_envelope("table", body), Whole)


def test_a_public_key_is_opened_once(keys, monkeypatch):
    opened = []
    monkeypatch.setattr(loading, "open_message", lambda data, kind: opened.append(kind) or open_message(data, kind))
    assert load_public_key(keys.public.to_bytes()).fingerprint == keys.public.fingerprint
    assert [record.kind for record in opened] == ["public key"]


def test_a_record_of_a_key_pair_shows_nothing_of_it(keys):
    record = open_message(keys.secret.to_bytes(), KeyPairRecord)
    assert repr(record) == str(record) == f"{record}" == f"KeyPairRecord({keys.public.scheme_name})"
