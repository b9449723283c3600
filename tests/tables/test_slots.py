"""Where each number lies: literal positions, on the side that encrypts and on the side that decrypts.

Both sides derive the positions by the same rules, so that a changed rule would go unnoticed between them, and tables
that were encrypted before it could no longer be read.
"""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from he_helpers.tables import Aligned, EncryptedTable, Labels, Rotated, Rows, Values
from tests.schemes.conftest import key_pair

# Three groups of 3, 1 and 2 rows; the column n counts the rows from 1, and m is ten times n.
FRAME = pd.DataFrame({"L": list("abacac"), "n": [1, 2, 3, 4, 5, 6], "m": [10, 20, 30, 40, 50, 60]})
NUMBERS = FRAME[["n", "m"]].to_numpy()
LABELS = Labels.from_frame(FRAME[["L"]])
SLOTS = 8


def sent(layout, slots=SLOTS):
    packing = layout.pack(LABELS, 2, slots)
    vectors = [vector.tolist() for vector in packing.vectors(NUMBERS)]
    assert [len(vector) for vector in vectors] == list(packing.lengths()) and len(vectors) == packing.ciphertext_count
    return vectors


def received(layout, slots=SLOTS, columns=(0, 1), groups=3):
    """The placement's needed vectors, its lengths, and the cells of every column and group."""
    placement = layout.placement(2, groups, slots, columns)
    assert placement.ciphertext_count == len(placement.lengths)
    cells = {(column, group): placement.cells(column, group) for column in columns for group in range(groups)}
    return placement.needed, placement.lengths, cells


def test_values():
    assert sent(Values()) == [[1], [10], [2], [20], [3], [30], [4], [40], [5], [50], [6], [60]]
    needed, lengths, cells = received(Values())
    assert needed == [0, 1] and lengths == [1] * 6
    assert cells == {
        (0, 0): [(0, 0)],
        (1, 0): [(1, 0)],
        (0, 1): [(2, 0)],
        (1, 1): [(3, 0)],
        (0, 2): [(4, 0)],
        (1, 2): [(5, 0)],
    }
    assert received(Values(), columns=(1,)) == ([1], [1] * 3, {(1, 0): [(0, 0)], (1, 1): [(1, 0)], (1, 2): [(2, 0)]})


def test_rows():
    assert sent(Rows()) == [[1, 10], [2, 20], [3, 30], [4, 40], [5, 50], [6, 60]]
    needed, lengths, cells = received(Rows())
    assert needed == [0] and lengths == [2, 2, 2]
    assert cells == {
        (0, 0): [(0, 0)],
        (1, 0): [(0, 1)],
        (0, 1): [(1, 0)],
        (1, 1): [(1, 1)],
        (0, 2): [(2, 0)],
        (1, 2): [(2, 1)],
    }
    # With one slot a row takes two ciphertexts.
    assert sent(Rows(), slots=1) == sent(Values()) and received(Rows(), slots=1) == received(Values())


def test_rows_of_more_columns_than_slots():
    """Two slots for three columns: the third has a ciphertext of its own, which alone is needed for it."""
    numbers = np.column_stack([NUMBERS, 100 * NUMBERS[:, 0]])
    packing = Rows().pack(LABELS, 3, 2)
    vectors = [vector.tolist() for vector in packing.vectors(numbers)]
    assert vectors[:4] == [[1, 10], [100], [2, 20], [200]] and packing.ciphertext_count == len(vectors) == 12
    assert list(packing.lengths()) == [2, 1] * 6
    placement = Rows().placement(3, 3, 2, (1, 2))
    assert placement.needed == [0, 1] and placement.lengths == [2, 1] * 3
    assert [placement.cells(1, group) for group in range(3)] == [[(0, 1)], [(2, 1)], [(4, 1)]]
    assert [placement.cells(2, group) for group in range(3)] == [[(1, 0)], [(3, 0)], [(5, 0)]]
    alone = Rows().placement(3, 3, 2, (2,))
    assert (alone.needed, alone.lengths, alone.cells(2, 2)) == ([1], [1] * 3, [(2, 0)])


def test_aligned():
    """A column after the other, in each a group after the other: n of a, b, c, then m of a, b, c."""
    assert sent(Aligned()) == [[1, 2, 4, 10, 20, 40], [3, 0, 6, 30, 0, 60], [5, 0, 0, 50, 0, 0]]
    needed, lengths, cells = received(Aligned())
    assert needed == [0] and lengths == [6]
    assert cells == {
        (0, 0): [(0, 0)],
        (0, 1): [(0, 1)],
        (0, 2): [(0, 2)],
        (1, 0): [(0, 3)],
        (1, 1): [(0, 4)],
        (1, 2): [(0, 5)],
    }


def test_aligned_in_several_ciphertexts():
    """Five slots: the sixth cell begins the next ciphertext, and the first alone is needed for n."""
    assert sent(Aligned(), slots=5) == [[1, 2, 4, 10, 20], [40], [3, 0, 6, 30, 0], [60], [5, 0, 0, 50, 0], [0]]
    needed, lengths, cells = received(Aligned(), slots=5)
    assert needed == [0, 1] and lengths == [5, 1]
    assert cells[1, 1] == [(0, 4)] and cells[1, 2] == [(1, 0)]
    assert received(Aligned(), slots=5, columns=(0,))[:2] == ([0], [5])
    assert received(Aligned(), slots=3, columns=(1,)) == (
        [1],
        [3],
        {(1, 0): [(0, 0)], (1, 1): [(0, 1)], (1, 2): [(0, 2)]},
    )


def test_aligned_with_partial_sums():
    """Two parts: the members of a group take turns between two neighbouring slots."""
    assert sent(Aligned(partial_sums=2), slots=12) == [
        [1, 3, 2, 0, 4, 6, 10, 30, 20, 0, 40, 60],
        [5, 0, 0, 0, 0, 0, 50, 0, 0, 0, 0, 0],
    ]
    needed, lengths, cells = received(Aligned(partial_sums=2), slots=12)
    assert needed == [0] and lengths == [12]
    assert cells == {
        (0, 0): [(0, 0), (0, 1)],
        (0, 1): [(0, 2), (0, 3)],
        (0, 2): [(0, 4), (0, 5)],
        (1, 0): [(0, 6), (0, 7)],
        (1, 1): [(0, 8), (0, 9)],
        (1, 2): [(0, 10), (0, 11)],
    }


def test_aligned_for_two_groupings():
    """The blocks of ciphertexts lie in the order in which the groupings were announced."""
    assert sent(Aligned(groupings=[[], ["L"]])) == [
        [1, 10],
        [2, 20],
        [3, 30],
        [4, 40],
        [5, 50],
        [6, 60],
        [1, 2, 4, 10, 20, 40],
        [3, 0, 6, 30, 0, 60],
        [5, 0, 0, 50, 0, 0],
    ]


def test_more_groups_than_16_bits_tell_apart():
    """Three of the groups have a second member, which lies in the second layer."""
    label = np.concatenate([np.arange(70_000), [0, 65_536, 69_999]])
    numbers = 1 + np.arange(len(label)).reshape(-1, 1)
    packing = Aligned().pack(Labels.from_frame(pd.DataFrame({"L": label})), 1, 4096)
    first, second = np.concatenate(list(packing.vectors(numbers))).reshape(2, 70_000)
    assert (first == 1 + np.arange(70_000)).all()
    assert np.flatnonzero(second).tolist() == [0, 65_536, 69_999]
    assert second[[0, 65_536, 69_999]].tolist() == [70_001, 70_002, 70_003]


def test_rotated():
    """As aligned with partial sums; the first slot of a group holds its sum after the rotations."""
    assert sent(Rotated(partial_sums=2), slots=12) == sent(Aligned(partial_sums=2), slots=12)
    needed, lengths, cells = received(Rotated(partial_sums=2), slots=12)
    assert needed == [0] and lengths == [12]
    assert cells == {
        (0, 0): [(0, 0)],
        (0, 1): [(0, 2)],
        (0, 2): [(0, 4)],
        (1, 0): [(0, 6)],
        (1, 1): [(0, 8)],
        (1, 2): [(0, 10)],
    }


def test_rotated_takes_no_more_slots_than_the_largest_group_needs():
    """The next power of two; and for each grouping the ciphertexts and the rotations of a sum."""
    labels = Labels.from_frame(pd.DataFrame({"L": list("aabbcd"), "M": list("xyxyxy")}))
    layout = Rotated(groupings=[["L"], ["M"], ["L", "M"], []], partial_sums=4)
    packing = layout.pack(labels, 1, 16)
    assert [packing.parts(grouping) for grouping in layout.groupings] == [2, 4, 1, 4]
    assert list(packing.sums()) == [(1, 1, 2), (1, 2, 4), (1, 0, 1), (2, 2, 4)]
    assert (packing.largest_group, packing.terms) == (6, 8)


def added(layout, grouping=("L",), slots=SLOTS, columns=(0, 1)):
    """For each ciphertext of an answer, in order, the positions of the uploaded ones that it is the sum of."""
    key = SimpleNamespace(add_up=lambda ciphertexts: [ciphertext.position for ciphertext in ciphertexts])
    packing = layout.pack(LABELS, 2, slots)
    uploaded = [SimpleNamespace(key=key, position=position) for position in range(packing.ciphertext_count)]
    return packing.add_up(uploaded, grouping, columns)


def test_the_ciphertexts_that_are_added_up():
    assert added(Values()) == [[0, 4, 8], [1, 5, 9], [2], [3], [6, 10], [7, 11]]
    assert added(Values(), columns=(1,)) == [[1, 5, 9], [3], [7, 11]]
    assert added(Values(), (), columns=(0,)) == [[0, 2, 4, 6, 8, 10]]
    assert added(Rows()) == [[0, 2, 4], [1], [3, 5]] and added(Rows(), ()) == [[0, 1, 2, 3, 4, 5]]
    assert added(Aligned()) == [[0, 1, 2]]
    assert added(Aligned(), slots=5) == [[0, 2, 4], [1, 3, 5]]
    assert added(Aligned(), slots=5, columns=(0,)) == [[0, 2, 4]]
    assert added(Aligned(), slots=3, columns=(1,)) == [[1, 3, 5]]
    assert added(Aligned(groupings=[["L"], []])) == [[0, 1, 2]]
    assert added(Aligned(groupings=[["L"], []]), ()) == [[3, 4, 5, 6, 7, 8]]
    assert added(Aligned(groupings=[[], ["L"]])) == [[6, 7, 8]]
    assert added(Aligned(groupings=[["L"], []]), (), slots=1, columns=(1,)) == [[19, 21, 23, 25, 27, 29]]


@pytest.mark.parametrize("layout, expected", [(Aligned(partial_sums=2), [6, 3, 2, 0, 4, 6]), (Rows(), [9])])
def test_the_slots_of_decrypted_sums(layout, expected):
    """The sums of n as they lie in the ciphertexts of an answer."""
    keys = key_pair("tenseal-bfv")
    answer = EncryptedTable.encrypt(FRAME[["L", "n"]], ["L"], keys.public, layout=layout)
    first = answer.group_by("L").sum().ciphertexts[0]
    assert np.array_equal(keys.secret.decrypt(first), expected)
