"""Aligned: the members of a group lie at the same slot of successive ciphertexts, for each announced grouping."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from he_helpers.schemes.errors import ShapeMismatch
from he_helpers.tables.labels import Labels
from he_helpers.tables.layouts.groupings import check_labels, checked_groupings
from he_helpers.tables.layouts.layout import Layout, Packing, Placement, SumOfTable
from he_helpers.tables.query import UnsupportedQuery


@dataclass(frozen=True, init=False, repr=False)
class Aligned(Layout):
    """A block of ciphertexts for each announced grouping.

    groupings: the label combinations that the table shall answer sums for, a list of lists of labels; the empty one is
        the grand total. None: each label by itself.
    partial_sums: the number of slots that hold the parts of each sum, at most as many as the table has rows. With p of
        them there are p times fewer ciphertexts, and whoever decrypts adds the parts up and so sees them. A grouping
        whose largest group has fewer rows takes no more slots than that.
    Raises ShapeMismatch for other arguments, UnsupportedQuery for a label that is no name.
    """

    name: ClassVar[str] = "aligned"
    groupings: tuple[tuple[str, ...], ...] | None = None
    partial_sums: int = 1

    def __init__(self, groupings: Sequence[Sequence[str]] | None = None, partial_sums: int = 1) -> None:
        whole = isinstance(partial_sums, (int, np.integer)) and not isinstance(partial_sums, (bool, np.bool_))
        if not whole or partial_sums < 1:
            raise ShapeMismatch(
                f"partial_sums is a whole number from 1 to the number of rows, not {partial_sums!r:.60}."
            )
        # A frozen object takes its own values in this way alone.
        object.__setattr__(self, "groupings", None if groupings is None else checked_groupings(groupings))
        object.__setattr__(self, "partial_sums", int(partial_sums))

    def __repr__(self) -> str:
        groupings = None if self.groupings is None else [list(grouping) for grouping in self.groupings]
        return f"{type(self).__name__}(groupings={groupings}, partial_sums={self.partial_sums})"

    def pack(self, labels: Labels, column_count: int, slot_count: int) -> "AlignedPacking":
        return AlignedPacking(self._for_labels(labels), labels, column_count, slot_count)

    def placement(
        self, column_count: int, group_count: int, slot_count: int, columns: Sequence[int]
    ) -> "AlignedPlacement":
        return AlignedPlacement(column_count, group_count, slot_count, self.partial_sums, columns)

    @property
    def announced(self) -> tuple[tuple[str, ...], ...]:
        """The groupings by their labels; none as long as they are to be each label of a table."""
        return self.groupings or ()

    def parts(self, largest_group: int) -> int:
        """Slots for each sum of a grouping whose largest group has so many rows."""
        return min(self.partial_sums, largest_group)

    def canonical(self, grouping: tuple[str, ...]) -> tuple[str, ...]:
        for announced in self.announced:
            if set(announced) == set(grouping):
                return announced
        known = [" and ".join(g) or "the grand total" for g in self.announced]
        raise UnsupportedQuery(
            f"This table was not encrypted for sums by {' and '.join(grouping) or 'the grand total'}. It answers sums "
            f"by: {'; '.join(known)}. The data administrator announces groupings when encrypting.",
            [list(g) for g in self.announced],
        )

    def for_answer(self, grouping: tuple[str, ...], largest_group: int) -> Self:
        return replace(self, groupings=(grouping,), partial_sums=self.parts(largest_group))

    @classmethod
    def advised(cls, grouping: Sequence[str], partial_sums: int) -> Self:
        return cls(groupings=[grouping], partial_sums=partial_sums)

    def with_parts(self, parts: int) -> str:
        return f"partial_sums={parts}"

    @property
    def fewer_ciphertexts(self) -> str:
        return f"a larger partial_sums than {self.partial_sums:,}"

    def to_fields(self) -> dict[str, Any]:
        return super().to_fields() | {"groupings": [list(grouping) for grouping in self.announced]}

    def _for_labels(self, labels: Labels) -> Self:
        """With its groupings named. Raises UnknownLabel, ShapeMismatch."""
        layout = replace(self, groupings=tuple((label,) for label in labels.names)) if self.groupings is None else self
        check_labels(layout.announced, labels.names)
        if self.partial_sums > labels.rows:
            raise ShapeMismatch(
                f"partial_sums must be from 1 to the number of rows, {labels.rows}, and not {self.partial_sums}."
            )
        return layout


class AlignedPacking(Packing):
    """The blocks of ciphertexts, in the order of the groupings."""

    def __init__(self, layout: Aligned, labels: Labels, column_count: int, slot_count: int) -> None:
        self.layout = layout
        self._blocks: dict[tuple[str, ...], _Block] = {}
        self._starts: dict[tuple[str, ...], int] = {}
        self.ciphertext_count = 0
        for grouping in layout.announced:
            block = self._blocks[grouping] = _Block(layout, labels, grouping, column_count, slot_count)
            self._starts[grouping] = self.ciphertext_count
            self.ciphertext_count += block.ciphertext_count
        self.terms = max(block.depth for block in self._blocks.values())
        self.largest_group = max(block.largest_group for block in self._blocks.values())

    def parts(self, grouping: tuple[str, ...]) -> int:
        return self._blocks[grouping].parts

    def sums(self) -> Iterator[SumOfTable]:
        for block in self._blocks.values():
            yield SumOfTable(ciphertexts=block.depth, rotations=0, parts=block.parts)

    def vectors(self, numbers: np.ndarray) -> Iterator[np.ndarray]:
        for block in self._blocks.values():
            for layer in block.layers(numbers):
                yield from np.split(layer, np.cumsum(block.lengths)[:-1])

    def lengths(self) -> Iterator[int]:
        for block in self._blocks.values():
            for _ in range(block.depth):
                yield from block.lengths

    def positions(self, grouping: tuple[str, ...], columns: Sequence[int]) -> list[range]:
        block, start = self._blocks[grouping], self._starts[grouping]
        stop = start + block.ciphertext_count
        return [range(start + chunk, stop, block.vectors) for chunk in block.placement(columns).needed]


class _Block:
    """The ciphertexts of one grouping: ``depth`` layers of ``vectors`` vectors, added up over the depth.

    Member j of a group goes to part j modulo ``parts`` of its group's cells, in the layer j // parts.
    """

    def __init__(
        self, layout: Aligned, labels: Labels, grouping: tuple[str, ...], column_count: int, slot_count: int
    ) -> None:
        self._labels, self._grouping = labels, grouping
        self._column_count, self._slot_count = column_count, slot_count
        self._sizes = labels.group_sizes(grouping)
        self._group_count = len(self._sizes)
        self.largest_group = int(self._sizes.max())
        self._layout = layout.for_answer(grouping, self.largest_group)
        self.parts = self._layout.partial_sums
        self.depth = -(-self.largest_group // self.parts)
        self.vectors = -(-column_count * self._group_count * self.parts // slot_count)
        self.ciphertext_count = self.depth * self.vectors

    def placement(self, columns: Sequence[int]) -> "AlignedPlacement":
        return self._layout.placement(self._column_count, self._group_count, self._slot_count, columns)

    @cached_property
    def lengths(self) -> list[int]:
        """The length of each vector. Not before it is needed: a short header can announce any number of them."""
        return self.placement(range(self._column_count)).lengths

    def layers(self, numbers: np.ndarray) -> np.ndarray:
        """Shape (depth, columns x groups x parts): zero where a group has no such member."""
        group_of_row = self._labels.group_of_rows(self._grouping)
        # Sorting integers of 16 bits or fewer takes time in proportion to their number.
        narrow = np.uint16 if self._group_count <= 2**16 else np.int64
        by_group = np.argsort(group_of_row.astype(narrow), kind="stable")
        member = np.empty(len(group_of_row), dtype=np.int64)
        member[by_group] = np.arange(len(group_of_row)) - np.repeat(np.cumsum(self._sizes) - self._sizes, self._sizes)
        layer, part = np.divmod(member, self.parts)
        width = self._group_count * self.parts
        position = layer * (self._column_count * width) + group_of_row * self.parts + part
        layers = np.zeros((self.depth, self._column_count * width), dtype=numbers.dtype)
        for column in range(self._column_count):
            layers.reshape(-1)[position + column * width] = numbers[:, column]
        return layers


class AlignedPlacement(Placement):
    """The cell of column c, group g and part p has the position (c x groups + g) x parts + p, counted through slots."""

    def __init__(
        self, column_count: int, group_count: int, slot_count: int, parts: int, columns: Sequence[int]
    ) -> None:
        self._groups, self._parts, self._slots = group_count, parts, slot_count
        per_column = group_count * parts
        self._total = column_count * per_column
        # For each column the chunks that hold it and no column before it: first and last + 1.
        self._chunks: list[tuple[int, int]] = []
        stop = 0
        for column in sorted(set(columns)):
            start = max(stop, column * per_column // slot_count)
            stop = -(-(column + 1) * per_column // slot_count)
            self._chunks.append((start, stop))
        self.ciphertext_count = sum(stop - start for start, stop in self._chunks)

    @cached_property
    def needed(self) -> list[int]:
        return [chunk for start, stop in self._chunks for chunk in range(start, stop)]

    @cached_property
    def lengths(self) -> list[int]:
        return [min(self._slots, self._total - chunk * self._slots) for chunk in self.needed]

    @cached_property
    def _index(self) -> dict[int, int]:
        return {chunk: i for i, chunk in enumerate(self.needed)}

    def cells(self, column: int, group: int) -> list[tuple[int, int]]:
        first = (column * self._groups + group) * self._parts
        pairs = (divmod(position, self._slots) for position in range(first, first + self._parts))
        return [(self._index[chunk], slot) for chunk, slot in pairs]
