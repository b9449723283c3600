"""Which number of a table lies in which slot of which ciphertext: found by packing the positions of the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from he_helpers.tables import Labels, Layout, Query
from he_helpers.tables.layouts import require_layout


class Number(NamedTuple):
    """A number of the table: that of ``column`` in the row that is the ``member``-th of its ``group``, from 0."""

    group: int
    member: int
    column: int


class Part(NamedTuple):
    """What a slot of a sum holds: the sum over ``members`` rows of ``group``, of one column."""

    group: int
    members: int
    column: int


@dataclass(frozen=True, eq=False)
class SlotContent:
    """The slots of those ciphertexts of a table that sums by one grouping add up.

    ciphertexts: by its position in the table, the numbers of each, None for a slot that is empty.
    sums: for each ciphertext of the answer the positions that it adds up; parts: what is then in its slots.
    sizes: the rows of each group; names: of the groups; cells: for each group and column the (sum, slot) pairs that
    whoever decrypts reads its sum from. rotations: how many the server adds to each sum.
    """

    ciphertexts: dict[int, list[Number | None]]
    sums: list[list[int]]
    parts: list[list[Part | None]]
    names: list[str]
    sizes: list[int]
    cells: dict[tuple[int, int], list[tuple[int, int]]]
    rotations: int


def slot_content(
    labels: pd.DataFrame, columns: Sequence[str], layout: Layout, slot_count: int, group_by: Sequence[str]
) -> SlotContent:
    """The content of the slots for a table of these labels.

    Raises WrongKind for a layout that is none, what Layout.pack and Layout.canonical raise, UnknownLabel.
    """
    readable = Labels.from_frame(labels)
    Query("sum", tuple(group_by), tuple(columns)).check_names(readable.names, columns)
    packing = require_layout(layout).pack(readable, len(columns), slot_count)
    grouping = packing.layout.canonical(tuple(group_by))
    group_of_row, sizes = readable.group_of_rows(grouping), readable.group_sizes(grouping)
    member_of_row = pd.Series(group_of_row).groupby(group_of_row).cumcount().to_numpy()

    # Each number stands for itself: its position, from 1, because a layout fills empty slots with zeros.
    positions = np.arange(1, readable.rows * len(columns) + 1).reshape(readable.rows, len(columns))
    sums = [[int(position) for position in of_sum] for of_sum in packing.positions(grouping, range(len(columns)))]
    wanted = {position for of_sum in sums for position in of_sum}

    def number(position: int) -> Number | None:
        row, column = divmod(position - 1, len(columns))
        return Number(int(group_of_row[row]), int(member_of_row[row]), column) if position else None

    ciphertexts = {
        place: [number(int(position)) for position in vector]
        for place, vector in enumerate(packing.vectors(positions))
        if place in wanted
    }
    largest = int(sizes.max())
    placement = packing.layout.for_answer(grouping, largest).placement(
        len(columns), len(sizes), slot_count, range(len(columns))
    )
    return SlotContent(
        ciphertexts=ciphertexts,
        sums=sums,
        parts=[_added_up([ciphertexts[place] for place in of_sum]) for of_sum in sums],
        names=_names(readable.groups(grouping)),
        sizes=[int(size) for size in sizes],
        cells={(g, c): placement.cells(c, g) for g in range(len(sizes)) for c in range(len(columns))},
        rotations=(packing.parts(grouping) - 1).bit_length() if any(kind.rotations for kind in packing.sums()) else 0,
    )


def _added_up(ciphertexts: list[list[Number | None]]) -> list[Part | None]:
    parts: list[Part | None] = []
    for numbers in zip(*ciphertexts, strict=True):
        there = [number for number in numbers if number is not None]
        parts.append(Part(there[0].group, len(there), there[0].column) if there else None)
    return parts


def _names(groups: Labels) -> list[str]:
    if not groups.names:
        return ["all rows"]
    return [", ".join(map(str, row)) for row in groups.frame().itertuples(index=False)]
