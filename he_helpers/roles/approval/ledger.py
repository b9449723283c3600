"""The ledger: what a new result tells together with everything that was released before on the same dataset.

Each request by itself may keep to the minimum, and two of them still give one person's salary: the sum of a region,
less the sums of the towns that lie in it as a whole, is the sum of whoever lives in the region and in none of these
towns. Three or more can do it where no two can. So a new query is compared with all queries that were approved. Where
custodians release together, some of them may have released without this one: what the server tells of that is compared,
too, with groups and contributors counted in the own copy (roles/quorum/others.py says what a server can hide).

Seen are, for sums of a column that the results have in common:

- in the same table, also when it was encrypted or uploaded anew, whatever additions and subtractions of all these sums
  give about fewer contributors than the minimum (tables/disclosure/combinations.py, which says how far it looks). A
  table of the same rows of labels counts as the same, though its amounts may have changed, and so does one with other
  labels beside those of an earlier result, whose groups have as many rows as they had;
- in a table that replaced another one under the same name, groups of the same labels, and the totals, that have grown
  or shrunk by fewer rows or contributors than the minimum.

Not seen: results on another dataset with the same people; rows that were exchanged in a replaced table while their
number stayed, and combinations of results by different groups across a replacement that changed the groups of the
earlier one or left out their labels; different columns that say the same; bounds (all amounts are positive, so a small
sum bounds each of its parts); what the analyst knows from elsewhere; anything that was released otherwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from he_helpers.roles.views import query_in_words
from he_helpers.tables import Labels, Query
from he_helpers.tables.disclosure.combinations import MOST_STEPS, Findings, few_contributors
from he_helpers.tables.disclosure.contributors import group_contributors
from he_helpers.text import printable_line


@dataclass(frozen=True)
class Answered:
    """A query and the sizes of its groups, as far as later queries have to be compared with it; JSON-able.

    ``table`` is what stands for the table's data, ``labels`` the digest of its readable labels ("" in older records),
    ``query`` what Query.to_dict() gives. ``groups`` holds the labels of
    each group, in the order of the sorted names of the query's labels, ``rows`` and ``contributors`` the numbers in
    each; ``all_rows`` and ``all_contributors`` are those of the whole table. ``by_others``: not on the
    own record of approvals, and by the server's word others released it, or may have.
    """

    table: str
    query: dict[str, Any]
    groups: list[list[str]]
    rows: list[int]
    contributors: list[int]
    all_rows: int
    all_contributors: int
    labels: str = ""
    by_others: bool = False

    @property
    def sizes(self) -> dict[tuple[str, ...], tuple[int, int]]:
        """Rows and contributors by group."""
        return {
            tuple(group): (rows, contributors)
            for group, rows, contributors in zip(self.groups, self.rows, self.contributors, strict=True)
        }

    @classmethod
    def of(
        cls, table: str, labels: Labels, contributor_label: str | None, query: Query, *, by_others: bool = False
    ) -> "Answered":
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
            labels=labels.digest(),
            by_others=by_others,
        )


@dataclass(frozen=True)
class Ledger:
    """What the comparison found, in words: ``findings``, and ``looked_at``, how far it looked."""

    findings: tuple[str, ...]
    looked_at: str


def compare(
    now: Answered, before: Sequence[Answered], labels: Labels, contributor_label: str | None, minimum: int
) -> Ledger:
    """What ``now`` and the queries ``before`` tell together about fewer than ``minimum`` contributors.

    ``labels`` are those of the table that ``now`` is about. The module says what is seen and what is not.
    """
    here: list[Answered] = []
    elsewhere: list[Answered] = []
    for earlier in before:
        is_same = now.table == earlier.table or now.labels == earlier.labels
        if is_same or _has_the_groups_of(labels, earlier):
            here.append(earlier)
        if not is_same:
            elsewhere.append(earlier)
    # By what they ask, so that the words do not depend on the random ids of requests.
    same = sorted(here, key=lambda one: _in_words([one]))
    combined, searched = _combinations(now, same, labels, contributor_label, minimum)
    findings = [*combined, *_differences(now, elsewhere, minimum)]
    return Ledger(tuple(dict.fromkeys(findings)), _how_far(searched, minimum, before))


def _has_the_groups_of(labels: Labels, earlier: Answered) -> bool:
    """Whether the table has all groups of an earlier result, of as many rows: with one label more, or less, it would
    otherwise be another table, and the earlier sums forgotten."""
    grouping = sorted(earlier.query["group_by"])
    if labels.rows != earlier.all_rows or not set(grouping) <= set(labels.names):
        return False
    groups = labels.groups(grouping).frame().astype(str).values.tolist()
    return (groups, labels.group_sizes(grouping).tolist()) == (earlier.groups, earlier.rows)


def _combinations(
    now: Answered, same: Sequence[Answered], labels: Labels, contributor_label: str | None, minimum: int
) -> tuple[list[str], int]:
    """A finding for each column whose sums, with those released before, tell about too few contributors."""
    together: dict[tuple[int, ...], list[str]] = {}
    for name in now.query["columns"]:
        sharing = tuple(place for place, earlier in enumerate(same) if name in earlier.query["columns"])
        together.setdefault(sharing, []).append(name)
    findings, least = [], minimum - 1
    for places, names in together.items():
        if not places:
            continue
        earlier = [same[place] for place in places]
        columns = printable_line(", ".join(names))
        smallest = None
        for some in _compared_with(now, earlier):
            found, some = _told_with(now, some, labels, contributor_label, minimum)
            least = min(least, found.searched if found.smallest is None else least)
            if found.smallest is not None and found.smallest != smallest:
                smallest = found.smallest
                findings.append(
                    f"together with {_with_whose(some)}, it gives sums of {columns} over {_contributors(smallest)}, "
                    f"and your minimum is {minimum}"
                )
            elif found.smallest is None and minimum > 1 and not found.searched:
                findings.append(
                    f"what it gives together with {_with_whose(some)}, cannot be computed: there are too many groups. "
                    "Ask for fewer groups, or upload the table with fewer labels"
                )
    return findings, least


def _compared_with(now: Answered, earlier: Sequence[Answered]) -> list[list[Answered]]:
    """The own approvals by themselves, and with what others may have released.

    By themselves, so that nothing that a server tells of others can take from what they show. What the own approvals
    give already is no news, whatever others released.
    """
    own = [one for one in earlier if not one.by_others]
    known = any(set(now.query["group_by"]) <= set(one.query["group_by"]) for one in own)
    return ([own] if own else []) + ([list(earlier)] if len(own) < len(earlier) and not known else [])


def _told_with(
    now: Answered, earlier: list[Answered], labels: Labels, contributor_label: str | None, minimum: int
) -> tuple[Findings, list[Answered]]:
    """What ``now`` tells together with ``earlier``, and those of them that it takes: where that is much work, more."""

    def told_with(some: Sequence[Answered], most_steps: int) -> Findings:
        own = [one.query["group_by"] for one in some if not one.by_others]
        others = [one.query["group_by"] for one in some if one.by_others]
        asked = now.query["group_by"]
        return few_contributors(labels, contributor_label, own, asked, minimum, perhaps=others, most_steps=most_steps)

    found = told_with(earlier, MOST_STEPS)
    if found.smallest is not None:
        # All of these together take no more steps than the first: who can file many requests could otherwise keep a
        # review busy for hours.
        steps = MOST_STEPS // len(earlier)
        for one in tuple(earlier):
            fewer = [other for other in earlier if other is not one]
            if told_with(fewer, steps).smallest == found.smallest:
                earlier = fewer
    return found, earlier


def _in_words(earlier: Sequence[Answered]) -> str:
    return " and ".join(dict.fromkeys(query_in_words(Query.from_dict(one.query)) for one in earlier))


def _contributors(number: int) -> str:
    return f"{number} contributor" if number == 1 else f"{number} contributors"


def _with_whose(earlier: Sequence[Answered]) -> str:
    """In words, with who released it."""
    own = [one for one in earlier if not one.by_others]
    others = [one for one in earlier if one.by_others]
    said = [f"{_in_words(own)}, which you approved before"] if own else []
    return ", and ".join([*said, f"{_in_words(others)}, which others released or may have"] if others else said)


def _how_far(searched: int, minimum: int, before: Sequence[Answered]) -> str:
    if not before or minimum <= 1:
        return "nothing to compare with" if not before else "not asked: your minimum is no limit"
    others = sum(one.by_others for one in before)
    said = [f"{len(before) - others} approved before"] if len(before) > others else []
    told = "compared with " + " and ".join([*said, f"{others} that others released or may have"] if others else said)
    if searched >= minimum - 1:
        return f"{told}, for all sets of fewer than {minimum} contributors"
    return f"{told}; sums of more than {searched} contributors were looked for in part, all sets take too long"


def _differences(now: Answered, replaced: Sequence[Answered], minimum: int) -> list[str]:
    """A finding for each query on a table that was replaced, whose groups have changed by too few contributors."""
    found = []
    for earlier in replaced:
        shared = [name for name in now.query["columns"] if name in earlier.query["columns"]]
        if not shared:
            continue
        sizes = _changes(now, earlier)
        small = sizes[(sizes > 0) & (sizes < minimum)]
        if len(small):
            found.append(
                f"subtracted from {_with_whose([earlier])}, it gives sums of {printable_line(', '.join(shared))} over "
                f"{_contributors(small.min())}, and your minimum is {minimum}"
            )
    return found


def _changes(now: Answered, earlier: Answered) -> np.ndarray:
    """By how many rows and contributors groups of the same labels, and the totals, differ between two tables."""
    changes = [now.all_rows - earlier.all_rows, now.all_contributors - earlier.all_contributors]
    if sorted(now.query["group_by"]) == sorted(earlier.query["group_by"]):
        old = earlier.sizes
        for group, (rows, contributors) in now.sizes.items():
            old_rows, old_contributors = old.get(group, (rows, contributors))
            changes += [rows - old_rows, contributors - old_contributors]
    return np.abs(np.array(changes))
