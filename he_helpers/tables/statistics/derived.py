"""The administrator's side of a plan: the columns to encrypt."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from he_helpers.schemes.errors import ValueOutOfRange
from he_helpers.tables.columns import Column
from he_helpers.tables.statistics.group_sums import LARGEST_SUM
from he_helpers.tables.statistics.plan import Histogram, Measure, MomentPlan, column_of

if TYPE_CHECKING:
    import pandas as pd


def moments(frame: pd.DataFrame, plan: MomentPlan) -> pd.DataFrame:
    """The derived columns of ``plan``: a row for each row of ``frame``, int64.

    Join the readable labels, and encrypt with 0 decimals.
    Raises UnknownColumn; ValueOutOfRange for a value that the plan does not foresee (missing, not yes-no, outside all
    bins, more decimals), and where a sum could pass 2^53, which no result holds exactly.
    """
    import pandas as pd

    values = {measure.name: _fixed_point(frame, measure) for measure in plan.measures}
    present = {measure.name: frame[measure.name].notna().to_numpy() for measure in plan.measures}
    derived: dict[str, np.ndarray] = {}
    for moment in plan.moments:
        largest = prod(int(np.abs(values[name]).max()) ** power for name, power in moment.powers)
        if largest * len(frame) >= LARGEST_SUM:
            raise ValueOutOfRange(
                f"The sum of {moment.name!r} over {len(frame)} rows can pass 2^53, where a float stops to be exact. "
                "Use fewer decimals, or subtract a public constant from the column first."
            )
        column = np.ones(len(frame), dtype=np.int64)
        for name, power in moment.powers:
            column = column * values[name] ** power
        for name in moment.present:
            column = column * present[name]
        derived[moment.name] = column
    for histogram in plan.histograms:
        derived |= _bin_columns(frame, histogram)
    return pd.DataFrame(derived, index=frame.index)


def _fixed_point(frame: pd.DataFrame, measure: Measure) -> np.ndarray:
    column = column_of(frame, measure.name)
    if not measure.missing and column.isna().any():
        raise ValueOutOfRange(
            f"Column {measure.name!r} has missing values, and the plan says that it has none. Make the plan anew."
        )
    if measure.yes_no and not column.dropna().isin([0, 1]).all():
        raise ValueOutOfRange(
            f"Column {measure.name!r} has other values than 0 and 1, and the plan says yes-no. Make the plan anew."
        )
    return Column(measure.name, measure.decimals).encode(column.fillna(0), exact=True)


def _bin_columns(frame: pd.DataFrame, histogram: Histogram) -> dict[str, np.ndarray]:
    column, edges = column_of(frame, histogram.column), histogram.edges
    outside = column.notna() & ~column.between(edges[0], edges[-1])
    if outside.any():
        raise ValueOutOfRange(
            f"Column {histogram.column!r} has {int(outside.sum())} values outside its bins, {edges[0]:g} to "
            f"{edges[-1]:g}: they would be lost without a word. Widen the first and the last bin."
        )
    bins = np.minimum(np.searchsorted(edges, column.fillna(edges[0]), side="right") - 1, len(edges) - 2)
    here = column.notna().to_numpy()
    return {name: (here & (bins == i)).astype(np.int64) for i, name in enumerate(histogram.names)}
