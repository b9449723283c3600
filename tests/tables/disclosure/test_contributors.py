"""Contributors are counted, not rows; and the share of the largest two is that of pandas, done by hand."""

import numpy as np
import pandas as pd
import pytest

from he_helpers.tables.disclosure.contributors import group_contributors, share_of_largest
from he_helpers.tables.labels import Labels


@pytest.fixture
def labels():
    # East: 3 branches with 4, 1 and 1 rows. West: 2 branches, one of which is in East, too.
    rows = [("East", branch) for branch in "aaaabc"] + [("West", branch) for branch in "ccd"]
    return Labels.from_frame(pd.DataFrame(rows, columns=["region", "branch"]))


def test_a_group_counts_its_contributors(labels):
    counts = group_contributors(labels, ["region"], "branch")
    assert counts["rows"].to_dict() == {"East": 6, "West": 3}
    assert counts["contributors"].to_dict() == {"East": 3, "West": 2}
    assert counts["share_of_rows"].to_dict() == {"East": pytest.approx(5 / 6), "West": 1.0}


def test_a_contributor_to_two_groups_counts_once_in_the_total(labels):
    total = group_contributors(labels, [], "branch")
    assert total[["rows", "contributors"]].values.tolist() == [[9, 4]]
    assert total["share_of_rows"].tolist() == [pytest.approx(7 / 9)]


def test_without_a_label_each_row_is_a_contributor(labels):
    counts = group_contributors(labels, ["region"], None)
    assert counts["contributors"].tolist() == counts["rows"].tolist() == [6, 3]
    assert counts["share_of_rows"].tolist() == [pytest.approx(2 / 6), pytest.approx(2 / 3)]


def test_grouping_by_the_contributors_themselves(labels):
    counts = group_contributors(labels, ["branch"], "branch")
    assert counts["contributors"].tolist() == [1, 1, 1, 1] and counts["share_of_rows"].tolist() == [1.0] * 4


def test_the_share_of_the_largest_two():
    amounts = np.array([5, 1, -3, 2, 10, 10, 0, 0])
    groups = np.array([0, 0, 0, 0, 1, 2, 2, 3])
    assert share_of_largest(amounts, groups, 5).tolist() == [pytest.approx(8 / 11), 1.0, 1.0, 0.0, 0.0]


def test_a_share_is_that_of_pandas():
    generator = np.random.default_rng(5)
    groups, amounts = generator.integers(0, 7, 300), generator.lognormal(3, 2, 300)
    frame = pd.DataFrame({"group": groups, "amount": amounts}).groupby("group")["amount"]
    expected = frame.apply(lambda of_group: of_group.nlargest(2).sum() / of_group.sum())
    np.testing.assert_allclose(share_of_largest(amounts, groups, 7), expected)
