"""The decrypted sums of a group, as exact numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from he_helpers.schemes.errors import ShapeMismatch
from he_helpers.tables.statistics.plan import ROWS, Moment, MomentPlan

if TYPE_CHECKING:
    import pandas as pd

LARGEST_SUM = 2**53
"""A result travels as float64, which holds integers up to here."""


class GroupSums:
    """The sums of one group, as exact numbers."""

    def __init__(self, row: Mapping[str, Any] | pd.Series, plan: MomentPlan) -> None:
        self._row = row
        self._plan = plan

    def number(self, name: str) -> int:
        return exact_integer(self._row, name)

    def sum(self, moment: Moment) -> int:
        return self.number(moment.name)

    def count(self, *columns: str) -> int:
        """The rows in which all these columns have values; without a column, all rows."""
        return self.number(self._plan.count_name(*columns))

    def scaled(self, *powers: tuple[str, int], present: Sequence[str] = ()) -> Fraction:
        """A sum in the units of the data."""
        decimals = sum(self._plan.measure(name).decimals * power for name, power in powers)
        return Fraction(self.sum(self._plan.moment(*powers, present=present)), 10**decimals)

    def covariance(self, first: str, second: str, *present: str) -> Fraction | None:
        """(n Σxy − Σx Σy) / (n (n − 1)) over the rows in which all are present; None for fewer than two rows."""
        n = self.count(*{first, second, *present})
        if n < 2:
            return None
        product = ((first, 2),) if first == second else ((first, 1), (second, 1))
        xy = self.scaled(*product, present=present)
        x, y = self.scaled((first, 1), present=[second, *present]), self.scaled((second, 1), present=[first, *present])
        return (n * xy - x * y) / (n * (n - 1))


def rows_of(sums: pd.DataFrame) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Each group with its sums. A row of a frame would turn integers beside a column of floats into floats."""
    return zip(sums.index, sums.to_dict("records"), strict=True)


def labels_of(group: Any) -> tuple:
    return group if isinstance(group, tuple) else (group,)


def exact_integer(row: Mapping[str, Any] | pd.Series, name: str) -> int:
    if name not in row:
        what = "Add the sizes of the groups as this column first." if name == ROWS else "Ask for all of plan.names."
        raise ShapeMismatch(f"The sums have no column {name!r}. {what}")
    value = row[name]
    if not float(value).is_integer() or abs(value) >= LARGEST_SUM:
        raise ShapeMismatch(f"The sum of {name!r} is {value}, no exact integer: these are not sums of this plan.")
    return int(value)
