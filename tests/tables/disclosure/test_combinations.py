"""Sums over few contributors that released sums tell together: against the plain search over all sets, and by hand."""

from fractions import Fraction
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from he_helpers.tables import Labels
from he_helpers.tables.disclosure.combinations import few_contributors


def labels(**columns):
    return Labels.from_frame(pd.DataFrame(columns))


def rational_rank(matrix):
    rows = [[Fraction(int(value)) for value in row] for row in matrix]
    rank = 0
    for column in range(len(rows[0]) if rows else 0):
        pivot = next((row for row in range(rank, len(rows)) if rows[row][column]), None)
        if pivot is None:
            continue
        rows[rank], rows[pivot] = rows[pivot], rows[rank]
        for row in range(rank + 1, len(rows)):
            factor = rows[row][column] / rows[rank][column]
            rows[row] = [a - factor * b for a, b in zip(rows[row], rows[rank], strict=True)]
        rank += 1
    return rank


def by_trying(table, contributor_label, before, now, minimum):
    """The same from the definition, with fractions, rows as unknowns, and all sets of contributors."""
    owner = np.arange(table.rows) if contributor_label is None else table.group_of_rows([contributor_label])

    def confined(groupings, inside):
        groups = [table.group_of_rows(grouping) for grouping in groupings]
        matrix = [(of == group).astype(int) for of in groups for group in range(of.max() + 1)]
        if not matrix:
            return 0
        return rational_rank(matrix) - rational_rank(np.array(matrix)[:, ~inside])

    for size in range(1, minimum):
        for some in combinations(range(owner.max() + 1), size):
            inside = np.isin(owner, some)
            if confined([*before, now], inside) > confined(before, inside):
                return size
    return None


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_the_smallest_is_that_of_the_plain_search(data):
    rows = data.draw(st.integers(2, 8))
    value = st.integers(0, 2)
    names = ["a", "b", "c"]
    table = labels(**{name: data.draw(st.lists(value, min_size=rows, max_size=rows)) for name in [*names, "who"]})
    groupings = data.draw(st.lists(st.lists(st.sampled_from(names), max_size=2, unique=True), min_size=1, max_size=4))
    contributor_label = data.draw(st.sampled_from([None, "who"]))
    minimum = data.draw(st.integers(2, 4))
    found = few_contributors(table, contributor_label, groupings[:-1], groupings[-1], minimum)
    assert found.smallest == by_trying(table, contributor_label, groupings[:-1], groupings[-1], minimum)
    assert found.searched >= (found.smallest or minimum) - 1


def some_table(seed):
    """Labels of 5 to 10 contributors with several rows each, groupings of them, and a minimum."""
    generator = np.random.default_rng(seed)
    contributors = int(generator.integers(5, 11))
    rows, number = int(generator.integers(contributors, 3 * contributors)), int(generator.integers(3, 7))
    columns = {f"label {place}": generator.integers(0, int(generator.integers(2, 4)), rows) for place in range(number)}
    if generator.random() < 0.7:
        who = generator.integers(0, contributors, rows)
    else:
        who = np.arange(rows) % contributors
    groupings = [[name] for name in columns]
    if generator.random() < 0.5:
        groupings.append(list(generator.choice(list(columns), 2, replace=False)))
    return labels(**columns, who=who), groupings, int(generator.integers(3, 7))


# Tables that a search which leaves out one of its steps, or takes one step for enough, gets wrong.
@pytest.mark.parametrize(
    ("seed", "place"), [(1, 5), (2, 2), (3, 1), (4, 2), (4, 4), (6, 3), (14, 4), (19, 3), (49, 3), (54, 1)]
)
def test_what_takes_every_step_of_the_search(seed, place):
    table, groupings, minimum = some_table(seed)
    contributor_label = "who" if seed % 3 else None
    before, now = groupings[:place], groupings[place]
    owner = np.arange(table.rows) if contributor_label is None else table.group_of_rows([contributor_label])

    def confined(some, inside):
        groups = [table.group_of_rows(grouping) for grouping in some]
        matrix = np.array([of == group for of in groups for group in range(of.max() + 1)], dtype=float)
        return np.linalg.matrix_rank(matrix) - np.linalg.matrix_rank(matrix[:, ~inside])

    def smallest():
        for size in range(1, minimum):
            for some in combinations(range(owner.max() + 1), size):
                inside = np.isin(owner, some)
                if confined([*before, now], inside) > confined(before, inside):
                    return size

    found = few_contributors(table, contributor_label, before, now, minimum)
    assert found.smallest == smallest() and found.searched >= (found.smallest or minimum) - 1


# Four regions in pairs of areas: Anna is the only one in the north and inland.
PLACES = [("N", "coast")] * 5 + [("N", "inland")] + [("S", "inland")] * 5
REGION, AREA = zip(*PLACES, strict=True)


def test_a_difference_of_two_results():
    table = labels(region=REGION, area=AREA)
    assert few_contributors(table, None, [["region"]], ["area"], 3).smallest == 1
    assert few_contributors(table, None, [], ["area"], 3).smallest is None
    assert few_contributors(table, None, [], ["region", "area"], 3).smallest == 1


def test_contributors_and_not_rows():
    table = labels(region=REGION, area=AREA, who=["a", "b"] * 2 + ["c", "d"] + ["e", "f", "g", "h", "i"])
    rows = labels(region=REGION * 3, area=AREA * 3, who=["a", "b"] * 2 + ["c", "d"] + list("efghi") + ["d"] * 22)
    assert few_contributors(table, "who", [["region"]], ["area"], 2).smallest == 1
    assert few_contributors(rows, "who", [["region"]], ["area"], 2).smallest == 1
    assert few_contributors(rows, None, [["region"]], ["area"], 3).smallest is None


def test_a_complementary_cell():
    # The total and the large cell are out: the rest is the small cell.
    table = labels(all=["x"] * 10, cell=["small"] * 2 + ["large"] * 8, other=["small"] * 2 + [*"ab"] * 4)
    assert few_contributors(table, None, [["other"]], ["all"], 2).smallest is None
    assert few_contributors(table, None, [["all"]], ["cell"], 3).smallest == 2


def three_way():
    """No two of these groupings tell anything, and the three tell the sum of one row: x + y - z, twice that row."""
    first = ["p", "p", "q", "q", "q"]
    second = ["p", "q", "p", "q", "q"]
    third = ["q", "p", "p", "q", "q"]
    return labels(first=first, second=second, third=third)


def test_three_results_together():
    table = three_way()
    for one, other in combinations(["first", "second", "third"], 2):
        assert few_contributors(table, None, [[one]], [other], 2).smallest is None
    assert few_contributors(table, None, [["first"], ["second"]], ["third"], 2).smallest == 1


def test_what_was_told_before_is_not_told_again():
    table = three_way()
    before = [["first"], ["second"], ["third"]]
    assert few_contributors(table, None, before, ["first"], 2).smallest is None
    assert few_contributors(table, None, [["first", "second"]], ["first"], 2).smallest is None


def test_how_far_a_search_came_is_said():
    generator = np.random.default_rng(1)
    table = labels(**{name: generator.integers(0, 4, 60) for name in "abcdefgh"})
    before = [[name] for name in "abcdefg"]
    assert few_contributors(table, None, before, ["h"], 4).searched == 3
    limited = few_contributors(table, None, before, ["h"], 8, most_steps=50)
    assert limited.smallest is None and 1 <= limited.searched < 7


def test_a_table_that_is_too_large_is_not_searched(monkeypatch):
    monkeypatch.setattr("he_helpers.tables.disclosure.combinations.MOST_ENTRIES", 10)
    assert few_contributors(three_way(), None, [["first"]], ["second"], 2).searched == 0


@pytest.mark.parametrize("minimum", [0, 1])
def test_without_a_limit_nothing_is_small(minimum):
    assert few_contributors(three_way(), None, [], ["first", "second"], minimum).smallest is None
