"""What a table refuses to encrypt, what it refuses to read, and what the server can read of it."""

import copy
import itertools
import json
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from he_helpers.errors import HEError
from he_helpers.parameters import InsecureParameters, PaillierParameters
from he_helpers.schemes.errors import DamagedBytes, ShapeMismatch, ValueOutOfRange, WrongKind
from he_helpers.schemes.public.interface import PublicKey
from he_helpers.schemes.secret import paillier
from he_helpers.tables import (
    Aligned,
    Column,
    EncryptedAggregate,
    EncryptedTable,
    Labels,
    UnknownColumn,
    UnknownLabel,
    UnsupportedQuery,
)
from he_helpers.tables.header import TableHeader
from tests.schemes.conftest import SCHEMES, key_pair
from tests.sealing import open_fields, seal_fields
from tests.tables.conftest import LAYOUTS

FRAME = pd.DataFrame({"A": list("xyx"), "B": list("pqq"), "n": [1.5, 2.5, -3.5], "m": [4, 5, 6]})


def encrypt(frame=FRAME, labels=("A", "B"), **options):
    return EncryptedTable.encrypt(frame, labels, key_pair("tenseal-bfv").public, **{"decimals": 1, **options})


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: encrypt(labels=["C"]), UnknownLabel, "no column 'C' for a label. Known are: A, B, n, m"),
        (lambda: encrypt(labels=[]), ShapeMismatch, "needs rows, a label and a numeric column"),
        (lambda: encrypt(labels=["A", "A", "B"]), ShapeMismatch, "Label 'A' occurs twice"),
        (lambda: encrypt(FRAME[["A", "B"]]), ShapeMismatch, "0 other columns"),
        (lambda: encrypt(FRAME.head(0)), ShapeMismatch, "0 rows"),
        (lambda: encrypt(FRAME.set_axis(["A", "B", "n", "n"], axis=1)), ShapeMismatch, "Column 'n' occurs twice"),
        (lambda: encrypt(FRAME.set_axis(["A", "B", 1, "1"], axis=1)), ShapeMismatch, "Column '1' occurs twice"),
        (lambda: encrypt(labels=["A"]), ValueOutOfRange, "Column 'B' is not numeric"),
        (lambda: encrypt(FRAME.assign(n=[1j, 0, 0])), ValueOutOfRange, "Column 'n' is not numeric"),
        (lambda: encrypt(FRAME.assign(n=[1, np.nan, 2])), ValueOutOfRange, "1 missing or infinite values, .* row 1"),
        (lambda: encrypt(FRAME.assign(n=[1, 2, -np.inf])), ValueOutOfRange, "missing or infinite values, .* row 2"),
        (lambda: encrypt(FRAME.assign(n=pd.array([1, None, 2], "Int64"))), ValueOutOfRange, "1 missing"),
        (lambda: encrypt(FRAME.assign(A=["x", None, "y"])), ValueOutOfRange, "Label column 'A' has no value in row 1"),
        (lambda: encrypt(decimals=0), ValueOutOfRange, "more than 0 decimals, the first in row 0: 1.5"),
        (lambda: encrypt(FRAME.assign(n=[1, 2.50001, 3])), ValueOutOfRange, "than 1 decimals, .* row 1: 2.50001"),
        (lambda: encrypt(FRAME.assign(n=[1e300] * 3), decimals=12), ValueOutOfRange, "more digits than a float"),
        (lambda: encrypt(FRAME.assign(n=[1e14] * 3), decimals=3), ValueOutOfRange, "more digits than a float"),
        (lambda: encrypt(FRAME.assign(n=[1e13] * 3)), ValueOutOfRange, "holds at most"),
        (lambda: encrypt(FRAME.assign(m=np.array([2**64 - 1] * 3, "u8")), decimals={"n": 1}), ValueOutOfRange, "digit"),
        (lambda: encrypt(FRAME.assign(m=[2**62] * 3), decimals={"n": 1}), ValueOutOfRange, "holds at most"),
        (lambda: encrypt(decimals=13), ShapeMismatch, "0 to 12 decimals, not 13"),
        (lambda: encrypt(decimals=-1), ShapeMismatch, "0 to 12 decimals"),
        (lambda: encrypt(decimals=1.0), ShapeMismatch, "0 to 12 decimals"),
        (lambda: encrypt(decimals={"q": 1, "n": 1}), UnknownColumn, "no numeric columns"),
        (lambda: encrypt(layout="aligned"), WrongKind, r"one of Values\(\), Rows\(\), Aligned\(\), .* not 'aligned'"),
        (lambda: encrypt(layout=Aligned), WrongKind, "layout is an object"),
        (lambda: encrypt(layout=Aligned(partial_sums=4)), ShapeMismatch, "from 1 to the number of rows, 3"),
        (lambda: encrypt(layout=Aligned(partial_sums=0)), ShapeMismatch, "from 1 to"),
        (lambda: encrypt(layout=Aligned(groupings=[])), ShapeMismatch, "needs a grouping to answer"),
        (lambda: encrypt(layout=Aligned(groupings=[["A"], ["C"]])), UnknownLabel, "no label 'C'. Known: A, B"),
        (lambda: encrypt(layout=Aligned(groupings=[["A", "A"]])), ShapeMismatch, "each label once"),
        (lambda: encrypt(layout=Aligned(groupings=["A"])), ShapeMismatch, r"=\[\['A'\]\] for one grouping by .* 'A'"),
        (lambda: encrypt(layout=Aligned(groupings="A")), ShapeMismatch, r"write groupings=\[\['A'\]\]"),
        (lambda: encrypt(layout=Aligned(groupings=[[None]])), UnsupportedQuery, "labels of a grouping are names.* not"),
        (lambda: encrypt(labels=None), UnsupportedQuery, "labels are names, one or a list of them, not None"),
        (lambda: encrypt().group_by(["A", "B"]), UnsupportedQuery, "one by one: group_by\\('A', 'B'\\)"),
        (lambda: encrypt().group_by("A")[2018].sum(), UnknownColumn, "no numeric column '2018'. Known are: n, m"),
        (lambda: encrypt().group_by("A")[1.5], UnsupportedQuery, "columns are names.* not 1.5"),
        (lambda: encrypt(layout=Aligned(groupings=[["A", "B"], ["B", "A"]])), ShapeMismatch, "announced twice"),
    ],
)
def test_what_is_not_encrypted(call, error, message, recwarn):
    with pytest.raises(error, match=message):
        call()
    assert not recwarn.list


def test_columns_named_by_numbers_and_a_single_label():
    keys = key_pair("tenseal-bfv")
    frame = pd.DataFrame({"A": ["x", "y"], 2018: [1, 2], 2019: np.array([3, 4], "uint8")})
    table = EncryptedTable.encrypt(frame, "A", keys.public)
    assert [column.name for column in table.columns] == ["2018", "2019"] and list(frame.columns) == ["A", 2018, 2019]
    for name in ("2019", 2019, np.int64(2019), [2019]):
        assert table.group_by("A")[name].sum().decrypt(keys.secret)["2019"].tolist() == [3, 4]
    layout = Aligned(groupings=[[2018]])
    by_year = EncryptedTable.encrypt(frame, [2018, "A"], keys.public, layout=layout, decimals={2019: 1})
    assert by_year.group_by(2018).sum().decrypt(keys.secret)["2019"].to_dict() == {1: 3.0, 2: 4.0}


@given(digits=st.integers(-(10**9), 10**9), decimals=st.integers(0, 6))
def test_every_decimal_number_is_encoded_exactly(digits, decimals):
    text = f"{digits / 10**decimals:.{decimals}f}"
    column = Column("n", decimals)
    encoded = column.encode(pd.Series([float(text)]), exact=True)
    assert encoded.tolist() == [digits] and column.decode(digits, True) == float(text)


def test_a_rounded_zero_has_no_sign():
    assert str(Column("n", 2).decode(-1e-9, False)) == "0.0" and str(Column("n", 2).decode(0, True)) == "0.0"


# What the server can read


@pytest.mark.parametrize("name", SCHEMES)
@pytest.mark.parametrize("layout", LAYOUTS, ids=repr)
def test_the_description_holds_labels_and_sizes_and_no_number(name, layout):
    secret = [73451.1, 87623.3, 91937.7]
    frame = FRAME.assign(n=secret, m=[5813, 2134, 8955])
    table = EncryptedTable.encrypt(frame, ["A", "B"], key_pair(name).public, decimals=1, layout=layout)
    again = EncryptedTable.from_bytes(table.to_bytes())
    described = again.description()
    assert described == table.description()
    readable = {key: value for key, value in described.items() if key != "key_fingerprint"}
    shown = json.dumps(readable, ensure_ascii=False) + repr(table) + again.label_frame.to_csv()
    for number in [*secret, 5813, 2134, 8955]:
        assert str(number) not in shown and str(round(number * 10)) not in shown
    assert described == {
        "scheme": name,
        "key_fingerprint": key_pair(name).public.fingerprint,
        "rows": 3,
        "labels": {"A": ["x", "y"], "B": ["p", "q"]},
        "columns": [{"name": "n", "decimals": 1}, {"name": "m", "decimals": 1}],
        "layout": layout.name,
        "groupings": [["A"], ["B"]] if layout == Aligned() else None,
        "ciphertexts": len(table.ciphertexts),
    }
    assert again.label_frame.to_dict("list") == {"A": ["x", "y", "x"], "B": ["p", "q", "q"]}


def test_tables_of_the_same_shape_differ_in_their_ciphertexts_alone(keys):
    frames = (FRAME, FRAME.assign(n=[99.5, 0, 0], m=0))
    tables = [EncryptedTable.encrypt(frame, ["A", "B"], keys.public, decimals=1) for frame in frames]
    fields = [open_fields(table.to_bytes(), "table") for table in tables]
    assert fields[0][:2] == fields[1][:2] and fields[0][2] != fields[1][2]


# What is not read


@contextmanager
def no_ciphertext_is_read(public):
    """Fails the test when a ciphertext reaches the library."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(public), "_load", lambda *_: pytest.fail("a ciphertext has reached the library's parser"))
        yield


WRONG = [None, -1, 0, 2**40, 1.5, True, "x", "", b"", b"\xff" * 9, [], [[]], [None], ["x", 1], {}, {"a": 1}]


def _paths(fields, path=()):
    """The position of every element in nested lists and maps, to the depth of the formats here."""
    items = enumerate(fields) if isinstance(fields, list) else fields.items() if isinstance(fields, dict) else ()
    for key, value in items:
        yield (*path, key)
        yield from _paths(value, (*path, key))


def _changed(fields, path, value):
    """The fields with another ``value`` at ``path``; what does not change is shared."""
    if not path:
        return value
    changed = copy.copy(fields)
    changed[path[0]] = _changed(fields[path[0]], path[1:], value)
    return changed


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["table", "aggregate"])
@pytest.mark.parametrize(
    "name, layout",
    [
        *itertools.product(["tenseal-bfv", "paillier"], LAYOUTS),
        # What a layout declares is read alike under every scheme, and each ciphertext has a quarter of a megabyte here.
        ("pyfhel-ckks", LAYOUTS[0]),
    ],
    ids=str,
)
def test_every_field_replaced(name, kind, layout):
    """With the right digest: refused by an error of ours before a ciphertext is read, or read whole and sound."""
    keys = key_pair(name)
    table = EncryptedTable.encrypt(FRAME, ["A", "B"], keys.public, decimals=1, layout=layout)
    holder = table if kind == "table" else table.group_by("A").sum()
    reader = EncryptedTable if kind == "table" else EncryptedAggregate
    fields = open_fields(holder.to_bytes(), kind)
    harmless, refused = [], 0
    ciphertexts_at = len(fields) - 1
    for path in _paths(fields):
        if path[0] == ciphertexts_at and len(path) > 2 and path[1] > 0:
            continue  # The fields of one ciphertext stand for those of all.
        for value in WRONG:
            data = seal_fields(kind, _changed(fields, path, value))
            try:
                read = reader.from_bytes(data)
            except HEError:
                refused += 1
                continue
            harmless.append(path)
            assert reader.from_bytes(read.to_bytes()).to_bytes() == read.to_bytes()
    assert refused > 200
    # Names and values of labels may be any text, decimals any number in range; what a ciphertext declares of itself may
    # be another possible padding, bound or consumption. For Paillier any number is a ciphertext. All else never.
    key_at = 1 if kind == "table" else 0
    declared = [(3,), (4,), (5,), *([(7,)] if name == "paillier" else [])]
    assert not [path for path in harmless if path[0] == key_at]
    assert not [path for path in harmless if path[0] == ciphertexts_at and path[2:] not in declared]


@pytest.mark.parametrize("name", SCHEMES)
def test_the_library_reads_nothing_before_the_checks(name):
    keys = key_pair(name)
    table = EncryptedTable.encrypt(FRAME, ["A", "B"], keys.public, decimals=1)
    answer = table.group_by("A").sum()
    for reader, kind, holder in ((EncryptedTable, "table", table), (EncryptedAggregate, "aggregate", answer)):
        data = holder.to_bytes()
        with no_ciphertext_is_read(keys.public):
            with pytest.raises(pytest.fail.Exception):
                reader.from_bytes(data)
            fields = open_fields(data, kind)
            for wrong in (fields[-1][:-1], [*fields[-1], fields[-1][0]], [b""], [b"x" * 500], [fields[-1][0][:-1]]):
                with pytest.raises(DamagedBytes):
                    reader.from_bytes(seal_fields(kind, [*fields[:-1], wrong]))
            for damaged in (b"", data[:-1], data[:40], b"\0" + data[1:], data + b"\0"):
                with pytest.raises(DamagedBytes):
                    reader.from_bytes(damaged)
        swapped = EncryptedAggregate if reader is EncryptedTable else EncryptedTable
        with pytest.raises(DamagedBytes, match="This envelope holds a"):
            swapped.from_bytes(data)


def test_the_envelope_of_a_table_is_the_only_one_around_its_ciphertexts(keys):
    table = EncryptedTable.encrypt(FRAME, ["A", "B"], keys.public, decimals=1)
    answer = table.group_by("A").sum()
    for kind, holder in (("table", table), ("aggregate", answer)):
        fields = open_fields(holder.to_bytes(), kind)[-1]
        assert [open_fields(ciphertext.to_bytes(), "ciphertext") for ciphertext in holder.ciphertexts] == fields


def test_ciphertexts_of_another_key_or_length(keys):
    other = key_pair(keys.public.scheme_name, 1)
    fields = open_fields(EncryptedTable.encrypt(FRAME, ["A", "B"], keys.public, decimals=1).to_bytes(), "table")
    for wrong in (other.public.encrypt([1]), keys.public.encrypt([1])):
        forged = [*fields[:-1], [wrong.to_record()] * len(fields[-1])]
        with pytest.raises(HEError):
            EncryptedTable.from_bytes(seal_fields("table", forged))


def test_a_table_under_an_insecure_key_is_not_read():
    keys = paillier(PaillierParameters(512), insecure_for_teaching=True).generate_keys()
    data = EncryptedTable.encrypt(FRAME, ["A", "B"], keys.public, decimals=1).to_bytes()
    with pytest.raises(InsecureParameters):
        EncryptedTable.from_bytes(data)


@pytest.mark.parametrize(
    "label",
    [
        ["A", "text", ["y", "x"], 1, b"\0\1\0"],
        ["A", "text", ["x", "x"], 1, b"\0\1\0"],
        ["A", "text", ["x", "y"], 1, b"\0\2\0"],
        ["A", "text", ["x", "y"], True, b"\0\1\0"],
        ["A", "text", ["x", "y"], 1.0, b"\0\1\0"],
        ["A", "text", ["x", "y"], 2, b"\0\1\0"],
        ["A", "text", ["x", "y"], 1, b""],
        ["B", "text", ["x", "y"], 1, b"\0\1\0"],
        ["A", "text", ["x", "y"], 1, b"\0\1"],
        ["A", "words", ["x", "y"], 1, b"\0\1\0"],
        ["A", ["text"], ["x", "y"], 1, b"\0\1\0"],
        ["A", "ordered category", ["x", "x"], 1, b"\0\1\0"],
        ["A", "integer", ["10", "9"], 1, b"\0\1\0"],
        ["A", "integer", ["9", "09"], 1, b"\0\1\0"],
        ["A", "integer", ["9", "x"], 1, b"\0\1\0"],
        ["A", "integer", ["9", "9223372036854775808"], 1, b"\0\1\0"],
        ["A", "integer", ["-9223372036854775809", "9"], 1, b"\0\1\0"],
        ["A", "integer", ["9", "1" + "0" * 5000], 1, b"\0\1\0"],
        ["A", "number", ["1.5", "nan"], 1, b"\0\1\0"],
        ["A", "number", ["nan"], 1, b"\0\0\0"],
        ["A", "number", ["1.5", "2.50"], 1, b"\0\1\0"],
        ["A", "truth", ["False", "true"], 1, b"\0\1\0"],
        ["A", "truth", ["True", "False"], 1, b"\0\1\0"],
    ],
)
def test_forged_labels(label):
    other = ["B", "text", ["p", "q"], 1, b"\0\1\1"]
    assert header_with([["A", "text", ["x", "y"], 1, b"\0\1\0"], other]).rows == 3
    with pytest.raises(DamagedBytes):
        header_with([label, other])


def header_with(labels):
    """The header of a table, read from its bytes, with these fields of its labels."""
    fields = ["tenseal-bfv", bytes(16), 4096, labels, [["n", 0]], {"name": "rows"}]
    return TableHeader.from_bytes(seal_fields("table header", fields))


@settings(max_examples=50)
@given(st.lists(st.text(), min_size=1, max_size=30))
def test_labels_survive(values):
    labels = Labels.from_frame(pd.DataFrame({"L": pd.Series(values, dtype=object)}))
    again = Labels.from_records(labels.to_records())
    assert again.frame()["L"].tolist() == labels.frame()["L"].tolist() == values


def test_public_keys_are_the_only_keys_here(keys):
    table = EncryptedTable.encrypt(FRAME, ["A", "B"], keys.public, decimals=1)
    assert isinstance(table.key, PublicKey) and table.scheme_name == keys.public.scheme_name
    assert [len(c) for c in table.ciphertexts] == list(table.packing.lengths())
