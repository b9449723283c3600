"""Sums, means and counts of encrypted tables against pandas."""

import hashlib
import itertools
import json
import os
import subprocess
import sys
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from he_helpers.schemes.errors import DamagedBytes, KeyMismatch, ValueOutOfRange
from he_helpers.schemes.public import load_public_key
from he_helpers.schemes.secret import pyfhel_bfv, tenseal_bfv
from he_helpers.tables import (
    Aligned,
    EncryptedAggregate,
    EncryptedTable,
    Query,
    Rotated,
    Rows,
    UnknownColumn,
    UnknownLabel,
    UnsupportedQuery,
    Values,
    aggregate,
)
from tests.schemes.conftest import SCHEMES, key_pair
from tests.sealing import open_fields, seal_fields
from tests.tables.conftest import LABELS, LAYOUTS, PAIRS

ANY_LABELS = ["b", "a", "Ω", "é", "日本", "🙂", "a b", "", "nan", "1", "10", "2", "line\nbreak", "nul\0", 'quote"']


@st.composite
def tables(draw):
    """A small frame with two labels and up to three columns of one decimal, their names, and a layout."""
    rows = draw(st.integers(1, 12))
    column = lambda values: draw(st.lists(values, min_size=rows, max_size=rows))  # noqa: E731
    frame = pd.DataFrame({"A": column(st.sampled_from(ANY_LABELS[:4])), "B": column(st.sampled_from(ANY_LABELS))})
    names = draw(st.lists(st.sampled_from(["x", "y y", "Ωmega"]), min_size=1, max_size=3, unique=True))
    for name in names:
        frame[name] = np.array(column(st.integers(-20, 20)), dtype=float) / 10
    layout = draw(st.sampled_from(LAYOUTS))
    if layout == Aligned():
        parts = draw(st.integers(1, min(rows, 3)))
        layout = Aligned(groupings=[[], ["A"], ["B"], ["B", "A"]], partial_sums=parts)
    return frame, names, layout


def tolerance(keys):
    return 1e-9 if keys.public.exact else 0.051


@pytest.mark.slow
def test_sums_of_any_number_of_rows_end_at_the_capacity(monkeypatch):
    """The share of a slot times the number of rows: in floats, 1/9 nine times is more than 1."""
    keys = key_pair("tenseal-ckks")
    # The library's own encryption takes nearly all of the time, and only bounds are looked at.
    monkeypatch.setattr(type(keys.public), "_encrypt", lambda self, vector: None)
    for terms in (*range(1, 200), 1000, 12_345):
        x = keys.public.encrypt([1], terms=terms)
        bound = 0.0
        for _ in range(terms):
            bound += x.bound
        assert bound <= keys.public.capacity and bound > 0.99 * keys.public.capacity


def compare(keys, found, expected):
    expected.index.names = found.index.names
    loose = {"check_dtype": False, "check_index_type": False, "check_column_type": False}
    pd.testing.assert_frame_equal(found, expected, atol=tolerance(keys), rtol=0, **loose)


@pytest.mark.slow
@pytest.mark.parametrize("name", SCHEMES)
@settings(max_examples=12, deadline=None)
@given(table=tables(), data=st.data())
def test_every_statistic_agrees_with_pandas(name, table, data):
    keys = key_pair(name)
    frame, names, layout = table
    key = data.draw(st.sampled_from([keys.secret, keys.public]))
    sent = EncryptedTable.encrypt(frame, ["A", "B"], key, decimals=1, layout=layout)
    received = EncryptedTable.from_bytes(sent.to_bytes())
    chosen = data.draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
    groupings = [[], ["A"], ["B"], ["A", "B"], ["B", "A"]]
    # A mean is the same sum, divided by whoever decrypts: one grouping of each table is enough.
    with_mean = data.draw(st.sampled_from(groupings))
    for grouping in groupings:
        groups = frame.groupby(grouping) if grouping else frame.groupby(np.zeros(len(frame), dtype=int))
        query = received.group_by(*grouping)[chosen]
        for statistic in ("sum", "mean") if grouping == with_mean else ("sum",):
            answer = EncryptedAggregate.from_bytes(getattr(query, statistic)().to_bytes())
            found = answer.decrypt(keys.secret)
            compare(keys, found, getattr(groups[chosen], statistic)())
            if keys.public.exact and statistic == "sum":
                # To the last decimal: the nearest float to the exact decimal sum.
                exact = groups[chosen].agg(lambda c: float(sum(Decimal(str(v)) for v in c)))
                assert (found.to_numpy() == exact.to_numpy()).all()
        counted = EncryptedAggregate.from_bytes(received.group_by(*grouping).count().to_bytes())
        assert counted.decrypt(None)["count"].tolist() == groups.size().tolist() and not counted.ciphertexts
        assert received.group_sizes(grouping).tolist() == groups.size().tolist()


def test_labels_in_the_order_of_the_query(keys):
    frame = pd.DataFrame({"A": list("xyxy"), "B": list("ppqq"), "n": [1, 2, 3, 4]})
    table = EncryptedTable.encrypt(frame, ["A", "B"], keys.public, layout=Aligned(groupings=[["A", "B"]]))
    for labels in itertools.permutations("AB"):
        found = table.group_by(*labels).sum().decrypt(keys.secret)
        assert list(found.index.names) == list(labels)
        compare(keys, found, frame.groupby(list(labels)).sum())


def test_only_the_needed_ciphertexts_come(keys):
    frame = pd.DataFrame({"L": ["a", "b"], **{f"c{i}": [i, 10 * i] for i in range(4)}})
    by_value = EncryptedTable.encrypt(frame, ["L"], keys.public, layout=Values())
    assert len(by_value.ciphertexts) == 8
    assert len(by_value.group_by("L")["c2"].sum().ciphertexts) == 2
    assert len(by_value.group_by()["c2"].sum().ciphertexts) == 1
    assert len(by_value.group_by()[["c2", "c0"]].sum().ciphertexts) == 2
    slots = keys.public.slot_count
    if slots < 100:
        groups = pd.DataFrame({"L": [str(i) for i in range(slots)], **{f"c{i}": np.arange(slots) for i in range(3)}})
        table = EncryptedTable.encrypt(groups, ["L"], keys.public)
        answer = table.group_by("L")["c1"].sum()
        assert len(table.ciphertexts) == 3 and answer.ciphertexts == (table.ciphertexts[1],)
        assert answer.decrypt(keys.secret)["c1"].sum() == groups["c1"].sum()


def test_a_table_of_one_row(keys):
    frame = pd.DataFrame({"L": ["only"], "n": [-7]})
    for layout in LAYOUTS:
        table = EncryptedTable.encrypt(frame, ["L"], keys.public, layout=layout)
        assert table.rows == 1
        assert table.group_by("L").sum().decrypt(keys.secret).round(6).to_dict() == {"n": {"only": -7}}


@pytest.mark.slow
def test_exact_to_the_last_decimal():
    """The sums at the limits of what a float holds, and those that binary floats miss."""
    values = [0.1] * 10 + [1e9 + 0.07, -1e9, 0.29, 1234567.89]
    frame = pd.DataFrame({"L": ["a"] * len(values), "n": values})
    exact = sum(Decimal(str(value)) for value in values)
    assert frame["n"].sum() != float(exact)
    keys = key_pair("paillier")
    for layout in LAYOUTS:
        table = EncryptedTable.encrypt(frame, ["L"], keys.secret, decimals=2, layout=layout)
        assert table.group_by("L").sum().decrypt(keys.secret)["n"]["a"] == float(exact)


def test_the_largest_values_that_a_table_takes(keys):
    terms = 3
    limit = keys.public.capacity // terms
    frame = pd.DataFrame({"L": ["a"] * terms, "n": [int(limit)] * terms})
    table = EncryptedTable.encrypt(frame, ["L"], keys.public)
    assert table.group_by("L").sum().decrypt(keys.secret)["n"]["a"] == pytest.approx(terms * int(limit), rel=1e-6)
    with pytest.raises(ValueOutOfRange, match="sum of 3 ciphertexts"):
        EncryptedTable.encrypt(frame.assign(n=frame["n"] + 2), ["L"], keys.public)


# Purity


QUERIES = [Query(s, tuple(g), ("2020", "2018")) for s in ("sum", "mean") for g in (*PAIRS, ["SEX", "AREA"], [])]
QUERIES.append(Query("count", ("SEX",)))
ELSEWHERE = """
import hashlib, json, os, sys
from pathlib import Path
from he_helpers.tables import EncryptedTable, Query, aggregate
queries = [Query.from_dict(asked) for asked in json.loads(sys.argv[1])]
for path in map(Path, sys.argv[2:]):
    table = EncryptedTable.from_bytes(path.read_bytes())
    print(path.name, *(hashlib.sha256(aggregate(table, query).to_bytes()).hexdigest() for query in queries))
# A process that has loaded Pyfhel is aborted now and then when it ends: its modules free one pool of memory twice.
sys.stdout.flush()
os._exit(0)
"""


@pytest.fixture(scope="module")
def small_tables(population):
    """The first rows of the population under each scheme."""
    options = {"decimals": 1, "layout": Aligned(groupings=[*PAIRS, []])}
    rows = population.head(12)
    return {name: EncryptedTable.encrypt(rows, LABELS, key_pair(name).public, **options) for name in SCHEMES}


@pytest.fixture(scope="module")
def digests_elsewhere(small_tables, tmp_path_factory):
    """What processes with other hash seeds answer, by scheme and seed; each process reads all tables."""
    folder = tmp_path_factory.mktemp("tables")
    for name, table in small_tables.items():
        (folder / name).write_bytes(table.to_bytes())
    asked = json.dumps([query.to_dict() for query in QUERIES])
    found = {}
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", ELSEWHERE, asked, *(folder / name for name in small_tables)],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        )
        for name, *digests in map(str.split, done.stdout.splitlines()):
            found[name, seed] = digests
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", SCHEMES)
def test_aggregation_is_a_pure_function(name, small_tables, digests_elsewhere):
    """The same bytes again, after serialisation, and in other processes with other hash seeds."""
    table = small_tables[name]
    data = table.to_bytes()
    assert EncryptedTable.from_bytes(data).to_bytes() == data
    expected = [aggregate(table, query).to_bytes() for query in QUERIES]
    assert expected == [aggregate(EncryptedTable.from_bytes(data), query).to_bytes() for query in QUERIES]
    for seed in ("1", "2"):
        assert digests_elsewhere[name, seed] == [hashlib.sha256(answer).hexdigest() for answer in expected]


# Queries that cannot be answered


def test_unknown_names_list_the_known_ones(keys):
    frame = pd.DataFrame({"A": ["x"], "B": ["y"], "n": [1], "m": [2]})
    table = EncryptedTable.encrypt(frame, ["A", "B"], keys.public, layout=Aligned(groupings=[["A"], []]))
    with pytest.raises(UnknownLabel, match="no label 'C'. Known are: A, B") as caught:
        table.group_by("C")
    assert caught.value.known == ["A", "B"]
    with pytest.raises(UnknownColumn, match="no numeric column 'A'. Known are: n, m") as caught:
        table.group_by("A")["A"].sum()
    assert caught.value.known == ["n", "m"]
    with pytest.raises(UnsupportedQuery, match="for sums by A and B. .* by: A; the grand total") as caught:
        table.group_by("A", "B").sum()
    assert caught.value.known == [["A"], []]
    for call in (
        lambda: table.group_by("A", "A"),
        lambda: table.group_by(["A"]),
        lambda: table.group_by("A")[[]].sum(),
        lambda: Query("median", (), ("n",)),
        lambda: Query("count", (), ("n",)),
        lambda: Query.from_dict({"statistic": "sum"}),
        lambda: Query.from_dict({"statistic": ["sum"], "group_by": [], "columns": ["n"]}),
        lambda: Query.from_dict({"statistic": "sum", "group_by": "A", "columns": ["n"]}),
        lambda: Query.from_dict({"statistic": "sum", "group_by": [[]], "columns": ["n"]}),
        lambda: Query.from_dict(None),
    ):
        with pytest.raises(UnsupportedQuery):
            call()


def test_an_aggregate_under_another_key(keys):
    frame = pd.DataFrame({"A": ["x"], "n": [1]})
    other = key_pair(keys.public.scheme_name, 1)
    answer = EncryptedTable.encrypt(frame, ["A"], other.public).group_by("A").sum()
    with pytest.raises(KeyMismatch):
        answer.decrypt(keys.secret)


# The population job


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, layout, largest",
    [
        ("paillier", Rows(), 100_000),
        ("paillier", Aligned(groupings=PAIRS), 40_000),
        ("tenseal-bfv", Aligned(groupings=PAIRS), 2_500_000),
    ],
    ids=["paillier-rows", "paillier-aligned", "tenseal-bfv-aligned"],
)
def test_the_bytes_of_the_population_job(population, name, layout, largest):
    """Labels, envelopes and keys counted; three pair groupings; one decimal."""
    keys = key_pair(name)
    # A ciphertext of Paillier is as long by either key, and quicker by this one.
    key = keys.secret if name == "paillier" else keys.public
    table = EncryptedTable.encrypt(population, LABELS, key, decimals=1, layout=layout)
    data = table.to_bytes()
    print(f"{name}, {layout.name}: {len(data)} bytes uploaded")
    assert len(data) <= largest
    received = EncryptedTable.from_bytes(data)
    numbers = [column for column in population if column not in LABELS]
    for pair in PAIRS:
        found = aggregate(received, Query("sum", tuple(pair), tuple(numbers))).decrypt(keys.secret)
        expected = population.groupby(pair)[numbers].sum().round(1)
        assert (found.to_numpy() == expected.to_numpy()).all() and found.index.equals(expected.index)


@pytest.mark.slow
def test_the_partial_sums_of_a_smaller_paillier_table(population):
    keys = key_pair("paillier")
    one_year = population[[*LABELS, "2018"]]
    sizes = {}
    for parts in (1, 3):
        table = EncryptedTable.encrypt(
            one_year, LABELS, keys.secret, decimals=1, layout=Aligned(groupings=[["SEX"]], partial_sums=parts)
        )
        sizes[parts] = len(table.ciphertexts)
        found = table.group_by("SEX")["2018"].sum().decrypt(keys.secret)
        assert found["2018"].tolist() == population.groupby("SEX")["2018"].sum().round(1).tolist()
    assert sizes[3] * 2.9 < sizes[1]


def test_the_key_in_a_table_is_for_evaluation(keys):
    table = EncryptedTable.encrypt(pd.DataFrame({"A": ["x"], "n": [1]}), ["A"], keys.public)
    assert table.key.fingerprint == keys.public.fingerprint
    assert table.key.can_encrypt == (keys.public.scheme_name == "paillier")
    assert load_public_key(table.key.to_bytes()).to_bytes() == table.key.to_bytes()


# What an aggregate carries


@pytest.mark.slow
def test_an_aggregate_carries_no_keys():
    """The keys for rotations and relinearisation are megabytes; loading the sums needs none of them."""
    frame = pd.DataFrame({"L": list("aabb"), "n": [1, 2, 3, 4]})
    pyfhel = pyfhel_bfv(galois_keys=[1, 2], relinearisation_keys=True).generate_keys()
    tenseal = tenseal_bfv(galois_keys=True).generate_keys()
    for keys, layout in ((pyfhel, Rotated(partial_sums=2)), (tenseal, Aligned())):
        answer = EncryptedTable.encrypt(frame, ["L"], keys.public, layout=layout).group_by("L").sum()
        data = answer.to_bytes()
        [ciphertext] = answer.ciphertexts
        assert len(answer.key.to_bytes()) > 400_000 and len(data) < len(ciphertext.to_bytes()) + 1000
        received = EncryptedAggregate.from_bytes(data)
        assert received.to_bytes() == data and not received.key.can_encrypt
        assert received.decrypt(keys.secret)["n"].to_dict() == {"a": 3, "b": 7}


# What a forged aggregate is refused for


@pytest.mark.parametrize("layout", LAYOUTS, ids=repr)
def test_an_aggregate_with_other_ciphertexts_than_its_groups_need(keys, layout):
    """Too few, too many, too short, too long: each of the right key, and each refused."""
    frame = pd.DataFrame({"L": list("aab"), "M": list("xyz"), "n": [1, 2, 3], "m": [4, 5, 6]})
    table = EncryptedTable.encrypt(frame, ["L", "M"], keys.public, layout=layout)
    answer = table.group_by("L").sum()
    fields = open_fields(answer.to_bytes(), "aggregate")
    sums = fields[-1]
    for wrong in (sums[:-1], [*sums, sums[0]], []):
        with pytest.raises(DamagedBytes, match=f"needs {len(sums)} ciphertexts and brings {len(wrong)}"):
            EncryptedAggregate.from_bytes(seal_fields("aggregate", [*fields[:-1], wrong]))
    length = len(answer.ciphertexts[0])
    for other in {1, length - 1, length + 1} - {0, length}:
        of_other_length = keys.public.encrypt(np.ones(other, dtype=int)).to_record()
        with pytest.raises(DamagedBytes, match="does not have the length that its groups need"):
            EncryptedAggregate.from_bytes(seal_fields("aggregate", [*fields[:-1], [of_other_length, *sums[1:]]]))


def test_an_aggregate_whose_sums_have_no_parts():
    """It would need no ciphertexts, and every sum would be zero."""
    keys = key_pair("tenseal-bfv")
    frame = pd.DataFrame({"L": ["a"] * 50, "n": range(50)})
    answer = EncryptedTable.encrypt(frame, ["L"], keys.public, layout=Aligned(partial_sums=50)).group_by("L").sum()
    fields = open_fields(answer.to_bytes(), "aggregate")
    assert fields[3] == {"name": "aligned", "groupings": [["L"]], "partial_sums": 50}
    assert EncryptedAggregate.from_bytes(answer.to_bytes()).decrypt(keys.secret)["n"]["a"] == sum(range(50))
    for parts in (0, -1, -50):
        for sealed in ([], fields[6]):
            layout = fields[3] | {"partial_sums": parts}
            with pytest.raises(DamagedBytes):
                EncryptedAggregate.from_bytes(seal_fields("aggregate", [*fields[:3], layout, *fields[4:6], sealed]))


@pytest.mark.parametrize(
    "groups, counts",
    [
        ([["L", "text", ["a", "b"], 1, b"\1\0"]], [2, 1]),
        ([["L", "text", ["a", "b"], 1, b"\0\0"]], [2, 1]),
        ([["L", "text", ["a", "b"], 1, b"\0\1"]], [2]),
        ([["L", "text", ["a", "b"], 1, b"\0\1"]], [2, 0]),
        ([["M", "text", ["a", "b"], 1, b"\0\1"]], [2, 1]),
        ([["L", "text", ["a"], 1, b"\0"]], [3]),
        ([], [3]),
    ],
    ids=["order", "twice", "a count too few", "a count of nothing", "another label", "a group too few", "no label"],
)
def test_an_aggregate_with_other_groups(groups, counts):
    keys = key_pair("tenseal-bfv")
    frame = pd.DataFrame({"L": list("aab"), "n": [1, 2, 3]})
    answer = EncryptedTable.encrypt(frame, ["L"], keys.public).group_by("L").sum()
    fields = open_fields(answer.to_bytes(), "aggregate")
    assert fields[4:6] == [[["L", "text", ["a", "b"], 1, b"\0\1"]], [2, 1]]
    with pytest.raises(DamagedBytes):
        EncryptedAggregate.from_bytes(seal_fields("aggregate", [*fields[:4], groups, counts, fields[6]]))


def test_numbers_beside_the_answer_are_counted():
    frame = pd.DataFrame({"A": ["a", "a", "b", "b"], "x": [1, 2, 3, 4], "y": [5, 6, 7, 8]})

    def further(layout, *columns, statistic="sum"):
        table = EncryptedTable.encrypt(frame, ["A"], key_pair("tenseal-bfv").public, layout=layout)
        return aggregate(table, Query(statistic, ("A",), columns)).further_numbers

    both, parts = Aligned(groupings=[["A"]]), Aligned(groupings=[["A"]], partial_sums=2)
    assert further(both, "x", "y") == further(both, statistic="count") == 0
    assert further(both, "x") == 2, "the sums of y lie in the same ciphertext"
    assert further(parts, "x", "y") == 4, "each of the four sums is in two parts"
    assert further(Values(), "x") == 0
