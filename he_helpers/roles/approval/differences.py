"""What released results tell when one is subtracted from another.

Each request by itself may keep to the minimum, and two of them still give one person's salary: the sum of a region,
less the sums of the towns that lie in it as a whole, is the sum of whoever lives in the region and in none of these
towns. So a new query is compared with every query that was approved on the same dataset.

Seen are, for sums of a column that both results have:

- in the same table, what is left of a group when all the groups of the other result that lie in it are subtracted;
- in a table that replaced another one under the same name, groups of the same labels, and the totals, that have grown
  or shrunk by fewer rows or contributors than the minimum.

Not seen: combinations of more than two results, and of several groups on both sides, as linear algebra finds them;
results on another dataset with the same people; rows that were exchanged in a replaced table while their number stayed;
different columns that say the same; anything that was released otherwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from he_helpers.roles.views import query_in_words
from he_helpers.tables import Labels, Query
from he_helpers.tables.contributors import group_contributors
from he_helpers.text import printable_line


@dataclass(frozen=True)
class Answered:
    """A query and the sizes of its groups, as far as later queries have to be compared with it; JSON-able.

    ``table`` is the SHA-256 of the table's bytes, ``query`` what Query.to_dict() gives. ``groups`` holds the labels of
    each group, in the order of the sorted names of the query's labels, ``rows`` and ``contributors`` the numbers in
    each; ``all_rows`` and ``all_contributors`` are those of the whole table.
    """

    table: str
    query: dict[str, Any]
    groups: list[list[str]]
    rows: list[int]
    contributors: list[int]
    all_rows: int
    all_contributors: int

    @property
    def sizes(self) -> dict[tuple[str, ...], tuple[int, int]]:
        """Rows and contributors by group."""
        return {
            tuple(group): (rows, contributors)
            for group, rows, contributors in zip(self.groups, self.rows, self.contributors, strict=True)
        }

    @classmethod
    def of(cls, table: str, labels: Labels, contributor_label: str | None, query: Query) -> "Answered":
        """Counted from the readable labels of the table whose bytes have the SHA-256 ``table``."""
        grouping = sorted(query.group_by)
        groups = group_contributors(labels, grouping, contributor_label)
        whole = group_contributors(labels, [], contributor_label)
        return cls(
            table=table,
            query=query.to_dict(),
            groups=labels.groups(grouping).frame().astype(str).values.tolist(),
            rows=groups["rows"].tolist(),
            contributors=groups["contributors"].tolist(),
            all_rows=int(whole["rows"].iloc[0]),
            all_contributors=int(whole["contributors"].iloc[0]),
        )


def small_differences(
    now: Answered, before: Sequence[Answered], labels: Labels, contributor_label: str | None, minimum: int
) -> list[str]:
    """In words, each difference between ``now`` and a query ``before`` that fewer than ``minimum`` contributors make.

    ``labels`` are those of the table that ``now`` is about. The module says what is seen and what is not.
    """
    found = []
    for earlier in before:
        shared = [name for name in now.query["columns"] if name in earlier.query["columns"]]
        if not shared:
            continue
        if earlier.table == now.table:
            sizes = _leftovers(labels, contributor_label, now.query["group_by"], earlier.query["group_by"])
        else:
            sizes = _changes(now, earlier)
        small = sizes[(sizes > 0) & (sizes < minimum)]
        if len(small):
            found.append(
                f"subtracted from {query_in_words(Query.from_dict(earlier.query))}, which you approved before, it "
                f"gives sums of {printable_line(', '.join(shared))} over {small.min()} contributors, and your minimum "
                f"is {minimum}"
            )
    return found


def _leftovers(
    labels: Labels, contributor_label: str | None, first: Sequence[str], second: Sequence[str]
) -> np.ndarray:
    """Contributors to what is left of each group of one grouping without the other grouping's groups that lie in it."""
    in_first, in_second = labels.group_of_rows(first), labels.group_of_rows(second)
    owner = np.arange(labels.rows) if contributor_label is None else labels.group_of_rows([contributor_label])
    return np.concatenate([_left_of(in_first, in_second, owner), _left_of(in_second, in_first, owner)])


def _left_of(outer: np.ndarray, inner: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """For each group of ``outer`` that holds a whole group of ``inner``: contributors to the rows of none of these."""
    outer_of_pair, inner_of_pair = _distinct_pairs(outer, inner)
    lies_in_one = np.bincount(inner_of_pair) == 1
    holds_one = np.zeros(outer.max() + 1, dtype=bool)
    holds_one[outer_of_pair[lies_in_one[inner_of_pair]]] = True
    left = ~lies_in_one[inner] & holds_one[outer]
    outer_of_owner, _ = _distinct_pairs(outer[left], owner[left])
    return np.bincount(outer_of_owner, minlength=len(holds_one))


def _distinct_pairs(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The pairs of codes that occur; two arrays of one length."""
    base = second.max(initial=0) + 1
    return np.divmod(np.unique(first.astype(np.int64) * base + second), base)


def _changes(now: Answered, earlier: Answered) -> np.ndarray:
    """By how many rows and contributors groups of the same labels, and the totals, differ between two tables."""
    changes = [now.all_rows - earlier.all_rows, now.all_contributors - earlier.all_contributors]
    if sorted(now.query["group_by"]) == sorted(earlier.query["group_by"]):
        old = earlier.sizes
        for group, (rows, contributors) in now.sizes.items():
            old_rows, old_contributors = old.get(group, (rows, contributors))
            changes += [rows - old_rows, contributors - old_contributors]
    return np.abs(np.array(changes))
