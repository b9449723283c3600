"""A MomentPlan says which statistics an encrypted table shall answer, and names the columns whose sums tell them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from he_helpers.schemes.errors import ShapeMismatch
from he_helpers.tables.columns import MOST_DECIMALS
from he_helpers.tables.query import UnknownColumn

if TYPE_CHECKING:
    import pandas as pd

ROWS = "rows"
"""The number of rows of a group: a column that is not encrypted, because readable labels tell it."""


def _digits(number: float) -> str:
    """All digits of a number: two numbers never share a name."""
    return str(int(number)) if float(number).is_integer() and abs(number) < 1e15 else repr(float(number))


@dataclass(frozen=True)
class Measure:
    """A numeric column as the plan knows it: ``decimals``, whether values are ``missing``, whether it is only 0 and 1.

    All three become known to everybody who gets the plan. The square of a yes-no column is the column itself.
    """

    name: str
    decimals: int
    missing: bool
    yes_no: bool


@dataclass(frozen=True)
class Moment:
    """A product of powers of columns, summed over the rows in which these and the ``present`` columns have values."""

    powers: tuple[tuple[str, int], ...]
    present: tuple[str, ...]

    @property
    def name(self) -> str:
        if not self.powers:
            return f"n({' & '.join(self.present)})"
        factors = "*".join(name if power == 1 else f"{name}^{power}" for name, power in self.powers)
        return "|".join([factors, *self.present])


@dataclass(frozen=True)
class Histogram:
    """Bins between successive edges; each includes its lower edge, and the last one its upper edge too."""

    column: str
    edges: tuple[float, ...]

    @property
    def bins(self) -> tuple[str, ...]:
        last = len(self.edges) - 2
        return tuple(
            f"[{_digits(low)}, {_digits(high)}{']' if i == last else ')'}"
            for i, (low, high) in enumerate(pairwise(self.edges))
        )

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"{self.column} in {interval}" for interval in self.bins)


@dataclass(frozen=True)
class MomentPlan:
    """Which statistics an encrypted table shall answer. Immutable; see the module for the names that follow from it.

    measures: the numeric columns that get count, mean, variance and standard deviation.
    pairs: those that get covariance and correlation.

    Raises UnknownColumn for a pair of columns that are no measures, ShapeMismatch for an empty or contradictory plan.
    """

    measures: tuple[Measure, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()
    histograms: tuple[Histogram, ...] = ()

    def __post_init__(self) -> None:
        for pair in self.pairs:
            for name in pair:
                self.measure(name)
            if pair[0] == pair[1]:
                raise ShapeMismatch(f"The pair {pair} has one column twice; its covariance is the variance.")
        for measure in self.measures:
            most = 0 if measure.yes_no else MOST_DECIMALS
            if not 0 <= measure.decimals <= most:
                raise ShapeMismatch(f"Column {measure.name!r} needs 0 to {most} decimals, not {measure.decimals}.")
        for histogram in self.histograms:
            edges = histogram.edges
            if len(edges) < 2 or not np.isfinite(edges).all() or any(low >= high for low, high in pairwise(edges)):
                raise ShapeMismatch(f"The histogram of {histogram.column!r} needs two or more finite, rising edges.")
        names = [*self.names, ROWS]
        if not self.names:
            raise ShapeMismatch("A plan needs a measure or a histogram.")
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ShapeMismatch(f"The plan derives {twice[0]!r} twice. Rename a column, or drop what is there twice.")

    @classmethod
    def for_frame(
        cls,
        frame: pd.DataFrame,
        decimals: Mapping[str, int],
        *,
        columns: Sequence[str] = (),
        pairs: Sequence[Sequence[str]] = (),
        histograms: Mapping[str, Sequence[float]] | None = None,
    ) -> MomentPlan:
        """A plan for the ``columns`` of a frame: which have missing values, and which are yes-no, is looked up in it.

        histograms: edges by column.
        Raises UnknownColumn; ShapeMismatch for what is no such list, pair or mapping, and for bins of text.
        """
        from pandas.api.types import is_numeric_dtype

        columns = _names("columns", columns)
        related = [_pair("pairs", pair) for pair in _list("pairs", pairs)]
        for what, given in (("decimals", decimals), ("histograms", histograms or {})):
            if not isinstance(given, Mapping):
                raise ShapeMismatch(f"{what} is a mapping from names of columns, not {given!r}.")
        edges = {name: _edges(name, given) for name, given in (histograms or {}).items()}
        for name in (*columns, *edges):
            column_of(frame, name)
        for name in edges:
            if not is_numeric_dtype(frame[name]):
                raise ShapeMismatch(
                    f"Column {name!r} is no column of numbers, and bins are made from numbers. Replace its "
                    "values by numbers first (0 and 1, or 1, 2, 3), or make it a label, which stays readable."
                )
        return cls(
            measures=tuple(_look_at(frame[name], decimals.get(name, 0)) for name in columns),
            pairs=tuple(related),
            histograms=tuple(Histogram(name, rising) for name, rising in edges.items()),
        )

    @property
    def moments(self) -> tuple[Moment, ...]:
        """Every moment once, counts included, in the order of measures and pairs."""
        found = []
        for measure in self.measures:
            found += [self.moment(), self.moment((measure.name, 1)), self.moment((measure.name, 2))]
            found.append(self.moment(present=[measure.name]))
        for first, second in self.pairs:
            found.append(self.moment((first, 1), (second, 1)))
            found.append(self.moment(present=[first, second]))
            for one, other in ((first, second), (second, first)):
                found += [self.moment((one, power), present=[other]) for power in (1, 2)]
        return tuple(moment for moment in dict.fromkeys(found) if moment.powers or moment.present)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns to encrypt, and to ask the sums of."""
        return (
            *(moment.name for moment in self.moments),
            *(name for histogram in self.histograms for name in histogram.names),
        )

    def measure(self, name: str) -> Measure:
        """Raises UnknownColumn."""
        known = [measure.name for measure in self.measures]
        if name not in known:
            raise UnknownColumn(f"The plan has no measure {name!r}. Known: {', '.join(known)}.", known)
        return self.measures[known.index(name)]

    def moment(self, *powers: tuple[str, int], present: Iterable[str] = ()) -> Moment:
        """The moment in its shortest form: no square of yes-no columns, no mask of what is never missing."""
        factors = tuple((name, 1 if self.measure(name).yes_no else power) for name, power in powers)
        # A missing value enters as 0, and so is its own mask.
        masks = (name for name in present if self.measure(name).missing and name not in dict(powers))
        return Moment(factors, tuple(sorted(masks)))

    def without(self, column: str) -> MomentPlan:
        """The plan without this measure and the pairs that it is in. Raises UnknownColumn."""
        dropped = self.measure(column)
        return replace(
            self,
            measures=tuple(measure for measure in self.measures if measure is not dropped),
            pairs=tuple(pair for pair in self.pairs if column not in pair),
        )

    def among(self, columns: Iterable[str]) -> MomentPlan | None:
        """The largest part of the plan all of whose columns are among these; None if there is none."""
        there = set(columns)
        measures = tuple(m for m in self.measures if there.issuperset(MomentPlan((m,)).names))
        kept = {m.name for m in measures}
        pairs = tuple(
            pair
            for pair in self.pairs
            if kept.issuperset(pair) and there.issuperset(MomentPlan(tuple(map(self.measure, pair)), (pair,)).names)
        )
        histograms = tuple(h for h in self.histograms if there.issuperset(h.names))
        return MomentPlan(measures, pairs, histograms) if measures or histograms else None

    @property
    def counts(self) -> tuple[str, ...]:
        """The columns whose sums are numbers of people: present values, answers of yes, bins."""
        return (
            *(moment.name for moment in self.moments if not moment.powers),
            *(measure.name for measure in self.measures if measure.yes_no),
            *(name for histogram in self.histograms for name in histogram.names),
        )

    def count_name(self, *columns: str) -> str:
        """The name of the number of rows in which all these columns are present."""
        moment = self.moment(present=columns)
        return moment.name if moment.present else ROWS

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able form, for the analyst."""
        return {
            "measures": [[m.name, m.decimals, m.missing, m.yes_no] for m in self.measures],
            "pairs": [list(pair) for pair in self.pairs],
            "histograms": [[h.column, list(h.edges)] for h in self.histograms],
        }

    @classmethod
    def from_dict(cls, fields: Any) -> MomentPlan:
        """The inverse of to_dict. Raises ShapeMismatch or UnknownColumn for anything that is not a plan."""
        try:
            return cls(
                measures=tuple(
                    Measure(str(name), int(decimals), missing is True, yes_no is True)
                    for name, decimals, missing, yes_no in fields["measures"]
                ),
                pairs=tuple((str(first), str(second)) for first, second in fields["pairs"]),
                histograms=tuple(Histogram(str(name), tuple(map(float, e))) for name, e in fields["histograms"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, (ShapeMismatch, UnknownColumn)):
                raise
            raise ShapeMismatch("This is not a plan of moments: take one from MomentPlan.to_dict().") from None


def column_of(frame: pd.DataFrame, name: str) -> pd.Series:
    """The column of that name. Raises UnknownColumn."""
    if name not in frame.columns:
        raise UnknownColumn(f"There is no column {name!r}. Known: {', '.join(frame.columns)}.", list(frame.columns))
    return frame[name]


def _list(what: str, given: Any) -> list:
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise ShapeMismatch(f"{what} is a list, not {given!r}: write [{given!r}].")
    return list(given)


def _names(what: str, given: Any) -> list[str]:
    return [str(name) for name in _list(what, given)]


def _pair(what: str, given: Any) -> tuple[str, str]:
    if isinstance(given, str) or not isinstance(given, Iterable) or len(names := _names(what, given)) != 2:
        raise ShapeMismatch(f'{what} is a list of pairs of columns, such as ("age", "BMI"), and {given!r} is none.')
    return names[0], names[1]


def _edges(name: str, given: Any) -> tuple[float, ...]:
    try:
        if isinstance(given, str):
            raise TypeError
        return tuple(float(edge) for edge in given)
    except (TypeError, ValueError):
        raise ShapeMismatch(
            f"The histogram of {name!r} needs the edges of its bins, rising numbers such as (0, 10, 20), not {given!r}."
        ) from None


def _look_at(column: pd.Series, decimals: int) -> Measure:
    yes_no = bool(column.dropna().isin([0, 1]).all())
    return Measure(str(column.name), 0 if yes_no else int(decimals), bool(column.isna().any()), yes_no)
