"""What can be asked of an encrypted table, as data that travels as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from he_helpers.errors import HEError

STATISTICS = ("sum", "mean", "count")


class _UnknownName(HEError, ValueError):
    """A name that the table does not have; ``known`` lists those that it has."""

    def __init__(self, message: str, known: Sequence[Any]) -> None:
        super().__init__(message)
        self.known = list(known)


class UnknownLabel(_UnknownName):
    """A label that the table does not have."""


class UnknownColumn(_UnknownName):
    """A numeric column that the table does not have."""


class UnsupportedQuery(_UnknownName):
    """A statistic or a grouping that this table's layout cannot answer."""


def names_of(names: Any, what: str) -> tuple[str, ...]:
    """One name or several as text, which the columns of an encrypted table have: 2018 is the column "2018".

    what: what they are, for the message of UnsupportedQuery where they are no names.
    """
    several = [names] if isinstance(names, (str, int, np.integer)) else names
    try:
        found = tuple(several)
    except TypeError:
        found = (None,)
    if not all(isinstance(name, (str, int, np.integer)) for name in found):
        raise UnsupportedQuery(f"{what} are names, one or a list of them, not {names!r:.60}.", [])
    return tuple(str(name) for name in found)


@dataclass(frozen=True)
class Query:
    """A statistic of numeric columns for each group of equal labels. ``group_by=()`` asks for the grand total.

    ``count`` takes no columns: it is the number of rows of each group, which the readable labels give.
    """

    statistic: str
    group_by: tuple[str, ...]
    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "group_by", tuple(self.group_by))
        object.__setattr__(self, "columns", tuple(self.columns))
        if self.statistic not in STATISTICS:
            raise UnsupportedQuery(
                f"The statistic {self.statistic!r:.40} is not offered; known are {', '.join(STATISTICS)}.", STATISTICS
            )
        for names in (self.group_by, self.columns):
            if not all(isinstance(name, str) for name in names) or len(set(names)) != len(names):
                raise UnsupportedQuery("Labels and columns of a query are names, each of them once.", [])
        if self.statistic == "count" and self.columns:
            raise UnsupportedQuery("A count takes no columns: it counts the rows of each group.", [])
        if self.statistic != "count" and not self.columns:
            raise UnsupportedQuery(f"A {self.statistic} needs at least one numeric column.", [])

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able form."""
        return {"statistic": self.statistic, "group_by": list(self.group_by), "columns": list(self.columns)}

    @classmethod
    def from_dict(cls, fields: Any) -> "Query":
        """The inverse of to_dict. Raises UnsupportedQuery for anything that is not a query."""
        names = {"statistic", "group_by", "columns"}
        if not isinstance(fields, dict) or set(fields) != names:
            raise UnsupportedQuery("A query has the fields statistic, group_by and columns.", sorted(names))
        if not isinstance(fields["group_by"], list) or not isinstance(fields["columns"], list):
            raise UnsupportedQuery("group_by and columns of a query are lists of names.", [])
        return cls(fields["statistic"], tuple(fields["group_by"]), tuple(fields["columns"]))

    def check_names(self, labels: Sequence[str], columns: Sequence[str]) -> None:
        """Raise UnknownLabel or UnknownColumn for a name that is not in the table."""
        for error, kind, asked, known in (
            (UnknownLabel, "label", self.group_by, labels),
            (UnknownColumn, "numeric column", self.columns, columns),
        ):
            for name in asked:
                if name not in known:
                    raise error(f"There is no {kind} {name!r:.60}. Known are: {', '.join(known)}.", known)
