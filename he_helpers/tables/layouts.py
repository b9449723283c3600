"""Layouts: which number of the table lies in which slot of which ciphertext.

``values``   one number a ciphertext: any grouping, the naive way
``rows``     the columns of a row side by side in one ciphertext: any grouping
``aligned``  for each announced grouping, a slot for each group and column; the members of a group lie at the same slot
             of successive ciphertexts, so that adding whole ciphertexts adds up every group at once. The largest group
             decides how many ciphertexts there are, and smaller ones leave their slots empty in most of them: 20,000
             rows of one group beside 500 groups of one row take 154 MB. Encrypt such groups as two tables
``rotated``  the members of a group in several neighbouring slots, too; the server adds these up by rotating the sums

A layout only arranges numbers and adds ciphertexts. It is a function of public labels, so that the encrypting side,
the server and the decrypting side derive the same arrangement.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from he_helpers.schemes.errors import ShapeMismatch
from he_helpers.schemes.public.interface import Ciphertext
from he_helpers.tables.labels import Labels
from he_helpers.tables.placement import AlignedPlacement, Placement, RotatedPlacement, RowPlacement
from he_helpers.tables.query import UnknownLabel, UnsupportedQuery, names_of

LAYOUT_NAMES = ("values", "rows", "aligned", "rotated")
ANNOUNCED = ("aligned", "rotated")
"""Those that answer announced groupings only, and split sums into parts."""


class Layout(ABC):
    """An arrangement for given labels, number of columns and slots.

    ``terms`` is the largest number of terms that one slot of a result adds up, ``largest_group`` the number of rows of
    the largest group, ``ciphertext_count`` the number uploaded, ``groupings`` those that it can answer (None for any).
    """

    name: str
    terms: int
    largest_group: int
    ciphertext_count: int
    groupings: tuple[tuple[str, ...], ...] | None = None
    partial_sums: int = 1

    @abstractmethod
    def vectors(self, numbers: np.ndarray) -> Iterator[np.ndarray]:
        """The vectors to encrypt, in order, from the table's numbers of shape (rows, columns)."""

    @abstractmethod
    def lengths(self) -> Iterator[int]:
        """The lengths of these vectors."""

    @abstractmethod
    def add_up(
        self, ciphertexts: Sequence[Ciphertext], grouping: tuple[str, ...], columns: Sequence[int]
    ) -> list[Ciphertext]:
        """The result ciphertexts of the sums of ``columns`` (positions) for each group of ``grouping``."""

    def canonical(self, grouping: tuple[str, ...]) -> tuple[str, ...]:
        """The grouping with its labels in the order of this layout. Raises UnsupportedQuery."""
        return grouping

    def parts(self, grouping: tuple[str, ...]) -> int:
        """Slots that a sum of this grouping takes in the result."""
        return self.partial_sums

    @abstractmethod
    def sums(self) -> Iterator[tuple[int, int]]:
        """For each kind of sum the number of ciphertexts that it adds up, and of the rotations after that."""


class RowLayout(Layout):
    """``rows`` and ``values``: every ciphertext holds ``width`` columns of one row."""

    def __init__(self, name: str, labels: Labels, column_count: int, slot_count: int) -> None:
        self.name = name
        self._labels = labels
        self._column_count = column_count
        self._width = row_width(name, column_count, slot_count)
        self._starts = range(0, column_count, self._width)
        self.terms = self.largest_group = labels.rows
        self.ciphertext_count = labels.rows * len(self._starts)

    def vectors(self, numbers: np.ndarray) -> Iterator[np.ndarray]:
        for row in numbers:
            for start in self._starts:
                yield row[start : start + self._width]

    def lengths(self) -> Iterator[int]:
        for _ in range(self._labels.rows):
            for start in self._starts:
                yield min(self._width, self._column_count - start)

    def sums(self) -> Iterator[tuple[int, int]]:
        yield self.terms, 0

    def add_up(
        self, ciphertexts: Sequence[Ciphertext], grouping: tuple[str, ...], columns: Sequence[int]
    ) -> list[Ciphertext]:
        group_of_row, sizes = self._labels.group_of_rows(grouping), self._labels.group_sizes(grouping)
        members = np.split(np.argsort(group_of_row, kind="stable"), np.cumsum(sizes)[:-1])
        needed = RowPlacement(self._column_count, len(sizes), self._width, columns).needed
        return [
            add_up([ciphertexts[row * len(self._starts) + chunk] for row in rows])
            for rows in members
            for chunk in needed
        ]


class _Block:
    """The ciphertexts of one grouping: ``depth`` layers of ``vectors`` vectors, added up over the depth.

    Member j of a group goes to part j modulo ``parts`` of its group's cells, in the layer j // parts.
    """

    def __init__(self, labels: Labels, grouping: tuple[str, ...], column_count: int, slots: int, parts: int) -> None:
        self._labels, self._grouping = labels, grouping
        self._sizes = labels.group_sizes(grouping)
        self.group_count = len(self._sizes)
        self.parts = parts
        self._column_count = column_count
        self._slots = slots
        self.largest_group = int(self._sizes.max())
        self.depth = -(-self.largest_group // parts)
        self.vectors = -(-column_count * self.group_count * parts // slots)

    @cached_property
    def lengths(self) -> list[int]:
        """The length of each vector. Not before it is needed: a short header can announce any number of them."""
        columns = range(self._column_count)
        return AlignedPlacement(self._column_count, self.group_count, self._slots, self.parts, columns).lengths

    def layers(self, numbers: np.ndarray) -> np.ndarray:
        """Shape (depth, columns x groups x parts): zero where a group has no such member."""
        group_of_row = self._labels.group_of_rows(self._grouping)
        # Sorting integers of 16 bits or fewer takes time in proportion to their number.
        narrow = np.uint16 if self.group_count <= 2**16 else np.int64
        by_group = np.argsort(group_of_row.astype(narrow), kind="stable")
        member = np.empty(len(group_of_row), dtype=np.int64)
        member[by_group] = np.arange(len(group_of_row)) - np.repeat(np.cumsum(self._sizes) - self._sizes, self._sizes)
        layer, part = np.divmod(member, self.parts)
        width = self.group_count * self.parts
        position = layer * (self._column_count * width) + group_of_row * self.parts + part
        layers = np.zeros((self.depth, self._column_count * width), dtype=numbers.dtype)
        for column in range(self._column_count):
            layers.reshape(-1)[position + column * width] = numbers[:, column]
        return layers


class AlignedLayout(Layout):
    """``aligned``: a block of ciphertexts for each announced grouping.

    With ``partial_sums`` = p, p cells hold the parts of each sum: p times fewer ciphertexts, and whoever decrypts
    adds the parts up and so sees them.
    """

    name = "aligned"

    def __init__(
        self,
        labels: Labels,
        column_count: int,
        slot_count: int,
        groupings: Sequence[Sequence[str]],
        partial_sums: int,
    ) -> None:
        self.groupings = tuple(tuple(grouping) for grouping in groupings)
        self.partial_sums = partial_sums
        self._column_count = column_count
        self._slot_count = slot_count
        self._blocks = {
            grouping: _Block(labels, grouping, column_count, slot_count, self._parts_of(labels, grouping))
            for grouping in self.groupings
        }
        self.terms = max(block.depth for block in self._blocks.values())
        self.largest_group = max(block.largest_group for block in self._blocks.values())
        self.ciphertext_count = sum(block.depth * block.vectors for block in self._blocks.values())

    def _parts_of(self, labels: Labels, grouping: tuple[str, ...]) -> int:
        return self.partial_sums

    def parts(self, grouping: tuple[str, ...]) -> int:
        return self._blocks[grouping].parts

    def sums(self) -> Iterator[tuple[int, int]]:
        for block in self._blocks.values():
            yield block.depth, 0

    def vectors(self, numbers: np.ndarray) -> Iterator[np.ndarray]:
        for block in self._blocks.values():
            for layer in block.layers(numbers):
                yield from np.split(layer, np.cumsum(block.lengths)[:-1])

    def lengths(self) -> Iterator[int]:
        for block in self._blocks.values():
            for _ in range(block.depth):
                yield from block.lengths

    def canonical(self, grouping: tuple[str, ...]) -> tuple[str, ...]:
        for announced in self.groupings:
            if set(announced) == set(grouping):
                return announced
        known = [" and ".join(g) or "the grand total" for g in self.groupings]
        raise UnsupportedQuery(
            f"This table was not encrypted for sums by {' and '.join(grouping) or 'the grand total'}. It answers sums "
            f"by: {'; '.join(known)}. The data administrator announces groupings when encrypting.",
            [list(g) for g in self.groupings],
        )

    def add_up(
        self, ciphertexts: Sequence[Ciphertext], grouping: tuple[str, ...], columns: Sequence[int]
    ) -> list[Ciphertext]:
        start = 0
        for announced, block in self._blocks.items():
            if announced == grouping:
                break
            start += block.depth * block.vectors
        placement = AlignedPlacement(
            self._column_count, block.group_count, self._slot_count, block.parts, columns
        )
        return [
            add_up([ciphertexts[start + layer * block.vectors + chunk] for layer in range(block.depth)])
            for chunk in placement.needed
        ]


class RotatedLayout(AlignedLayout):
    """``rotated``: as ``aligned``, and the server adds up the parts of each sum.

    With ``partial_sums`` = p, a power of two, members of a group lie in up to p neighbouring slots, no more than the
    largest group needs. After adding the ciphertexts the server adds the result to itself rotated by 1, 2, 4, ..., p/2:
    each slot then holds the sum of p slots that begin with it, so the first of a group holds its sum. The other slots
    hold sums across groups, which whoever decrypts can see.
    """

    name = "rotated"

    def __init__(
        self,
        labels: Labels,
        column_count: int,
        slot_count: int,
        groupings: Sequence[Sequence[str]],
        partial_sums: int,
    ) -> None:
        super().__init__(labels, column_count, slot_count, groupings, partial_sums)
        # Adding up slots uses up the room in a slot as adding ciphertexts does.
        self.terms = max(block.depth * block.parts for block in self._blocks.values())

    def _parts_of(self, labels: Labels, grouping: tuple[str, ...]) -> int:
        largest = int(labels.group_sizes(grouping).max())
        return min(self.partial_sums, 1 << (largest - 1).bit_length())

    def sums(self) -> Iterator[tuple[int, int]]:
        for block in self._blocks.values():
            yield block.depth, block.parts.bit_length() - 1

    def add_up(
        self, ciphertexts: Sequence[Ciphertext], grouping: tuple[str, ...], columns: Sequence[int]
    ) -> list[Ciphertext]:
        sums = super().add_up(ciphertexts, grouping, columns)
        return [sum_of_neighbours(ciphertext, self.parts(grouping)) for ciphertext in sums]


def add_up(ciphertexts: Sequence[Ciphertext]) -> Ciphertext:
    """The sum of ciphertexts of a table, which were encrypted each on its own (see PublicKey.add_up)."""
    return ciphertexts[0].key.add_up(ciphertexts)


def sum_of_neighbours(ciphertext: Ciphertext, count: int) -> Ciphertext:
    """In each slot the sum of ``count`` slots, a power of two, that begin with it. Needs Galois keys for powers of two.

    Rotate and sum: every step doubles the number of slots in a sum, so log2(count) rotations do.
    """
    for steps in (1 << i for i in range(count.bit_length() - 1)):
        ciphertext = ciphertext + ciphertext.rotate(steps)
    return ciphertext


def row_width(layout_name: str, column_count: int, slot_count: int) -> int:
    """Columns in one ciphertext of a row layout."""
    return 1 if layout_name == "values" else min(slot_count, column_count)


def make_layout(
    name: str,
    labels: Labels,
    column_count: int,
    slot_count: int,
    groupings: Sequence[Sequence[str]] | None,
    partial_sums: int,
) -> Layout:
    """The layout of that name.

    groupings, partial_sums: for ``aligned`` and ``rotated`` only; groupings None for each label by itself.

    Raises ShapeMismatch; UnknownLabel for a grouping by something else.
    """
    if name not in LAYOUT_NAMES:
        raise ShapeMismatch(f"There is no layout {name!r}; known are {', '.join(LAYOUT_NAMES)}.")
    if name not in ANNOUNCED:
        if groupings is not None or partial_sums != 1:
            raise ShapeMismatch(
                f"Layout {name!r} answers every grouping; groupings and partial_sums are for {' and '.join(ANNOUNCED)}."
            )
        return RowLayout(name, labels, column_count, slot_count)
    if not 1 <= partial_sums <= labels.rows:
        raise ShapeMismatch(f"partial_sums must be from 1 to the number of rows, {labels.rows}.")
    if name == "rotated" and (partial_sums.bit_count() != 1 or partial_sums > slot_count // 2):
        raise ShapeMismatch(
            f"partial_sums of a rotated table is a power of two, at most {slot_count // 2}, half of the slots, and not "
            f"{partial_sums}: rotations by 1, 2, 4 and so on add the parts up."
        )
    if groupings is None:
        groupings = [[label] for label in labels.names]
    groupings = _checked_groupings(name, labels, groupings)
    kind = RotatedLayout if name == "rotated" else AlignedLayout
    return kind(labels, column_count, slot_count, groupings, partial_sums)


def _checked_groupings(name: str, labels: Labels, groupings: Any) -> list[tuple[str, ...]]:
    flat = [groupings] if isinstance(groupings, (str, int)) else [g for g in groupings if isinstance(g, (str, int))]
    if flat:
        raise ShapeMismatch(
            f"groupings is a list of groupings, and each of these a list of labels: write groupings=[[{flat[0]!r}]] "
            f"for one grouping by the label {flat[0]!r}."
        )
    if not len(groupings):
        raise ShapeMismatch(f"Layout {name!r} needs a grouping to answer; the empty one () is the grand total.")
    found = [names_of(grouping, "the labels of a grouping") for grouping in groupings]
    for grouping in found:
        if len(set(grouping)) != len(grouping):
            raise ShapeMismatch(f"A grouping names each label once, not {list(grouping)}.")
        for label in grouping:
            if label not in labels.names:
                raise UnknownLabel(f"There is no label {label!r}. Known: {', '.join(labels.names)}.", labels.names)
    if len({frozenset(grouping) for grouping in found}) != len(found):
        raise ShapeMismatch("A grouping is announced twice.")
    return found


def make_placement(
    layout_name: str, column_count: int, group_count: int, slot_count: int, partial_sums: int, columns: Sequence[int]
) -> Placement:
    """Where the sums lie that the layout of that name computes."""
    if layout_name in ANNOUNCED:
        kind = RotatedPlacement if layout_name == "rotated" else AlignedPlacement
        return kind(column_count, group_count, slot_count, partial_sums, columns)
    return RowPlacement(column_count, group_count, row_width(layout_name, column_count, slot_count), columns)
