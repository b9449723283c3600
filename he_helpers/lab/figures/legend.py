"""A legend: marks with their words, on as many lines as the width asks for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from he_helpers.lab.figures.canvas import FAINT, Canvas, text_width
from he_helpers.lab.figures.theme import WIDTH_INCHES

_LINE_HIGH = 0.24
_MARK_WIDE, _MARK_HIGH = 0.2, 0.14
_WORDS_AFTER = 0.27
_TAKES = 0.5  # the mark and the space around its words


class Entry(NamedTuple):
    """looks: how the mark is filled, as options of Canvas.box."""

    words: str
    looks: dict[str, Any]


class Legend:
    """Measures the entries; ``high`` is in inches."""

    def __init__(self, entries: Iterable[Entry], pad: float) -> None:
        self._pad = pad
        self._lines: list[list[Entry]] = [[]]
        whole = room = WIDTH_INCHES - 2 * pad
        for entry in entries:
            wide = text_width(entry.words) + _TAKES
            if room < wide and self._lines[-1]:
                self._lines.append([])
                room = whole
            self._lines[-1].append(entry)
            room -= wide

    @property
    def high(self) -> float:
        return len(self._lines) * _LINE_HIGH

    def draw(self, canvas: Canvas, top: float) -> None:
        for number, line in enumerate(self._lines):
            x, y = self._pad, top - (number + 0.5) * _LINE_HIGH
            for words, looks in line:
                canvas.box(x, y - _MARK_HIGH / 2, _MARK_WIDE, _MARK_HIGH, edgecolor=FAINT, linewidth=0.8, **looks)
                canvas.text(x + _WORDS_AFTER, y, words, ha="left")
                x += text_width(words) + _TAKES
