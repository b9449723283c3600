"""Statistics of an encrypted table with missing values, out of nothing but sums.

Mean, variance, covariance, correlation, histogram counts and contingency tables are all functions of sums over rows: of
values, squares, products, and of zeros and ones. The data administrator derives these columns once, as integers, and
encrypts them; server and aggregation only add. Divisions and roots come after decryption, on exact integers. What is
computed is what pandas computes: ``var``, ``std``, ``cov`` with n - 1, pairs over the rows in which both are present.

A MomentPlan says which columns there are, and both sides derive the same names from it:

    "age"  "age^2"            sums of values and squares; a missing value counts as 0
    "n(BMI)"                  how many values are present (a *mask*: 1 where there is one)
    "age*BMI"                 sum of products
    "age|BMI"  "age^2|BMI"    sums over the rows in which BMI is present too
    "BMI in [20, 25)"         how many values lie in a bin
    "education=1 & smoker=0"  how many rows lie in a cell

Values enter as fixed-point integers (value x 10^decimals), so every sum of integers is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from math import prod, sqrt
from typing import Any

import numpy as np
import pandas as pd

from he_helpers.schemes.errors import ShapeMismatch, ValueOutOfRange
from he_helpers.tables.columns import MOST_DECIMALS, Column
from he_helpers.tables.query import UnknownColumn

ROWS = "rows"
"""The number of rows of a group: a column that is not encrypted, because readable labels tell it."""
LARGEST_SUM = 2**53
"""A result travels as float64, which holds integers up to here."""


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
class Contingency:
    """A cell for each pair of values of two columns."""

    columns: tuple[str, str]
    values: tuple[tuple[float, ...], tuple[float, ...]]

    @property
    def cells(self) -> tuple[tuple[float, float], ...]:
        return tuple((a, b) for a in self.values[0] for b in self.values[1])

    @property
    def names(self) -> tuple[str, ...]:
        first, second = self.columns
        return tuple(f"{first}={_digits(a)} & {second}={_digits(b)}" for a, b in self.cells)


@dataclass(frozen=True)
class MomentPlan:
    """Which statistics an encrypted table shall answer. Immutable; see the module for the names that follow from it.

    measures: the numeric columns that get count, mean, variance and standard deviation.
    pairs: those that get covariance and correlation.
    public_masks: whether it stays readable which values are missing. Then the masks are label columns, named by
        ``mask_labels``, and the numbers of present values can be counted by everybody; otherwise they are encrypted.

    Raises UnknownColumn for a pair of columns that are no measures, ShapeMismatch for an empty or contradictory plan.
    """

    measures: tuple[Measure, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()
    histograms: tuple[Histogram, ...] = ()
    contingencies: tuple[Contingency, ...] = ()
    public_masks: bool = False

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
        names = [*self.names, *self.open_counts]
        if not self.names:
            raise ShapeMismatch("A plan needs a measure, a histogram or a contingency table.")
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
        contingencies: Sequence[Sequence[str]] = (),
        public_masks: bool = False,
    ) -> MomentPlan:
        """A plan for the ``columns`` of a frame: which have missing values, and which are yes-no, is looked up in it.

        histograms: edges by column. contingencies: pairs of columns of numbers, whose distinct values become the cells.
        Raises UnknownColumn; ShapeMismatch for what is no such list, pair or mapping, and for bins or cells of text.
        """
        columns = _names("columns", columns)
        pairs = [_pair("pairs", pair) for pair in _list("pairs", pairs)]
        contingencies = [_pair("contingencies", pair) for pair in _list("contingencies", contingencies)]
        for what, given in (("decimals", decimals), ("histograms", histograms or {})):
            if not isinstance(given, Mapping):
                raise ShapeMismatch(f"{what} is a mapping from names of columns, not {given!r}.")
        edges = {name: _edges(name, given) for name, given in (histograms or {}).items()}
        for name in (*columns, *edges, *(name for pair in contingencies for name in pair)):
            _column(frame, name)
        for name in (*edges, *(name for pair in contingencies for name in pair)):
            if not pd.api.types.is_numeric_dtype(frame[name]):
                raise ShapeMismatch(
                    f"Column {name!r} is no column of numbers, and bins and cells are made from numbers. Replace its "
                    "values by numbers first (0 and 1, or 1, 2, 3), or make it a label, which stays readable."
                )
        return cls(
            measures=tuple(_look_at(frame[name], decimals.get(name, 0)) for name in columns),
            pairs=tuple(pairs),
            histograms=tuple(Histogram(name, rising) for name, rising in edges.items()),
            contingencies=tuple(
                Contingency((first, second), (_values(frame[first]), _values(frame[second])))
                for first, second in contingencies
            ),
            public_masks=public_masks,
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
            *(moment.name for moment in self.moments if moment.powers or not self.public_masks),
            *(name for part in (*self.histograms, *self.contingencies) for name in part.names),
        )

    @property
    def open_counts(self) -> tuple[str, ...]:
        """The counts that the readable labels tell, and no ciphertext is needed for."""
        masks = [moment.name for moment in self.moments if not moment.powers] if self.public_masks else []
        return (ROWS, *masks)

    @property
    def mask_labels(self) -> dict[str, str]:
        """With public masks: the label column ("yes" or "no") of each measure that has missing values."""
        return {m.name: f"has {m.name}" for m in self.measures if m.missing} if self.public_masks else {}

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
            "contingencies": [[list(c.columns), [list(values) for values in c.values]] for c in self.contingencies],
            "public_masks": self.public_masks,
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
                contingencies=tuple(
                    Contingency((str(a), str(b)), (tuple(map(float, of_a)), tuple(map(float, of_b))))
                    for (a, b), (of_a, of_b) in fields["contingencies"]
                ),
                public_masks=fields["public_masks"] is True,
            )
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, (ShapeMismatch, UnknownColumn)):
                raise
            raise ShapeMismatch("This is not a plan of moments: take one from MomentPlan.to_dict().") from None


# The data administrator's side: columns to encrypt


def moments(frame: pd.DataFrame, plan: MomentPlan) -> pd.DataFrame:
    """The derived columns of ``plan``: a row for each row of ``frame``, int64; with public masks also their labels.

    Join the readable labels, and encrypt with 0 decimals.
    Raises UnknownColumn; ValueOutOfRange for a value that the plan does not foresee (missing, not yes-no, outside all
    bins, more decimals), and where a sum could pass 2^53, which no result holds exactly.
    """
    values = {measure.name: _fixed_point(frame, measure) for measure in plan.measures}
    present = {measure.name: frame[measure.name].notna().to_numpy() for measure in plan.measures}
    derived: dict[str, np.ndarray] = {}
    for moment in plan.moments:
        if plan.public_masks and not moment.powers:
            continue
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
    for contingency in plan.contingencies:
        derived |= _cell_columns(frame, contingency)
    result = pd.DataFrame(derived, index=frame.index)
    for name, label in plan.mask_labels.items():
        result[label] = np.where(present[name], "yes", "no")
    return result


def _fixed_point(frame: pd.DataFrame, measure: Measure) -> np.ndarray:
    column = _column(frame, measure.name)
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
    column, edges = _column(frame, histogram.column), histogram.edges
    outside = column.notna() & ~column.between(edges[0], edges[-1])
    if outside.any():
        raise ValueOutOfRange(
            f"Column {histogram.column!r} has {int(outside.sum())} values outside its bins, {edges[0]:g} to "
            f"{edges[-1]:g}: they would be lost without a word. Widen the first and the last bin."
        )
    bins = np.minimum(np.searchsorted(edges, column.fillna(edges[0]), side="right") - 1, len(edges) - 2)
    here = column.notna().to_numpy()
    return {name: (here & (bins == i)).astype(np.int64) for i, name in enumerate(histogram.names)}


def _cell_columns(frame: pd.DataFrame, contingency: Contingency) -> dict[str, np.ndarray]:
    first, second = (_column(frame, name) for name in contingency.columns)
    for column, values in ((first, contingency.values[0]), (second, contingency.values[1])):
        if not column.dropna().isin(values).all():
            raise ValueOutOfRange(f"Column {column.name!r} has values without a cell. Make the plan anew.")
    return {
        name: ((first == a) & (second == b)).to_numpy().astype(np.int64)
        for name, (a, b) in zip(contingency.names, contingency.cells, strict=True)
    }


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


def _column(frame: pd.DataFrame, name: str) -> pd.Series:
    if name not in frame.columns:
        raise UnknownColumn(f"There is no column {name!r}. Known: {', '.join(frame.columns)}.", list(frame.columns))
    return frame[name]


def _look_at(column: pd.Series, decimals: int) -> Measure:
    yes_no = bool(column.dropna().isin([0, 1]).all())
    return Measure(str(column.name), 0 if yes_no else int(decimals), bool(column.isna().any()), yes_no)


def _values(column: pd.Series) -> tuple[float, ...]:
    return tuple(float(value) for value in sorted(column.dropna().unique()))


# Everybody's side: what the readable labels tell


def open_counts(label_frame: pd.DataFrame, plan: MomentPlan, by: str | list[str]) -> pd.DataFrame:
    """The counts of ``plan.open_counts`` for each group of the label or labels ``by``, from readable labels alone.

    label_frame: EncryptedTable.label_frame. Join the result to the sums.
    """
    counts = {ROWS: label_frame.groupby(by).size()}
    for moment in plan.moments:
        if plan.public_masks and not moment.powers:
            mask = np.all([label_frame[plan.mask_labels[name]] == "yes" for name in moment.present], axis=0)
            counts[moment.name] = label_frame[mask].groupby(by).size()
    return pd.DataFrame(counts).fillna(0).astype(np.int64)


# The side that has the sums: statistics


def total(sums: pd.DataFrame) -> pd.DataFrame:
    """The sums of all groups together, as a frame of one row named "all"."""
    return pd.DataFrame({name: [sums[name].sum()] for name in sums.columns}, index=["all"])


def summarise(sums: pd.DataFrame, plan: MomentPlan) -> pd.DataFrame:
    """Count of present values, mean, variance and standard deviation (n - 1) for each group and measure.

    sums: decrypted sums, a row for each group, with the columns ``plan.names`` and ``plan.open_counts``.
    Returns a frame indexed by group and column; float64, NaN where there are too few values.
    Raises ShapeMismatch where a sum is absent or no integer.
    """

    def rows(of: _Sums) -> Iterable[tuple[tuple, dict]]:
        for measure in plan.measures:
            n = of.count(measure.name)
            variance = of.covariance(measure.name, measure.name)
            yield (measure.name,), {
                "count": n,
                "mean": _ratio(of.scaled((measure.name, 1)), n),
                "variance": _float(variance),
                "std": sqrt(variance) if variance is not None else np.nan,
            }

    return _by_group(sums, plan, rows, ["column"])


def covariances(sums: pd.DataFrame, plan: MomentPlan) -> pd.DataFrame:
    """Count of rows with both values, covariance (n - 1) and Pearson's correlation for each group and pair.

    As summarise; indexed by group, first and second column.
    """

    def rows(of: _Sums) -> Iterable[tuple[tuple, dict]]:
        for first, second in plan.pairs:
            covariance = of.covariance(first, second)
            variances = of.covariance(first, first, second), of.covariance(second, second, first)
            spread = sqrt(variances[0]) * sqrt(variances[1]) if covariance is not None else 0
            yield (first, second), {
                "count": of.count(first, second),
                "covariance": _float(covariance),
                "correlation": float(covariance) / spread if spread else np.nan,
            }

    return _by_group(sums, plan, rows, ["first", "second"])


def histogram_counts(sums: pd.DataFrame, plan: MomentPlan, column: str) -> pd.DataFrame:
    """The counts of the histogram of ``column``: a row for each bin, a column for each group. Raises UnknownColumn."""
    known = [histogram.column for histogram in plan.histograms]
    if column not in known:
        raise UnknownColumn(f"The plan has no histogram of {column!r}. Known: {', '.join(known) or 'none'}.", known)
    histogram = plan.histograms[known.index(column)]
    index = pd.Index(histogram.bins, name=column)
    return pd.DataFrame(
        {group: [_integer(row, name) for name in histogram.names] for group, row in _rows(sums)}, index=index
    )


def contingency_table(sums: pd.DataFrame, plan: MomentPlan, first: str, second: str) -> pd.DataFrame:
    """Counts of all groups together: a row for each value of ``first``, a column for each of ``second``.

    Raises UnknownColumn.
    """
    known = [contingency.columns for contingency in plan.contingencies]
    if (first, second) not in known:
        raise UnknownColumn(f"The plan has no table of {first!r} by {second!r}. Known: {known or 'none'}.", known)
    contingency = plan.contingencies[known.index((first, second))]
    whole = {name: sums[name].sum() for name in sums.columns}
    counts = np.array([_integer(whole, name) for name in contingency.names]).reshape(len(contingency.values[0]), -1)
    return pd.DataFrame(
        counts, index=pd.Index(contingency.values[0], name=first), columns=pd.Index(contingency.values[1], name=second)
    )


def small_counts(sums: pd.DataFrame, plan: MomentPlan, minimum: int) -> pd.Series:
    """Where a statistic would be about more than none and fewer than ``minimum`` people; empty if nowhere.

    The server can only count rows, and sees neither masks nor cells. So this is for the administrator, before
    encrypting or before a release. sums: as summarise takes them, with the open counts. Looked at are, in each group:

    - what is released itself: present values, yes-answers, bins and cells;
    - gaps, for the size of a group is known to everybody: people "without BMI", or "glucose in no bin";
    - what is left over: "diabetes is 0", rows in no cell of a table of two columns, and a yes-no column or the present
      values of a column less the cells that they go into ("education=1 in no cell ...");
    - differences within a pair: "age without BMI" are those in the sum "age" and not in "age|BMI", and "neither age nor
      BMI" those in none of both.

    Not seen: sums of other requests and other groupings, differences of more than these sums, a count that is all of a
    group or none (everybody had it), and who dominates a sum. roles.differences compares requests, by sizes of groups.
    Returns a Series indexed by group and what is counted. Raises ShapeMismatch where a sum or ``rows`` is absent.
    """
    found = {}
    for group, row in sums.iterrows():
        counts = _counts(_Sums(row, plan), plan)
        found |= {(*_labels(group), name): count for name, count in counts.items() if 0 < count < minimum}
    names = [*sums.index.names, "people"]
    index = pd.MultiIndex.from_arrays(list(zip(*found, strict=True)) or [[] for _ in names], names=names)
    return pd.Series(list(found.values()), index=index, name="count", dtype=np.int64)


def _counts(of: _Sums, plan: MomentPlan) -> dict[str, int]:
    """Every number of people that the sums of one group tell by themselves or by one subtraction, under its name."""
    rows = of.count()
    counts = {}
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
                yes, yes_of_both = plan.moment((one, 1)), plan.moment((one, 1), present=[other])
                counts[f"{one} is 1 without {other}"] = of.sum(yes) - of.sum(yes_of_both)
                counts[f"{one} is 0 without {other}"] = (
                    of.count(one) - both - counts[f"{one} is 1 without {other}"]
                )
    for histogram in plan.histograms:
        bins = {name: of.number(name) for name in histogram.names}
        counts |= bins | {f"{histogram.column} in no bin": rows - sum(bins.values())}
    for contingency in plan.contingencies:
        counts |= _cell_counts(of, plan, contingency, rows)
    return counts


def _cell_counts(of: _Sums, plan: MomentPlan, contingency: Contingency, rows: int) -> dict[str, int]:
    """The cells, the rows in none of them, and what is left of each column that is a measure too."""
    table = " & ".join(contingency.columns)
    cells = dict(zip(contingency.cells, (of.number(name) for name in contingency.names), strict=True))
    counts = dict(zip(contingency.names, cells.values(), strict=True))
    counts[f"in no cell of {table}"] = rows - sum(cells.values())
    measured = {measure.name for measure in plan.measures}
    for position, column in enumerate(contingency.columns):
        if column not in measured:
            continue
        counts[f"{column} in no cell of {table}"] = of.count(column) - sum(cells.values())
        if plan.measure(column).yes_no:
            yes = sum(number for values, number in cells.items() if values[position] == 1)
            counts[f"{column} is 1 in no cell of {table}"] = of.sum(plan.moment((column, 1))) - yes
    return counts


class _Sums:
    """The sums of one group, as exact numbers."""

    def __init__(self, row: Mapping[str, Any] | pd.Series, plan: MomentPlan) -> None:
        self._row = row
        self._plan = plan

    def number(self, name: str) -> int:
        return _integer(self._row, name)

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


def _by_group(
    sums: pd.DataFrame, plan: MomentPlan, rows: Callable[[_Sums], Iterable[tuple[tuple, dict]]], names: list[str]
) -> pd.DataFrame:
    found = {}
    for group, row in _rows(sums):
        for key, statistics in rows(_Sums(row, plan)):
            found[(*_labels(group), *key)] = statistics
    frame = pd.DataFrame.from_dict(found, orient="index")
    frame.index = pd.MultiIndex.from_tuples(found, names=[*sums.index.names, *names])
    return frame


def _rows(sums: pd.DataFrame) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Each group with its sums. A row of a frame would turn integers beside a column of floats into floats."""
    return zip(sums.index, sums.to_dict("records"), strict=True)


def _labels(group: Any) -> tuple:
    return group if isinstance(group, tuple) else (group,)


def _integer(row: Mapping[str, Any] | pd.Series, name: str) -> int:
    if name not in row:
        what = "Join the open counts first (see open_counts)." if name == ROWS else "Ask for all of plan.names."
        raise ShapeMismatch(f"The sums have no column {name!r}. {what}")
    value = row[name]
    if not float(value).is_integer() or abs(value) >= LARGEST_SUM:
        raise ShapeMismatch(f"The sum of {name!r} is {value}, no exact integer: these are not sums of this plan.")
    return int(value)


def _ratio(value: Fraction, divisor: int) -> float:
    return float(value / divisor) if divisor else np.nan


def _float(value: Fraction | None) -> float:
    return np.nan if value is None else float(value)
