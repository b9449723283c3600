"""Rotated: as Aligned, and the server adds up the parts of each sum by rotating its slots."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from he_helpers.schemes.errors import ShapeMismatch
from he_helpers.schemes.public.interface import Ciphertext
from he_helpers.tables.labels import Labels
from he_helpers.tables.layouts.aligned import Aligned, AlignedPacking, AlignedPlacement
from he_helpers.tables.layouts.layout import Layout, SumOfTable


@dataclass(frozen=True, init=False, repr=False)
class Rotated(Aligned):
    """A block of ciphertexts for each announced grouping, whose sums the server rotates. Needs Galois keys.

    groupings: as for Aligned.
    partial_sums: a power of two, at most half of the slots and as many as the table has rows. With p of them, members
        of a group lie in up to p neighbouring slots, no more than the largest group needs. After adding the ciphertexts
        the server adds the result to itself rotated by 1, 2, 4, ..., p/2: each slot then holds the sum of p slots that
        begin with it, so the first of a group holds its sum. The other slots hold sums across groups, which whoever
        decrypts can see.
    Raises what Aligned raises.
    """

    name: ClassVar[str] = "rotated"

    def __init__(self, groupings: Sequence[Sequence[str]] | None = None, partial_sums: int = 1) -> None:
        super().__init__(groupings, partial_sums)
        if self.partial_sums.bit_count() != 1:
            raise ShapeMismatch(
                f"partial_sums of a rotated table is a power of two, and not {self.partial_sums}: rotations by 1, 2, 4 "
                "and so on add the parts up."
            )

    def pack(self, labels: Labels, column_count: int, slot_count: int) -> "RotatedPacking":
        if self.partial_sums > slot_count // 2:
            raise ShapeMismatch(
                f"partial_sums of a rotated table is at most {slot_count // 2}, half of the slots, and not "
                f"{self.partial_sums}: no rotation adds one half of the slots to the other."
            )
        return RotatedPacking(self._for_labels(labels), labels, column_count, slot_count)

    def placement(
        self, column_count: int, group_count: int, slot_count: int, columns: Sequence[int]
    ) -> "RotatedPlacement":
        return RotatedPlacement(column_count, group_count, slot_count, self.partial_sums, columns)

    def parts(self, largest_group: int) -> int:
        return min(self.partial_sums, 1 << (largest_group - 1).bit_length())

    def with_parts(self, parts: int) -> str:
        return Layout.with_parts(self, parts)


class RotatedPacking(AlignedPacking):
    """As AlignedPacking, with rotations after the additions."""

    def __init__(self, layout: Rotated, labels: Labels, column_count: int, slot_count: int) -> None:
        super().__init__(layout, labels, column_count, slot_count)
        # Adding up slots uses up the room in a slot as adding ciphertexts does.
        self.terms = max(of_group.ciphertexts * of_group.parts for of_group in self.sums())

    def sums(self) -> Iterator[SumOfTable]:
        for of_group in super().sums():
            yield of_group._replace(rotations=of_group.parts.bit_length() - 1)

    def add_up(
        self, ciphertexts: Sequence[Ciphertext], grouping: tuple[str, ...], columns: Sequence[int]
    ) -> list[Ciphertext]:
        sums = super().add_up(ciphertexts, grouping, columns)
        return [sum_of_neighbours(ciphertext, self.parts(grouping)) for ciphertext in sums]


class RotatedPlacement(AlignedPlacement):
    """As AlignedPlacement, with the sum of all parts in the cell of the first one."""

    def cells(self, column: int, group: int) -> list[tuple[int, int]]:
        return super().cells(column, group)[:1]


def sum_of_neighbours(ciphertext: Ciphertext, count: int) -> Ciphertext:
    """In each slot the sum of ``count`` slots, a power of two, that begin with it. Needs Galois keys for powers of two.

    Rotate and sum: every step doubles the number of slots in a sum, so log2(count) rotations do.
    """
    for steps in (1 << i for i in range(count.bit_length() - 1)):
        ciphertext = ciphertext + ciphertext.rotate(steps)
    return ciphertext
