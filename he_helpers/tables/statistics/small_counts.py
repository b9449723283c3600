"""Where sums would be about very few people: what an administrator looks at before they leave."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from he_helpers.tables.statistics.group_sums import GroupSums, exact_integer, labels_of
from he_helpers.tables.statistics.plan import ROWS, MomentPlan

if TYPE_CHECKING:
    import pandas as pd


def small_counts(sums: pd.DataFrame, plan: MomentPlan, minimum: int) -> pd.Series:
    """Where a statistic would be about more than none and fewer than ``minimum`` people; empty if nowhere.

    The server can only count rows, and does not see masks. So this is for the administrator, before
    encrypting or before a release. sums: as summarise takes them. Looked at are, in each group:

    - what is released itself: present values, yes-answers and bins;
    - gaps, for the size of a group is known to everybody: people "without BMI", or "glucose in no bin";
    - what is left over: "diabetes is 0";
    - differences within a pair: "age without BMI" are those in the sum "age" and not in "age|BMI", and "neither age nor
      BMI" those in none of both.

    Not seen: sums of other requests and other groupings, differences of more than these sums, a count that is all of a
    group or none (everybody had it), and who dominates a sum. An administrator's ledger compares requests, by sizes of
    groups.
    Returns a Series indexed by group and what is counted. Raises ShapeMismatch where a sum or ``rows`` is absent.
    """
    found: dict[tuple, int] = {}
    for group, row in sums.iterrows():
        counts = _counts(GroupSums(row, plan), plan)
        found |= {(*labels_of(group), name): count for name, count in counts.items() if 0 < count < minimum}
    return _as_series(found, sums)


def small_counts_among(sums: pd.DataFrame, plan: MomentPlan, minimum: int) -> pd.Series:
    """The same where only some of the plan's columns are asked: what these tell.

    sums: the asked columns, and ``rows``; those that are none of the plan's are not looked at. Beside what small_counts
    finds in the part of the plan that is whole, each count by itself is looked at, and what it leaves of the group.
    """
    part = plan.among(sums.columns)
    found = {} if part is None else small_counts(sums, part, minimum).to_dict()
    for name in (name for name in plan.counts if name in sums.columns):
        whole = part is not None and name in part.names
        for group, row in () if whole else sums.iterrows():
            count = exact_integer(row, name)
            for people, number in ((name, count), (f"not in {name}", exact_integer(row, ROWS) - count)):
                if 0 < number < minimum:
                    found[(*labels_of(group), people)] = number
    return _as_series(found, sums)


def _as_series(found: Mapping[tuple, int], sums: pd.DataFrame) -> pd.Series:
    import pandas as pd

    names = [*sums.index.names, "people"]
    index = pd.MultiIndex.from_arrays(list(zip(*found, strict=True)) or [() for _ in names], names=names)
    return pd.Series(list(found.values()), index=index, name="count", dtype=np.int64)


def _counts(of: GroupSums, plan: MomentPlan) -> dict[str, int]:
    """Every number of people that the sums of one group tell by themselves or by one subtraction, under its name."""
    rows = of.count()
    counts: dict[str, int] = {}
    for measure in plan.measures:
        present = of.count(measure.name)
        counts |= {f"n({measure.name})": present, f"without {measure.name}": rows - present}
        if measure.yes_no:
            yes = of.sum(plan.moment((measure.name, 1)))
            counts |= {f"{measure.name} is 1": yes, f"{measure.name} is 0": present - yes}
    for first, second in plan.pairs:
        both = of.count(first, second)
        counts[f"neither {first} nor {second}"] = rows - of.count(first) - of.count(second) + both
        for one, other in ((first, second), (second, first)):
            counts[f"{one} without {other}"] = of.count(one) - both
            if plan.measure(one).yes_no:
                yes = of.sum(plan.moment((one, 1))) - of.sum(plan.moment((one, 1), present=[other]))
                counts[f"{one} is 1 without {other}"] = yes
                counts[f"{one} is 0 without {other}"] = of.count(one) - both - yes
    for histogram in plan.histograms:
        bins = {name: of.number(name) for name in histogram.names}
        counts |= bins | {f"{histogram.column} in no bin": rows - sum(bins.values())}
    return counts
