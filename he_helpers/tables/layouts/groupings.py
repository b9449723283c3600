"""Announced groupings: what may be given for them, and whether a table has their labels."""

from collections.abc import Sequence
from typing import Any

from he_helpers.schemes.errors import ShapeMismatch
from he_helpers.tables.query import UnknownLabel, names_of

MOST_GROUPINGS = 1000


def checked_groupings(given: Any) -> tuple[tuple[str, ...], ...]:
    """A list of lists of labels as tuples of text, in the same order.

    Raises ShapeMismatch; UnsupportedQuery for labels that are no names.
    """
    try:
        groupings = [given] if isinstance(given, (str, int)) else list(given)
    except TypeError:
        raise ShapeMismatch(f"groupings is a list of groupings, such as [['Region']], not {given!r:.60}.") from None
    if flat := [grouping for grouping in groupings if isinstance(grouping, (str, int))]:
        raise ShapeMismatch(
            f"groupings is a list of groupings, and each of these a list of labels: write groupings=[[{flat[0]!r:.60}]]"
            f" for one grouping by the label {flat[0]!r:.60}."
        )
    if not groupings:
        raise ShapeMismatch(
            "groupings needs a grouping to answer; the empty one () is the grand total, and None each label by itself."
        )
    # Whoever reads the tables of others does not begin to work on more.
    if len(groupings) > MOST_GROUPINGS:
        raise ShapeMismatch(
            f"groupings has {len(groupings):,} groupings, and at most {MOST_GROUPINGS:,} are taken. Announce those "
            "that are asked for."
        )
    found: dict[frozenset[str], tuple[str, ...]] = {}
    for grouping in groupings:
        names = names_of(grouping, "the labels of a grouping")
        if len(set(names)) != len(names):
            raise ShapeMismatch(f"A grouping names each label once, not {list(names)}.")
        if frozenset(names) in found:
            raise ShapeMismatch(f"The grouping {list(names)} is announced twice. Leave one out.")
        found[frozenset(names)] = names
    return tuple(found.values())


def check_labels(groupings: Sequence[Sequence[str]], known: Sequence[str]) -> None:
    """Raise UnknownLabel if a grouping has a label that is not among ``known``."""
    for grouping in groupings:
        for label in grouping:
            if label not in known:
                raise UnknownLabel(f"There is no label {label!r}. Known: {', '.join(known)}.", known)
