"""The slots of ciphertexts as a grid, coloured and lettered by group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise, zip_longest
from string import ascii_uppercase

import pandas as pd
from matplotlib.figure import Figure

from he_helpers.lab.figures.canvas import FAINT, INK, SMALL_POINTS, Canvas, lines_high, text_width, tint
from he_helpers.lab.figures.inside.slot_content import Number, Part, SlotContent, slot_content
from he_helpers.lab.figures.legend import Entry, Legend
from he_helpers.lab.figures.picture import Picture
from he_helpers.lab.figures.theme import WIDTH_INCHES
from he_helpers.tables import Layout

_MOST_CELLS = 64
_MOST_ACROSS = 16
_MOST_CIPHERTEXTS = 8
_MOST_SUMS = 4
_PAD = 0.12
_BETWEEN = 0.06
_LEAST_CELL = 0.34
_LONGEST_LIST = 12  # characters
_EMPTY = "·"


def slot_grid(
    labels: pd.DataFrame, columns: Sequence[str], layout: Layout, slot_count: int, group_by: Sequence[str]
) -> Picture:
    """Draws which number of which group and column lies in which slot of which ciphertext, and what adding them gives.

    labels: the readable columns, a row for each row of the table, such as ``table.label_frame``; columns: the names of
    the encrypted ones; layout: as for EncryptedTable.encrypt; slot_count: of a ciphertext, such as
    ``key.slot_count``; group_by: the labels of the sums that are asked for, of which the layout answers.

    Up to 64 slots are drawn, the first ones; what else there is stands in words. The numbers of a group are lettered
    A1, A2 and so on, in the order of the table.

    Raises UnknownLabel and UnsupportedQuery for other labels, WrongKind for a layout that is none, ShapeMismatch for
    one that does not fit, ValueError without any column.
    """
    if not columns:
        raise ValueError("A grid shows one encrypted column or more, and none was given.")
    content = slot_content(labels, columns, layout, slot_count, group_by)
    grid = _Grid(content, list(columns), slot_count)
    return Picture(
        grid.drawn(), f"{_head(content, layout, slot_count, group_by)} {grid.in_words()}", _as_table(content, columns)
    )


@dataclass(frozen=True)
class _Row:
    """A line of the grid: its name, what lies in its slots, and how many slots its ciphertext has."""

    name: str
    slots: Sequence[Number | Part | None]
    slot_count: int
    is_sum: bool

    def beyond(self, shown: int) -> str:
        """In words: what lies behind the slots that are shown."""
        full = sum(slot is not None for slot in self.slots[shown:])
        empty = self.slot_count - min(shown, self.slot_count) - full
        said = [f"{full:,} full"] * bool(full) + [f"{empty:,} empty"] * bool(empty)
        return f"… {', '.join(said)}" if said else ""


def _rows(content: SlotContent, slot_count: int) -> Iterator[_Row]:
    for place in sorted(content.ciphertexts):
        yield _Row(f"ciphertext {place}", content.ciphertexts[place], slot_count, is_sum=False)
    for places, parts in zip(content.sums, content.parts, strict=True):
        listed = _list_of(places)
        of = listed if len(listed) <= _LONGEST_LIST else _counted(len(places), "ciphertext")
        yield _Row(f"sum of {of}", parts, slot_count, is_sum=True)


def _list_of(places: list[int]) -> str:
    if len(places) > 2 and all(second == first + 1 for first, second in pairwise(places)):
        return f"{places[0]} to {places[-1]}"
    return ", ".join(map(str, places))


def _column_of_each_slot(content: SlotContent) -> list[int] | None:
    """The column in each slot, for a slot that is empty that of its neighbour; None where it is not always the same."""
    found: list[int] = []
    for numbers in zip_longest(*content.ciphertexts.values()):
        columns = {number.column for number in numbers if number is not None} or set(found[-1:])
        if len(columns) > 1:
            return None
        found += columns
    return found


def _letter(group: int) -> str:
    rounds, place = divmod(group, len(ascii_uppercase))
    return (_letter(rounds - 1) if rounds else "") + ascii_uppercase[place]


def _lettering(slot: Number | Part | None, sizes: Sequence[int]) -> str:
    if slot is None:
        return _EMPTY
    if isinstance(slot, Number):
        return f"{_letter(slot.group)}{slot.member + 1}"
    size = sizes[slot.group]
    return f"{_letter(slot.group)}\n" + (f"all {size}" if slot.members == size else f"{slot.members} of {size}")


class _Grid:
    """Measures the lettering, chooses how much is shown, draws it, and says it."""

    def __init__(self, content: SlotContent, columns: list[str], slot_count: int) -> None:
        self._content = content
        self._columns = columns
        self._in_slots = _column_of_each_slot(content)
        rows = list(_rows(content, slot_count))
        ciphertexts, sums = [row for row in rows if not row.is_sum], [row for row in rows if row.is_sum]
        self._across = min(_MOST_ACROSS, max(len(row.slots) for row in rows))
        self._choose(ciphertexts, sums)
        while self._width > WIDTH_INCHES - 2 * _PAD and self._across > 1:
            self._across -= 1
            self._choose(ciphertexts, sums)

    def _choose(self, ciphertexts: list[_Row], sums: list[_Row]) -> None:
        """What is shown with so many slots across, and how wide that is."""
        down = max(2, min(_MOST_CIPHERTEXTS, _MOST_CELLS // self._across))
        self._shown = [*ciphertexts[:down], *sums[:_MOST_SUMS]]
        self._more = {"ciphertext": len(ciphertexts[down:]), "sum": len(sums[_MOST_SUMS:])}
        self._name_wide = max(text_width(row.name, weight="bold") for row in self._shown) + _PAD
        widest = max(text_width(line, SMALL_POINTS) for row in self._shown for line in self._lines(row))
        for column, run in self._runs():
            widest = max(widest, text_width(self._columns[column], SMALL_POINTS, "bold") / len(run))
        self._cell_wide = max(_LEAST_CELL, widest + _PAD)
        beyond = max(text_width(row.beyond(self._across), SMALL_POINTS) for row in self._shown)
        self._width = self._name_wide + self._across * self._cell_wide + _PAD + beyond

    def _lines(self, row: _Row) -> Iterator[str]:
        for slot in row.slots[: self._across]:
            yield from self._words(slot).split("\n")

    def _words(self, slot: Number | Part | None) -> str:
        words = _lettering(slot, self._content.sizes)
        return words if slot is None or self._in_slots is not None else f"{words}\n{self._columns[slot.column]}"

    def _runs(self) -> list[tuple[int, list[int]]]:
        """The shown neighbouring slots of one column, where a slot has but one."""
        in_slots = self._in_slots or []
        return [
            (column, list(run)) for column, run in groupby(range(len(in_slots[: self._across])), in_slots.__getitem__)
        ]

    def drawn(self) -> Figure:
        heights = [
            lines_high(1 + max(self._words(slot).count("\n") for slot in row.slots), SMALL_POINTS)
            for row in self._shown
        ]
        legend = Legend([Entry(self._named(group), {"facecolor": tint(group)}) for group in self._seen()], _PAD)
        high_head = lines_high(2) + _BETWEEN if self._in_slots is not None else lines_high(1) + _BETWEEN
        notes = sum(1 for count in self._more.values() if count) + bool(self._content.rotations)
        height = (
            high_head + sum(high + 2 * _BETWEEN for high in heights) + notes * lines_high(1) + legend.high + 3 * _PAD
        )
        canvas = Canvas(height)
        y = height - _PAD - high_head
        self._draw_head(canvas, y)
        for number, (row, high) in enumerate(zip(self._shown, heights, strict=True)):
            if row.is_sum and not self._shown[number - 1].is_sum:
                y = self._draw_note(canvas, y, self._in_words_more("ciphertext"))
                y -= _PAD
                canvas.axes.plot([_PAD, WIDTH_INCHES - _PAD], [y + _PAD / 2] * 2, color=INK, linewidth=1.2)
            self._draw_row(canvas, row, y, high + 2 * _BETWEEN)
            y -= high + 2 * _BETWEEN
        y = self._draw_note(canvas, y, self._in_words_more("sum"))
        y = self._draw_note(canvas, y, self._in_words_rotations())
        y -= _PAD
        legend.draw(canvas, y)
        return canvas.figure

    def _left(self, slot: int) -> float:
        return _PAD + self._name_wide + slot * self._cell_wide

    def _draw_head(self, canvas: Canvas, y: float) -> None:
        canvas.text(_PAD, y + lines_high(0.5), "slot", ha="left", fontsize=SMALL_POINTS, color=FAINT)
        for slot in range(self._across):
            x = self._left(slot) + self._cell_wide / 2
            canvas.text(x, y + lines_high(0.5), str(slot), fontsize=SMALL_POINTS, color=FAINT)
        for column, run in self._runs():
            left, right = self._left(run[0]), self._left(run[-1] + 1)
            top = y + lines_high(1.05)
            canvas.axes.plot([left + 0.04, right - 0.04], [top] * 2, color=INK, linewidth=1.2)
            canvas.text(
                (left + right) / 2,
                top + lines_high(0.35),
                self._columns[column],
                weight="bold",
                fontsize=SMALL_POINTS,
                va="baseline",
            )

    def _draw_row(self, canvas: Canvas, row: _Row, top: float, high: float) -> None:
        y = top - high / 2
        canvas.text(_PAD, y, row.name, ha="left", weight="bold" if row.is_sum else "normal")
        for number, slot in enumerate(row.slots[: self._across]):
            colour = "white" if slot is None else tint(slot.group)
            place = (self._left(number) + 0.02, top - high + 0.02)
            size = (self._cell_wide - 0.04, high - 0.04)
            canvas.box(*place, *size, facecolor=colour, edgecolor=FAINT, linewidth=0.8)
            middle = self._left(number) + self._cell_wide / 2
            canvas.text(middle, y, self._words(slot), fontsize=SMALL_POINTS, linespacing=1.15)
        end = self._left(self._across) + _PAD / 2
        canvas.text(end, y, row.beyond(self._across), ha="left", fontsize=SMALL_POINTS, color=FAINT)

    def _draw_note(self, canvas: Canvas, top: float, words: str) -> float:
        if not words:
            return top
        canvas.text(_PAD, top - lines_high(0.5), words, ha="left", fontsize=SMALL_POINTS, color=FAINT)
        return top - lines_high(1)

    def _seen(self) -> list[int]:
        return sorted({slot.group for row in self._shown for slot in row.slots[: self._across] if slot is not None})

    def _named(self, group: int) -> str:
        size = self._content.sizes[group]
        return f"{_letter(group)} = {self._content.names[group]} ({_counted(size, 'row')})"

    def _in_words_more(self, kind: str) -> str:
        more = self._more[kind]
        return f"… and {_counted(more, f'more {kind}')}" if more else ""

    def _in_words_rotations(self) -> str:
        number = self._content.rotations
        return f"Then the parts of each sum are added up by {_counted(number, 'rotation')}" if number else ""

    def in_words(self) -> str:
        said = [f"{'; '.join(map(self._named, self._seen()))}"]
        said += [f"{row.name}: {self._row_in_words(row)}" for row in self._shown if not row.is_sum]
        said.append(self._in_words_more("ciphertext"))
        said += [f"{row.name}: {self._row_in_words(row)}" for row in self._shown if row.is_sum]
        said += [self._in_words_more("sum"), self._in_words_rotations()]
        return " ".join(f"{words}." for words in said if words)

    def _row_in_words(self, row: _Row) -> str:
        """Slot by slot, the column once for neighbours of one."""
        said = []
        for column, run in groupby(row.slots[: self._across], lambda slot: None if slot is None else slot.column):
            words = ", ".join(_lettering(slot, self._content.sizes).replace("\n", " ") for slot in run)
            said.append(f"{len(words.split(', '))} empty" if column is None else f"{words} of {self._columns[column]}")
        return "; ".join(
            [*said, *([f"then {beyond.removeprefix('… ')}"] if (beyond := row.beyond(self._across)) else [])]
        )


def _head(content: SlotContent, layout: Layout, slot_count: int, group_by: Sequence[str]) -> str:
    by = " and ".join(group_by) or "nothing, over all rows"
    ciphertexts, results = _counted(len(content.ciphertexts), "ciphertext"), _counted(len(content.sums), "result")
    return f"Layout {layout.name}, sums by {by}: {ciphertexts} of {slot_count:,} slots, added up to {results}."


def _counted(count: int, kind: str) -> str:
    return f"{count:,} {kind}{'' if count == 1 else 's'}"


def _as_table(content: SlotContent, columns: Sequence[str]) -> pd.DataFrame:
    """A row for each group: its letter, its rows, and for each column the slots that its sum is read from."""
    groups = range(len(content.names))
    table = pd.DataFrame(
        {"letter": [_letter(group) for group in groups], "rows": content.sizes},
        index=pd.Index(content.names, name="group"),
    )
    for number, column in enumerate(columns):
        table[f"sum of {column}"] = [
            _place_in_words(content.cells[group, number], len(content.sums)) for group in groups
        ]
    return table


def _place_in_words(cells: list[tuple[int, int]], sums: int) -> str:
    slots, results = [slot for _, slot in cells], sorted({of_sum for of_sum, _ in cells})
    said = f"slot{'s' if len(slots) > 1 else ''} {_list_of(slots)}"
    return said if sums == 1 else f"{said} of result{'s' if len(results) > 1 else ''} {_list_of(results)}"
