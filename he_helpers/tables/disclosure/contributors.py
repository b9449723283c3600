"""Who stands behind a group: contributors (persons, branches, firms), and not rows.

A group of 64 rows that come from 8 branches is a group of 8. A minimum is a number of contributors, therefore, and so
is the other rule of statistical offices, *dominance*: where the few largest contributors hold nearly all of a sum, the
second largest can subtract its own amount and knows the largest one's closely. Both are described by Hundepool and
others, Statistical Disclosure Control, Wiley 2012, https://doi.org/10.1002/9781118348239; that the two largest may
hold at most 85 % is sdcLog's default, https://cran.r-project.org/web/packages/sdcLog/vignettes/options.html.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from he_helpers.tables.labels import Labels

# Imported where a frame is made or read: the server's workers make none, and pandas is a third of what they import.
if TYPE_CHECKING:
    import pandas as pd

DOMINANT_CONTRIBUTORS = 2
LARGEST_SHARE = 0.85
# A minimum below this lets groups of two through, whose two contributors always hold everything.
SMALLEST_MINIMUM_WITH_DOMINANCE = DOMINANT_CONTRIBUTORS + 1


def group_contributors(
    labels: Labels, group_by: Sequence[str], contributor_label: str | None, largest: int = DOMINANT_CONTRIBUTORS
) -> pd.DataFrame:
    """What contributor_counts() counts, as a frame indexed by group."""
    import pandas as pd

    counts = contributor_counts(labels, group_by, contributor_label, largest)
    return pd.DataFrame(counts, index=labels.groups(group_by).index())


def contributor_counts(
    labels: Labels, group_by: Sequence[str], contributor_label: str | None, largest: int = DOMINANT_CONTRIBUTORS
) -> dict[str, np.ndarray]:
    """Rows and contributors of each group, in the order of Labels.groups(), from the readable labels alone.

    contributor_label: the label that tells contributors apart; None: each row is a contributor of its own.
    Returns "rows" and "contributors" (int64), and "share_of_rows" (float64): what part of the group's rows its
    ``largest`` contributors with the most rows have.
    """
    groups, group_of_row = labels.groups(group_by), labels.group_of_rows(group_by)
    if contributor_label is None:
        owner, owners = np.arange(labels.rows), labels.rows
    else:
        owner, owners = labels.group_of_rows([contributor_label]), labels.groups([contributor_label]).rows
    pairs, rows_of_pair = np.unique(group_of_row * owners + owner, return_counts=True)
    group_of_pair = pairs // owners
    count = groups.rows
    return {
        "rows": np.bincount(group_of_row, minlength=count),
        "contributors": np.bincount(group_of_pair, minlength=count),
        "share_of_rows": share_of_largest(rows_of_pair, group_of_pair, count, largest),
    }


def share_of_largest(
    amounts: np.ndarray, group_of: np.ndarray, groups: int, number: int = DOMINANT_CONTRIBUTORS
) -> np.ndarray:
    """What part of each group's total its ``number`` largest amounts are: float64, one a group, 0 to 1.

    amounts: one for each contributor to a group; their sizes count, not their signs. group_of: the group of each,
    0 to ``groups`` - 1. A group whose amounts are all zero has the share 0.
    """
    sizes = np.abs(np.asarray(amounts, dtype=np.float64))
    order = np.lexsort((-sizes, group_of))
    group_of, sizes = group_of[order], sizes[order]
    begins = np.searchsorted(group_of, np.arange(groups))
    largest = np.arange(len(sizes)) - begins[group_of] < number
    totals = np.bincount(group_of, weights=sizes, minlength=groups)
    of_largest = np.bincount(group_of[largest], weights=sizes[largest], minlength=groups)
    return np.divide(of_largest, totals, out=np.zeros(groups), where=totals > 0)
