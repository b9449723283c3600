"""Statistics out of decrypted sums: for whoever may see them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from he_helpers.tables.query import UnknownColumn
from he_helpers.tables.statistics.group_sums import GroupSums, exact_integer, labels_of, rows_of
from he_helpers.tables.statistics.plan import MomentPlan

if TYPE_CHECKING:
    import pandas as pd


def summarise(sums: pd.DataFrame, plan: MomentPlan) -> pd.DataFrame:
    """Count of present values, mean, variance and standard deviation (n - 1) for each group and measure.

    sums: decrypted sums, a row for each group, with the columns ``plan.names``, and its size in the column ``rows``.
    Returns a frame indexed by group and column; float64, NaN where there are too few values.
    Raises ShapeMismatch where a sum is absent or no integer.
    """

    def rows(of: GroupSums) -> Iterable[tuple[tuple, dict]]:
        for measure in plan.measures:
            n = of.count(measure.name)
            variance = of.covariance(measure.name, measure.name)
            yield (
                (measure.name,),
                {
                    "count": n,
                    "mean": _ratio(of.scaled((measure.name, 1)), n),
                    "variance": _float(variance),
                    "std": sqrt(variance) if variance is not None else np.nan,
                },
            )

    return _by_group(sums, plan, rows, ["column"])


def covariances(sums: pd.DataFrame, plan: MomentPlan) -> pd.DataFrame:
    """Count of rows with both values, covariance (n - 1) and Pearson's correlation for each group and pair.

    As summarise; indexed by group, first and second column.
    """

    def rows(of: GroupSums) -> Iterable[tuple[tuple, dict]]:
        for first, second in plan.pairs:
            covariance = of.covariance(first, second)
            variances = of.covariance(first, first, second), of.covariance(second, second, first)
            yield (
                (first, second),
                {
                    "count": of.count(first, second),
                    "covariance": _float(covariance),
                    "correlation": _correlation(covariance, *variances),
                },
            )

    return _by_group(sums, plan, rows, ["first", "second"])


def histogram_counts(sums: pd.DataFrame, plan: MomentPlan, column: str) -> pd.DataFrame:
    """The counts of the histogram of ``column``: a row for each bin, a column for each group. Raises UnknownColumn."""
    import pandas as pd

    known = [histogram.column for histogram in plan.histograms]
    if column not in known:
        raise UnknownColumn(f"The plan has no histogram of {column!r}. Known: {', '.join(known) or 'none'}.", known)
    histogram = plan.histograms[known.index(column)]
    index = pd.Index(histogram.bins, name=column)
    return pd.DataFrame(
        {group: [exact_integer(row, name) for name in histogram.names] for group, row in rows_of(sums)}, index=index
    )


def _by_group(
    sums: pd.DataFrame, plan: MomentPlan, rows: Callable[[GroupSums], Iterable[tuple[tuple, dict]]], names: list[str]
) -> pd.DataFrame:
    import pandas as pd

    found = {}
    for group, row in rows_of(sums):
        for key, statistics in rows(GroupSums(row, plan)):
            found[(*labels_of(group), *key)] = statistics
    frame = pd.DataFrame.from_dict(found, orient="index")
    frame.index = pd.MultiIndex.from_tuples(found, names=[*sums.index.names, *names])
    return frame


def _ratio(value: Fraction, divisor: int) -> float:
    return float(value / divisor) if divisor else np.nan


def _correlation(covariance: Fraction | None, first: Fraction | None, second: Fraction | None) -> float:
    """Of two columns with these variances, all over the same rows."""
    if covariance is None or first is None or second is None:
        return np.nan
    spread = sqrt(first) * sqrt(second)
    return float(covariance) / spread if spread else np.nan


def _float(value: Fraction | None) -> float:
    return np.nan if value is None else float(value)
