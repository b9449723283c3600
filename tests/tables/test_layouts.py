"""A layout as an object: what it takes, what it says, how it travels, and what of it is refused."""

import ast
import dataclasses
import inspect
import textwrap
import tracemalloc

import numpy as np
import pandas as pd
import pytest

from he_helpers import tables
from he_helpers.parameters import BFVParameters, plaintext_prime
from he_helpers.schemes.errors import DamagedBytes, ShapeMismatch, UnsupportedOperation
from he_helpers.schemes.secret import pyfhel_bfv
from he_helpers.tables import (
    Aligned,
    EncryptedAggregate,
    EncryptedTable,
    Labels,
    Rotated,
    Rows,
    UnsupportedQuery,
    Values,
)
from he_helpers.tables.layouts import LAYOUTS, Packing, layout_from_fields
from tests.schemes.conftest import key_pair
from tests.sealing import open_fields, seal_fields
from tests.tables.conftest import EVERY_LAYOUT


def test_every_layout_of_the_catalogue_has_an_example_and_a_front_door():
    assert list(LAYOUTS) == [layout.name for layout in EVERY_LAYOUT]
    for name, kind in LAYOUTS.items():
        assert getattr(tables, kind.__name__) is kind and kind.__name__.lower() == name


@pytest.mark.parametrize("layout", EVERY_LAYOUT, ids=repr)
def test_a_layout_is_what_its_words_say(layout):
    assert eval(repr(layout), vars(tables) | {type(layout).__name__: type(layout)}) == layout
    assert hash(layout) == hash(eval(repr(layout), {type(layout).__name__: type(layout)}))
    with pytest.raises(AttributeError):
        layout.groupings = None


@pytest.mark.parametrize("layout", EVERY_LAYOUT, ids=repr)
def test_a_layout_survives_its_fields(layout):
    assert layout_from_fields(layout.to_fields()) == layout


@pytest.mark.parametrize("layout", EVERY_LAYOUT, ids=repr)
def test_fields_of_another_layout_are_refused(layout):
    """Unknown, absent, too many, or contradicting the name."""
    fields = layout.to_fields()
    chosen = [field.name for field in dataclasses.fields(layout)]
    others = [kind.name for kind in LAYOUTS.values() if [field.name for field in dataclasses.fields(kind)] != chosen]
    assert others
    for given in (
        *(None, [], "rows", {}),
        *(fields | {"name": name} for name in (None, ["rows"], "diagonal", *others)),
        fields | {"width": 1},
        *({key: value for key, value in fields.items() if key != name} for name in fields),
    ):
        with pytest.raises(DamagedBytes):
            layout_from_fields(given)


@pytest.mark.parametrize("kind", [Aligned, Rotated])
@pytest.mark.parametrize(
    "changed",
    [
        *({"partial_sums": parts} for parts in (0, -1, True, 1.0, "1", None, [1], b"1")),
        *({"groupings": found} for found in (None, [], {}, {"A": 1}, "A", b"A", 1, 1.5, True, ["A"], [None])),
        *({"groupings": found} for found in ([["A", "A"]], [[1]], [[None]], [["A"], ["A"]], [["A", "B"], ["B", "A"]])),
        {"groupings": [{"A": 1}]},
    ],
    ids=repr,
)
def test_fields_that_no_layout_has_are_refused(kind, changed):
    fields = kind(groupings=[["A"]]).to_fields()
    assert layout_from_fields(fields) == kind(groupings=[["A"]])
    with pytest.raises(DamagedBytes):
        layout_from_fields(fields | changed)


@pytest.mark.parametrize("parts", [0, -1, True, np.bool_(True), 2.0, "2", None])
def test_partial_sums_are_a_whole_number(parts):
    assert Aligned(partial_sums=np.int64(2)) == Aligned(partial_sums=2)
    with pytest.raises(ShapeMismatch, match="partial_sums is a whole number from 1"):
        Aligned(partial_sums=parts)


@pytest.mark.parametrize("groupings", [1.5, object()])
def test_groupings_are_a_list(groupings):
    with pytest.raises(ShapeMismatch, match=r"groupings is a list of groupings, such as \[\['Region'\]\]"):
        Aligned(groupings=groupings)


def test_groupings_are_counted_before_they_are_read():
    """However many a message announces, no more than a thousand are worked on."""
    most = [[str(label)] for label in range(1000)]
    assert layout_from_fields(Aligned(groupings=most).to_fields()) == Aligned(groupings=most)
    with pytest.raises(ShapeMismatch, match="1,001 groupings, and at most 1,000"):
        Aligned(groupings=[*most, []])
    fields = Aligned(groupings=most).to_fields() | {"groupings": [["A"]] * 10**6}
    tracemalloc.start()
    with pytest.raises(DamagedBytes, match="at most 1,000"):
        layout_from_fields(fields)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * 2**20


def test_a_layout_is_asked_for_announced_groupings_alone():
    assert Rows().canonical(("B", "A")) == ("B", "A")
    assert Aligned(groupings=[["A", "B"]]).canonical(("B", "A")) == ("A", "B")
    with pytest.raises(UnsupportedQuery, match="It answers sums by: A; the grand total."):
        Aligned(groupings=[["A"], []]).canonical(("B",))


def test_what_the_server_computes_reads_in_three_lines():
    """Learners are shown this function: no check and no arithmetic of positions stands in it."""
    function = ast.parse(textwrap.dedent(inspect.getsource(Packing.add_up))).body[0]
    assert len(function.body) == 1 + 3
    assert not [node for node in ast.walk(function) if isinstance(node, (ast.If, ast.For, ast.BinOp, ast.Raise))]


# More partial sums than a group has rows


def test_no_slot_of_an_aligned_table_is_always_empty():
    """Groups of three rows and of one, in up to five parts: three slots each for L, two for M, five for the total."""
    frame = pd.DataFrame({"L": list("aaabbb"), "M": list("xyxyzz"), "n": [1, 2, 3, 4, 5, 6]})
    layout = Aligned(groupings=[["L"], ["M"], []], partial_sums=5)
    packing = layout.pack(Labels.from_frame(frame[["L", "M"]]), 1, 4096)
    assert [packing.parts(grouping) for grouping in layout.groupings] == [3, 2, 5]
    vectors = [vector.tolist() for vector in packing.vectors(frame[["n"]].to_numpy())]
    assert vectors == [[1, 2, 3, 4, 5, 6], [1, 3, 2, 4, 5, 6], [1, 2, 3, 4, 5], [6, 0, 0, 0, 0]]
    keys = key_pair("tenseal-bfv")
    table = EncryptedTable.encrypt(frame, ["L", "M"], keys.public, layout=layout)
    for grouping, parts in ((["L"], 3), (["M"], 2), ([], 5)):
        answer = table.group_by(*grouping).sum()
        assert answer.layout == Aligned(groupings=[grouping], partial_sums=parts)
        received = EncryptedAggregate.from_bytes(answer.to_bytes())
        assert received.layout == answer.layout
        expected = frame.groupby(grouping)["n"].sum().tolist() if grouping else [21]
        assert received.decrypt(keys.secret)["n"].tolist() == expected


# Aggregates with the layout of another


def forged(answer: EncryptedAggregate, **changed) -> bytes:
    """The bytes of an aggregate whose layout has these fields in place of its own."""
    fields = open_fields(answer.to_bytes(), "aggregate")
    fields[3] = fields[3] | changed
    return seal_fields("aggregate", fields)


def test_an_aggregate_with_a_layout_that_is_not_of_its_answer():
    keys = key_pair("tenseal-bfv")
    frame = pd.DataFrame({"L": list("aaab"), "M": list("xyzx"), "n": [1, 2, 3, 4]})
    answer = EncryptedTable.encrypt(frame, ["L", "M"], keys.public, layout=Aligned(partial_sums=2)).group_by("L").sum()
    assert EncryptedAggregate.from_bytes(forged(answer)).to_bytes() == answer.to_bytes()
    for changed in (
        {"groupings": [["M"]]},
        {"groupings": [["L"], ["M"]]},
        {"groupings": [[]]},
        {"partial_sums": 4},
        {"partial_sums": 2**63},
    ):
        with pytest.raises(DamagedBytes, match="contradicts itself"):
            EncryptedAggregate.from_bytes(forged(answer, **changed))
    rows = EncryptedTable.encrypt(frame, ["L", "M"], keys.public, layout=Rows()).group_by("L").sum()
    with pytest.raises(DamagedBytes, match="'rows' do not fit"):
        EncryptedAggregate.from_bytes(forged(rows, partial_sums=1))


@pytest.mark.parametrize("parts", [2**20, 2**50])
def test_an_aggregate_of_many_ciphertexts_costs_no_memory_before_they_are_counted(parts):
    """Five hundred groups that claim ``parts`` rows each, and 20 columns: millions of ciphertexts, named in 190 kB."""
    keys = key_pair("tenseal-bfv")
    numbers = {f"c{i}": np.arange(500) for i in range(20)}
    frame = pd.DataFrame({"L": [f"{i:03}" for i in range(500)]} | numbers)
    answer = EncryptedTable.encrypt(frame, ["L"], keys.public).group_by("L").sum()
    answer.counts = [parts] * 500
    data = forged(answer, partial_sums=parts)
    tracemalloc.start()
    with pytest.raises(DamagedBytes, match=f"needs {500 * 20 * parts // 4096} ciphertexts and brings 3"):
        EncryptedAggregate.from_bytes(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 * 2**20


# Words, and what is tried beforehand


def test_an_aggregate_counts_its_groups_and_ciphertexts():
    keys = key_pair("tenseal-bfv")
    frame = pd.DataFrame({"L": list("aab"), "n": [1, 2, 3]})
    table = EncryptedTable.encrypt(frame, ["L"], keys.public)
    assert repr(table.group_by("L").sum()) == "EncryptedAggregate(sum by L: 2 groups in 1 ciphertext)"
    total = EncryptedTable.encrypt(frame, ["L"], keys.public, layout=Values()).group_by().mean()
    assert repr(total) == "EncryptedAggregate(mean by the grand total: 1 group in 1 ciphertext)"
    assert repr(table.group_by("L").count()) == "EncryptedAggregate(count by L: 2 groups in 0 ciphertexts)"


def test_rotations_are_tried_on_one_ciphertext():
    """Three rotations of one probe: with the table's own it makes two encryptions."""
    parameters = BFVParameters(4096, (53, 53), plaintext_prime(27, 4096))
    frame = pd.DataFrame({"L": ["a"] * 8, "n": range(8)})
    encrypted = []
    for steps, made in (([1, 2, 4], 2), ([1, 2], 1)):
        public = pyfhel_bfv(parameters, galois_keys=steps).generate_keys().public
        with pytest.MonkeyPatch.context() as patch:
            encrypt = type(public).encrypt
            patch.setattr(type(public), "encrypt", lambda *a, f=encrypt, **k: encrypted.append(1) or f(*a, **k))
            if made == 2:
                EncryptedTable.encrypt(frame, ["L"], public, layout=Rotated(partial_sums=8))
            else:
                with pytest.raises(UnsupportedOperation):
                    EncryptedTable.encrypt(frame, ["L"], public, layout=Rotated(partial_sums=8))
        assert len(encrypted) == made
        encrypted.clear()
