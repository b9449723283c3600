"""Whether sums over few contributors can be computed from sums over groups, by any addition and subtraction.

A released sum of a column is one linear equation: which rows are in it says the readable label of each row. Rows of the
same labels are always in the same sums, so together they are one unknown, called an *atom* here. Everything that
additions, subtractions and factors can make of the released sums are the combinations of their indicator vectors over
the atoms. One of them tells about few people where its entries are zero outside the atoms of few contributors: a
complementary cell, a difference of two results, a tracker, and whatever takes three results or more.

Each step is exact, modulo a prime (see `elimination`). To find the *smallest* number of contributors is the problem of
the minimum distance of a linear code, for which nobody knows a fast way. So all sets of one contributor are tried,
then of two, and so on below the minimum, until the work reaches MOST_STEPS: ``Findings.searched`` says how far. Beyond,
only what elimination shows by itself is found.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from he_helpers.errors import HEError
from he_helpers.tables.disclosure.elimination import PRIME, clear, echelon, normalised_columns, rank
from he_helpers.tables.labels import Labels

MOST_STEPS = 2000  # sets of contributors that are looked at; each takes a few milliseconds
MOST_ENTRIES = 1_000_000  # groups times atoms of one matrix


@dataclass(frozen=True)
class Findings:
    """What was found about sums of few contributors.

    smallest: contributors to the smallest sum that was found, None if none was. searched: of all sets of so many
    contributors or fewer, none but that one tells a sum; 0 where the table is too large to look.
    """

    smallest: int | None
    searched: int


def few_contributors(
    labels: Labels,
    contributor_label: str | None,
    before: Sequence[Sequence[str]],
    now: Sequence[str],
    minimum: int,
    *,
    perhaps: Sequence[Sequence[str]] = (),
    most_steps: int = MOST_STEPS,
) -> Findings:
    """The fewest contributors, below ``minimum``, to a sum that ``before`` tells only together with ``now``.

    labels: those of the table, readable. contributor_label: the one that tells contributors apart; None: each row is
    one. before, now: the groupings by which sums of one column were released, and one more. What ``now`` tells by
    itself is found, too. perhaps: groupings of which nobody knows surely that they were released. What they tell
    counts as not told before, so that one more of them never makes anything unfound, but by the work that it costs.
    """
    if minimum <= 1:
        return Findings(None, 0)
    atoms = _Atoms.of(labels, contributor_label, [*before, *perhaps, now], minimum)
    if atoms.count * atoms.groups > MOST_ENTRIES:
        return Findings(None, 0)
    old = _confined(atoms.indicators(labels, before), atoms.small)
    new = _confined(atoms.indicators(labels, [*before, *perhaps, now]), atoms.small)
    smallest, searched, steps = None, minimum - 1, most_steps
    for rows, columns in _components(new):
        search = _Search(new[np.ix_(rows, columns)], old, columns, atoms.owners, steps)
        found, complete = search.smallest((smallest or minimum) - 1)
        smallest, searched, steps = found or smallest, min(searched, complete), search.steps
    return Findings(smallest, searched)


@dataclass(frozen=True)
class _Atoms:
    """Rows of the same labels. ``of_row``: the atom of each row. ``small``: the atoms of fewer contributors than the
    minimum. ``owners``: their contributors, each as the bits of an integer. ``groups``: of all groupings together."""

    of_row: np.ndarray
    count: int
    groups: int
    small: np.ndarray
    owners: list[int]

    @classmethod
    def of(
        cls, labels: Labels, contributor_label: str | None, groupings: Sequence[Sequence[str]], minimum: int
    ) -> "_Atoms":
        used = [name for name in labels.names if any(name in grouping for grouping in groupings)]
        of_row = labels.group_of_rows(used)
        count = int(of_row.max()) + 1
        owner = np.arange(labels.rows) if contributor_label is None else labels.group_of_rows([contributor_label])
        pairs = np.unique(of_row.astype(np.int64) * (int(owner.max()) + 1) + owner)
        atom, owner = np.divmod(pairs, int(owner.max()) + 1)
        small = np.flatnonzero(np.bincount(atom, minlength=count) < minimum)
        # Numbered anew: of the contributors only those to small atoms matter, and bits of large numbers are slow.
        kept = np.isin(atom, small)
        _, numbered = np.unique(owner[kept], return_inverse=True)
        owners = dict.fromkeys(small.tolist(), 0)
        for one, number in zip(atom[kept].tolist(), numbered.tolist(), strict=True):
            owners[one] |= 1 << number
        groups = sum(int(labels.group_of_rows(tuple(grouping)).max()) + 1 for grouping in groupings)
        return cls(of_row, count, groups, small, list(owners.values()))

    def indicators(self, labels: Labels, groupings: Sequence[Sequence[str]]) -> np.ndarray:
        """A row for each group of each grouping, 1 where an atom is in it."""
        blocks = [np.zeros((0, self.count), dtype=np.int64)]
        for grouping in dict.fromkeys(tuple(sorted(grouping)) for grouping in groupings):
            group_of_row = labels.group_of_rows(grouping)
            block = np.zeros((int(group_of_row.max()) + 1, self.count), dtype=np.int64)
            block[group_of_row, self.of_row] = 1
            blocks.append(block)
        return np.concatenate(blocks)


def _confined(indicators: np.ndarray, small: np.ndarray) -> np.ndarray:
    """A basis, in echelon form, of the combinations that are zero outside the ``small`` atoms, over these."""
    large = np.setdiff1d(np.arange(indicators.shape[1]), small)
    reduced, pivots = echelon(indicators[:, [*large, *small]])
    return reduced[pivots >= len(large)][:, len(large) :]


def _components(basis: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows and columns of each part of a basis in echelon form that shares no column with the rest.

    A combination with the fewest contributors lies in one of them: without its share in the others it has no more.
    """
    left = np.ones(len(basis), dtype=bool)
    while left.any():
        rows = np.zeros(len(basis), dtype=bool)
        rows[np.argmax(left)] = True
        while True:
            columns = (basis[rows] != 0).any(axis=0)
            grown = (basis[:, columns] != 0).any(axis=1)
            if (grown == rows).all():
                break
            rows = grown
        left &= ~rows
        yield np.flatnonzero(rows), np.flatnonzero(columns)


class _TooMuchWork(HEError):
    """The search has taken its steps."""


class _Search:
    """The search in one component. ``basis``: in echelon form; ``columns``: its atoms among all small ones; ``old``: a
    basis of what was told before, over all small atoms, whose contributors are ``owners``, as bits."""

    def __init__(
        self, basis: np.ndarray, old: np.ndarray, columns: np.ndarray, owners: Sequence[int], steps: int
    ) -> None:
        self.basis, self.old, self.columns, self.steps = basis, old, columns, steps
        self.owners = [owners[column] for column in columns]
        self.sets = sorted(set(self.owners))
        # Where no two atoms have a contributor in common, two more atoms are seen without trying them.
        apart = sum(owner.bit_count() for owner in self.owners) == _union(self.owners).bit_count()
        self.fewest_untried = 3 if apart else 1

    def smallest(self, most: int) -> tuple[int | None, int]:
        """Contributors to the smallest new combination, ``most`` at most; and up to how many all sets were tried."""
        bound, untried = self._by_information_sets(most)
        largest = most if bound is None else bound - 1
        parity, nothing = self._parity(), np.zeros(len(self.owners), dtype=bool)
        for size in range(untried, largest + 1):
            try:
                if self._exists(size, 0, parity, nothing, 0):
                    return size, size - 1
            except _TooMuchWork:
                return bound, size - 1
        return bound, largest

    def _by_information_sets(self, most: int) -> tuple[int | None, int]:
        """Contributors to the smallest new combination among some, ``most`` at most; and which number is the first
        that has to be tried, since those below are among them.

        A combination that is zero on an *information set*, atoms on which the basis has full rank, is zero. So of
        several such sets without a common contributor it has one contributor or more in each; and as long as it has
        fewer than two for each set, one alone in some set: then it is a row of the echelon form of this set. (From the
        algorithm of Brouwer and Zimmermann: Betten and others, Error-Correcting Linear Codes, Springer 2006.)
        """
        left, sets, single, sizes = np.ones(len(self.owners), dtype=bool), 0, True, []
        while 2 * sets <= most:
            places = np.concatenate([np.flatnonzero(left), np.flatnonzero(~left)])
            rows, pivots = echelon(self.basis[:, places])
            if pivots[-1] >= left.sum():
                break
            sets += 1
            owners = [self.owners[place] for place in places[pivots]]
            single &= sum(owner.bit_count() for owner in owners) == _union(owners).bit_count()
            left &= np.array([not owner & _union(owners) for owner in self.owners])
            for row in rows:
                owned = _union(self.owners[place] for place in places[np.flatnonzero(row)])
                if owned.bit_count() <= most and self._is_new(owned):
                    sizes.append(owned.bit_count())
        return min(sizes, default=None), 2 * sets if single else sets

    def _parity(self) -> np.ndarray:
        """A matrix that takes the combinations, and nothing else, to zero."""
        pivots = (self.basis != 0).argmax(axis=1)
        free = np.setdiff1d(np.arange(self.basis.shape[1]), pivots)
        parity = np.zeros((len(free), self.basis.shape[1]), dtype=np.int64)
        parity[:, pivots] = -self.basis[:, free].T % PRIME
        parity[np.arange(len(free)), free] = 1
        return parity

    def _exists(self, size: int, owned: int, parity: np.ndarray, inside: np.ndarray, start: int) -> bool:
        """Whether there is a new combination of the contributors ``owned`` and others, ``size`` together.

        inside: the atoms that ``owned`` alone contribute to. parity: with these eliminated, so that other atoms
        belong to a combination with them if and only if their columns are dependent. start: of the sets of
        contributors, those before are tried elsewhere.
        """
        self.steps -= 1
        if self.steps < 0:
            raise _TooMuchWork
        for more in self._seen(parity, inside):
            if (owned | more).bit_count() <= size and self._is_new(owned | more):
                return True
        if size - owned.bit_count() < self.fewest_untried:
            return False
        for index in range(start, len(self.sets)):
            grown = owned | self.sets[index]
            if grown == owned or grown.bit_count() > size:
                continue
            covered = np.array([not owner & ~grown for owner in self.owners])
            reduced, dependent = _eliminated(parity, np.flatnonzero(covered & ~inside))
            if dependent and self._is_new(grown):
                return True
            if self._exists(size, grown, reduced, covered, index + 1):
                return True
        return False

    def _seen(self, parity: np.ndarray, inside: np.ndarray) -> Iterator[int]:
        """Contributors to one more atom, or two, that are dependent on what is inside."""
        outside = np.flatnonzero(~inside)
        columns = parity[:, outside]
        zero = ~columns.any(axis=0)
        yield from {self.owners[column] for column in outside[zero]}
        others = outside[~zero]
        if not len(others):
            return
        _, kind = np.unique(normalised_columns(parity[:, others]), axis=1, return_inverse=True)
        for one in np.flatnonzero(np.bincount(kind) > 1):
            alike = sorted((self.owners[column] for column in others[kind == one]), key=int.bit_count)
            yield from (first | second for place, first in enumerate(alike) for second in alike[place + 1 :])

    def _is_new(self, owned: int) -> bool:
        """Whether more combinations are confined to these contributors now than before."""
        if not len(self.old):
            return True
        inside = np.array([not owner & ~owned for owner in self.owners])
        others = np.ones(self.old.shape[1], dtype=bool)
        others[self.columns[inside]] = False
        now = len(self.basis) - rank(self.basis[:, ~inside])
        return now > len(self.old) - rank(self.old[:, others])


def _eliminated(parity: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, bool]:
    """The rows that are left when each of the columns is used up, and whether one of the columns depended on others."""
    reduced, dependent = parity.copy(), False
    for column in columns:
        filled = np.flatnonzero(reduced[:, column])
        if len(filled):
            clear(reduced, filled[0], column)
            reduced = np.delete(reduced, filled[0], axis=0)
        else:
            dependent = True
    return reduced, dependent


def _union(owners: Iterable[int]) -> int:
    together = 0
    for owner in owners:
        together |= owner
    return together
