"""Values and Rows: every ciphertext holds one number, or the columns of one row. They answer sums by any labels."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from he_helpers.tables.labels import Labels
from he_helpers.tables.layouts.layout import Layout, Packing, Placement, SumOfTable


class _OfRows(Layout):
    @abstractmethod
    def width(self, column_count: int, slot_count: int) -> int:
        """Columns in one ciphertext."""

    def pack(self, labels: Labels, column_count: int, slot_count: int) -> "RowPacking":
        return RowPacking(self, labels, column_count, self.width(column_count, slot_count))

    def placement(self, column_count: int, group_count: int, slot_count: int, columns: Sequence[int]) -> "RowPlacement":
        return RowPlacement(column_count, group_count, self.width(column_count, slot_count), columns)


@dataclass(frozen=True)
class Values(_OfRows):
    """One number a ciphertext."""

    name: ClassVar[str] = "values"

    def width(self, column_count: int, slot_count: int) -> int:
        return 1


@dataclass(frozen=True)
class Rows(_OfRows):
    """A row a ciphertext, its columns side by side; several ciphertexts where the slots do not suffice."""

    name: ClassVar[str] = "rows"

    def width(self, column_count: int, slot_count: int) -> int:
        return min(slot_count, column_count)


class RowPacking(Packing):
    """Every ciphertext holds ``width`` columns of one row."""

    def __init__(self, layout: Layout, labels: Labels, column_count: int, width: int) -> None:
        self.layout = layout
        self._labels = labels
        self._column_count = column_count
        self._width = width
        self._starts = range(0, column_count, width)
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

    def sums(self) -> Iterator[SumOfTable]:
        yield SumOfTable(ciphertexts=self.terms, rotations=0, parts=1)

    def positions(self, grouping: tuple[str, ...], columns: Sequence[int]) -> Iterator[list[int]]:
        group_of_row, sizes = self._labels.group_of_rows(grouping), self._labels.group_sizes(grouping)
        members = np.split(np.argsort(group_of_row, kind="stable"), np.cumsum(sizes)[:-1])
        needed = RowPlacement(self._column_count, len(sizes), self._width, columns).needed
        return ([row * len(self._starts) + chunk for row in rows] for rows in members for chunk in needed)


class RowPlacement(Placement):
    """For each group the needed chunks of ``width`` columns, one ciphertext each."""

    def __init__(self, column_count: int, group_count: int, width: int, columns: Sequence[int]) -> None:
        self._column_count, self._group_count, self._width = column_count, group_count, width
        self._chunks = sorted({column // width for column in columns})
        self.ciphertext_count = len(self._chunks) * group_count

    @cached_property
    def needed(self) -> list[int]:
        return self._chunks

    @cached_property
    def lengths(self) -> list[int]:
        of_group = [min(self._width, self._column_count - chunk * self._width) for chunk in self._chunks]
        return of_group * self._group_count

    def cells(self, column: int, group: int) -> list[tuple[int, int]]:
        chunk, slot = divmod(column, self._width)
        return [(group * len(self._chunks) + self._chunks.index(chunk), slot)]
