"""The header of a table: what is read of it without its key and its ciphertexts."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest

from he_helpers.schemes.errors import DamagedBytes
from he_helpers.tables import (
    Aligned,
    EncryptedTable,
    Labels,
    Query,
    Rows,
    TableHeader,
    UnknownColumn,
    UnknownLabel,
    UnsupportedQuery,
)
from tests.schemes.conftest import SCHEMES, key_pair
from tests.sealing import open_fields, seal_fields
from tests.tables.conftest import LAYOUTS

FRAME = pd.DataFrame({"A": list("xyx"), "B": [10, 9, 9], "n": [1.5, 2.5, -3.5], "m": [4, 5, 6]})


def encrypt(name="tenseal-bfv", **options):
    return EncryptedTable.encrypt(FRAME, ["A", "B"], key_pair(name).public, decimals=1, **options)


@pytest.mark.parametrize("name", SCHEMES)
@pytest.mark.parametrize("layout", [Aligned(), Rows()], ids=repr)
def test_a_header_says_what_the_table_says(name, layout):
    table = encrypt(name, layout=layout)
    header = EncryptedTable.from_bytes(table.to_bytes()).header
    again = TableHeader.from_bytes(header.to_bytes())
    assert again.to_bytes() == header.to_bytes() == table.header.to_bytes()
    assert again.description() == table.description()
    for grouping in ([], ["A"], ["B", "A"]):
        pd.testing.assert_series_equal(again.group_sizes(grouping), table.group_sizes(grouping))
    assert again.group_sizes(["B"]).to_dict() == {9: 2, 10: 1}


def test_queries_are_checked_without_the_table():
    header = TableHeader.from_bytes(encrypt(layout=Aligned(groupings=[["A"], ["B", "A"]])).header.to_bytes())
    header.check_query(Query("sum", ("A", "B"), ("m",)))
    header.check_query(Query("count", ("B",)))
    for query, error in (
        (Query("sum", ("C",), ("m",)), UnknownLabel),
        (Query("sum", ("A",), ("A",)), UnknownColumn),
        (Query("sum", ("B",), ("m",)), UnsupportedQuery),
    ):
        with pytest.raises(error):
            header.check_query(query)


@pytest.mark.parametrize(
    "others",
    [
        lambda key, ciphertexts: [key],
        lambda key, ciphertexts: [key, ciphertexts, ciphertexts],
        lambda key, ciphertexts: [key.hex(), ciphertexts],
        lambda key, ciphertexts: [key, ciphertexts[0][-1]],
        lambda key, ciphertexts: [key, [b"no ciphertext"]],
        lambda key, ciphertexts: [key, [ciphertexts[0][:-1]]],
    ],
    ids=["too few", "too many", "a key as text", "a ciphertext without its list", "bytes alone", "a field too few"],
)
def test_a_table_of_other_fields(others):
    header, key, ciphertexts = open_fields(encrypt().to_bytes(), "table")
    with pytest.raises(DamagedBytes, match="The fields of this table do not fit: "):
        EncryptedTable.from_bytes(seal_fields("table", [header, *others(key, ciphertexts)]))


@pytest.mark.parametrize("layout", LAYOUTS, ids=repr)
def test_a_table_without_a_numeric_column(layout):
    """No layout has anything to place for it; aligned and values would take it, with no ciphertext at all."""
    header, key, _ = open_fields(encrypt(layout=layout).to_bytes(), "table")
    header[4] = []
    with pytest.raises(DamagedBytes, match=r"header\.columns: Expected `array` of length >= 1"):
        EncryptedTable.from_bytes(seal_fields("table", [header, key, []]))


@pytest.mark.parametrize(
    "position, value",
    [
        (0, "paillier"),
        (1, bytes(16)),
        (2, 2048),
        (2, True),
        (1, b"short"),
        (2, 0),
        (2, 2**40),
        (5, Rows().to_fields()),
        (5, Aligned(groupings=[["A"], ["B"]], partial_sums=2).to_fields()),
    ],
)
def test_a_header_of_another_key_or_layout(position, value):
    header, *others = open_fields(encrypt().to_bytes(), "table")
    header[position] = value
    with pytest.raises(DamagedBytes):
        EncryptedTable.from_bytes(seal_fields("table", [header, *others]))


def test_group_sizes_need_no_second_count(monkeypatch):
    """However often a table is loaded and asked for counts, its rows are counted once for each grouping."""
    table = EncryptedTable.from_bytes(encrypt(layout=Aligned(groupings=[["A"]])).to_bytes())
    monkeypatch.setattr(Labels, "_combined", lambda *_: pytest.fail("the rows were counted again"))
    for _ in range(3):
        assert table.group_by("A").count().counts == [2, 1]
        assert table.group_sizes(["A"]).tolist() == [2, 1]


def test_a_layout_of_many_ciphertexts_costs_no_memory_before_they_are_counted():
    """A thousand groups in as many parts, one in a slot: a million ciphertexts, for a header of a few kilobytes.

    One of the groups has a thousand rows; the others have one.
    """
    groups = [f"{i:03}" for i in range(1000)]
    codes = np.concatenate([np.arange(1000), np.zeros(999)]).astype("<u2").tobytes()
    layout = Aligned(groupings=[["A"]], partial_sums=1000).to_fields()
    fields = ["tenseal-bfv", bytes(16), 1, [["A", "text", groups, 2, codes]], [["n", 0]], layout]
    ciphertext = ["tenseal-bfv", bytes(16), 1, 0, b"", 0, False, b"no ciphertext"]
    data = seal_fields("table", [fields, b"no key", [ciphertext]])
    tracemalloc.start()
    with pytest.raises(DamagedBytes, match="needs 1000000 ciphertexts for its layout and brings 1"):
        EncryptedTable.from_bytes(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 * 2**20
