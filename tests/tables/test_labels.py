"""Labels: the groups that they form, in the order and with the index that pandas gives them."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from he_helpers.schemes.errors import ValueOutOfRange
from he_helpers.tables import Aligned, EncryptedAggregate, EncryptedTable, Labels, Rows
from he_helpers.tables import labels as labels_module
from tests.schemes.conftest import key_pair

AGES = ["0-4", "5-9", "45-49", "85+"]
FRAME = pd.DataFrame(
    {
        "year": [10, 2, 1, 2, 10, -3],
        "share": [0.5, 10.25, 9.0, 0.5, 9.0, -1e-3],
        "member": [True, False, True, True, False, False],
        "town": ["10", "9", "b", "9", "B", "é"],
        "age": pd.Categorical(["45-49", "5-9", "0-4", "5-9", "85+", "0-4"], AGES, ordered=True),
        "colour": pd.Categorical(["red", "blue", "red", "green", "blue", "red"], ["red", "green", "blue"]),
    }
)
GROUPINGS = [list(names) for size in (1, 2) for names in itertools.permutations(FRAME.columns, size)]


def passed_on(labels):
    return Labels.from_records(labels.to_records())


@pytest.mark.parametrize("grouping", [*GROUPINGS, ["age", "year", "town"], []], ids="+".join)
def test_groups_are_those_of_pandas(grouping):
    """Sizes, order, and the index with its dtypes."""
    labels = passed_on(Labels.from_frame(FRAME))
    groups = FRAME.groupby(grouping, observed=True) if grouping else FRAME.groupby(np.zeros(len(FRAME), dtype=int))
    expected = groups.size()
    index = passed_on(labels.groups(grouping)).index() if grouping else labels.groups([]).index()
    assert labels.group_sizes(grouping).tolist() == expected.tolist()
    if grouping:
        pd.testing.assert_index_equal(index, expected.index, exact=True, check_categorical=True)
        assert labels.group_of_rows(grouping).tolist() == groups.ngroup().tolist()
    assert labels.groups(grouping).are_groups()
    pd.testing.assert_frame_equal(labels.frame(), FRAME, check_names=True)


@pytest.mark.parametrize("layout", [Aligned(groupings=[*GROUPINGS[:6], ["age", "year"]]), Rows()])
def test_sums_have_the_index_of_pandas(layout):
    keys = key_pair("tenseal-bfv")
    frame = FRAME.assign(n=range(6), money=[0.5, 1.25, 2.0, 3.75, 0.01, 7.1])
    table = EncryptedTable.encrypt(frame, list(FRAME), keys.public, decimals={"money": 2}, layout=layout)
    received = EncryptedTable.from_bytes(table.to_bytes())
    for grouping in (["year"], ["age"], ["member"], ["age", "year"], ["year", "age"]):
        answer = EncryptedAggregate.from_bytes(received.group_by(*grouping)["n"].sum().to_bytes())
        expected = frame.groupby(grouping, observed=True)[["n"]].sum()
        found = answer.decrypt(keys.secret)
        pd.testing.assert_index_equal(found.index, expected.index, exact=True, check_categorical=True)
        assert found["n"].tolist() == expected["n"].tolist()


def test_categories_that_do_not_occur_are_not_sent():
    frame = pd.DataFrame({"age": pd.Categorical(["5-9", "5-9"], AGES, ordered=True)})
    labels = Labels.from_frame(frame)
    assert labels.categories == {"age": ("5-9",)} and labels.index().dtype.ordered


def test_categories_that_are_the_same_as_text():
    with pytest.raises(ValueOutOfRange, match="two categories that are the same as text"):
        Labels.from_frame(pd.DataFrame({"x": pd.Categorical([1, "1"])}))


@pytest.mark.parametrize(("largest", "kind"), [(2**63 - 1, "integer"), (2**63, "text")])
def test_integers_that_64_bits_with_a_sign_do_not_hold_are_text(largest, kind):
    labels = Labels.from_frame(pd.DataFrame({"x": np.array([5, largest], dtype=np.uint64)}))
    assert labels.kinds == {"x": kind} and set(labels.categories["x"]) == {"5", str(largest)}


@pytest.mark.slow
@pytest.mark.parametrize("counted", [True, False], ids=["counting", "sorting"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_groups_of_any_codes(counted, data):
    """Against numpy's sorting of whole columns, whichever way the groups are found."""
    rows, width = data.draw(st.integers(1, 20)), data.draw(st.integers(1, 5))
    column = st.lists(st.integers(0, 2**31 - 1), min_size=rows, max_size=rows)
    frame = pd.DataFrame({f"L{i}": data.draw(column) for i in range(width)})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(labels_module, "_COUNTED", 2**16 if counted else 0)
        patch.setattr(labels_module, "_COUNTED_PER_ROW", 4 if counted else 0)
        labels = Labels.from_frame(frame)
        distinct, group_of_row = np.unique(frame.to_numpy(), axis=0, return_inverse=True)
        assert labels.group_of_rows(list(frame)).tolist() == group_of_row.reshape(-1).tolist()
        assert labels.groups(list(frame)).frame().to_numpy().tolist() == distinct.tolist()


def test_combinations_beyond_64_bits_are_told_apart():
    """Nine labels of 256 values have 2^72 combinations."""
    random = np.random.default_rng(5)
    frame = pd.DataFrame({f"L{i}": random.permutation(np.arange(512) % 256) for i in range(9)})
    labels = Labels.from_frame(frame)
    assert labels.group_sizes(list(frame)).tolist() == frame.groupby(list(frame)).size().tolist()


def test_a_grouping_is_counted_once(monkeypatch):
    labels = Labels.from_frame(FRAME)
    calls = []
    combined = Labels._combined
    monkeypatch.setattr(Labels, "_combined", lambda self, grouping: calls.append(grouping) or combined(self, grouping))
    for _ in range(5):
        labels.group_sizes(["year", "town"])
        labels.groups(["year", "town"])
    assert calls == [("year", "town")]


def test_a_digest_tells_which_rows_there_are_and_not_their_order():
    digests = {
        what: Labels.from_frame(frame).digest()
        for what, frame in {
            "frame": FRAME,
            "shuffled": FRAME.iloc[::-1],
            "other order of columns": FRAME[FRAME.columns[::-1]],
            "one row less": FRAME[1:],
            "one row twice": FRAME.iloc[[0, *range(6)]],
            "another value": FRAME.assign(town=FRAME["town"].replace("b", "c")),
        }.items()
    }
    assert digests["frame"] == digests["shuffled"] == digests["other order of columns"]
    assert len(set(digests.values())) == 4
