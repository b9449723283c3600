"""Where each sum of a result lies: in which of its ciphertexts, in which slot.

Computed by the server when it picks the ciphertexts that a query needs, and by whoever decrypts the result.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence


class Placement(ABC):
    """The arrangement of the sums of ``columns`` (positions among ``column_count``) for ``group_count`` groups.

    ``needed`` are the vectors of a whole arrangement that hold any of these columns; ``lengths`` the lengths of the
    result's ciphertexts, in order.
    """

    needed: list[int]
    lengths: list[int]

    @abstractmethod
    def cells(self, column: int, group: int) -> list[tuple[int, int]]:
        """The (ciphertext, slot) pairs whose values add up to the sum of a column in a group."""


class RowPlacement(Placement):
    """For each group the needed chunks of ``width`` columns, one ciphertext each."""

    def __init__(self, column_count: int, group_count: int, width: int, columns: Sequence[int]) -> None:
        self._width = width
        self.needed = sorted({column // width for column in columns})
        chunk_lengths = [min(width, column_count - chunk * width) for chunk in self.needed]
        self.lengths = chunk_lengths * group_count

    def cells(self, column: int, group: int) -> list[tuple[int, int]]:
        chunk, slot = divmod(column, self._width)
        return [(group * len(self.needed) + self.needed.index(chunk), slot)]


class AlignedPlacement(Placement):
    """The cell of column c, group g and part p has the position (c x groups + g) x parts + p, counted through slots."""

    def __init__(
        self, column_count: int, group_count: int, slot_count: int, parts: int, columns: Sequence[int]
    ) -> None:
        self._groups, self._parts, self._slots = group_count, parts, slot_count
        per_column = group_count * parts
        total = column_count * per_column
        self.needed = sorted(
            {
                chunk
                for column in columns
                for chunk in range(column * per_column // slot_count, -(-(column + 1) * per_column // slot_count))
            }
        )
        self.lengths = [min(slot_count, total - chunk * slot_count) for chunk in self.needed]
        self._index = {chunk: i for i, chunk in enumerate(self.needed)}

    def cells(self, column: int, group: int) -> list[tuple[int, int]]:
        first = (column * self._groups + group) * self._parts
        pairs = (divmod(position, self._slots) for position in range(first, first + self._parts))
        return [(self._index[chunk], slot) for chunk, slot in pairs]


class RotatedPlacement(AlignedPlacement):
    """As AlignedPlacement, with the sum of all parts in the cell of the first one."""

    def cells(self, column: int, group: int) -> list[tuple[int, int]]:
        return super().cells(column, group)[:1]
