"""The slots of a table's ciphertexts while its layout is changed: parts, announced groupings, the question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets
import pandas as pd

from he_helpers.errors import HEError
from he_helpers.lab.figures import slot_grid
from he_helpers.lab.widgets.live_picture import LivePicture
from he_helpers.lab.widgets.panel import choice, whole_number
from he_helpers.lab.workspace.doing import doing
from he_helpers.tables import Aligned, Labels, Layout, Rotated, Rows

_KINDS = {"aligned": Aligned, "rotated": Rotated}
_LAYOUTS = (*_KINDS, "rows")
_TICK = {"width": "auto", "margin": "2px 16px 2px 2px"}


class LayoutExplorer(LivePicture):
    """The grid of slots, and fields for the layout, ``partial_sums``, the announced groupings and the question.

    labels: the readable columns, a row for each row of the table; columns: the names of the encrypted ones; groupings:
    the label combinations to choose from, the first of which is asked for at the beginning; slot_count: of a
    ciphertext. Nothing is encrypted: the places are those of the real layouts.

    Each field is an attribute, and setting its ``value`` in code changes it, too: layout, parts, question, and
    announced, a list with a field for each grouping. What a layout refuses is said, and the picture stays.

    Raises ValueError without a grouping, and what ``lab.figures.slot_grid`` raises for the first picture.
    """

    def __init__(
        self, labels: pd.DataFrame, columns: Sequence[str], groupings: Sequence[Sequence[str]], slot_count: int
    ) -> None:
        if not groupings:
            raise ValueError("Give one grouping or more to choose from, such as [['Region'], ['Region', 'Year']].")
        self._labels, self._columns, self._slot_count = labels, list(columns), slot_count
        self._groupings = {" and ".join(grouping) or "the grand total": list(grouping) for grouping in groupings}
        self.layout = choice("layout", _LAYOUTS, _LAYOUTS[0])
        self.parts = whole_number("partial_sums", 1, len(labels), 1)
        self.question = choice("sums by", list(self._groupings), next(iter(self._groupings)))
        self.announced = [
            widgets.Checkbox(value=True, description=f"announce {name}", indent=False, layout=_TICK)
            for name in self._groupings
        ]
        super().__init__(
            [self.layout, self.parts, self.question, *self.announced],
            "Fields: layout, partial_sums, the question, and which groupings are announced.",
        )
        with doing("Drawing the slots: a few seconds."):
            self._draw()
        for field in (self.layout, self.parts, self.question, *self.announced):
            field.observe(self._renew, names="value")

    @property
    def chosen(self) -> Layout:
        """The layout as chosen. Raises ShapeMismatch, UnsupportedQuery."""
        if self.layout.value == "rows":
            return Rows()
        named = zip(self._groupings.values(), self.announced, strict=True)
        groupings = [grouping for grouping, field in named if field.value]
        return _KINDS[self.layout.value](groupings=groupings, partial_sums=self.parts.value)

    def _renew(self, _: Any) -> None:
        if self.layout.value != "rows" and not any(field.value for field in self.announced):
            self._refuse("No question is announced: tick one or more.")
            return
        try:
            self._draw()
        except HEError as error:
            self._refuse(str(error))

    def _refuse(self, why: str) -> None:
        self.show(self.picture, f"{why} The picture stays as it was.", wrong=True)

    def _draw(self) -> None:
        layout, question = self.chosen, self._groupings[self.question.value]
        picture = slot_grid(self._labels, self._columns, layout, self._slot_count, question)
        packing = layout.pack(Labels.from_frame(self._labels), len(self._columns), self._slot_count)
        parts = packing.parts(packing.layout.canonical(tuple(question)))
        if self.layout.value == "rows":
            added = "Any question can be asked; partial_sums and what is announced change nothing."
        elif parts == 1:
            added = "Each sum lies in one slot."
        elif self.layout.value == "rotated":
            added = f"Each sum lies in {parts} slots in parts, which the server adds up by rotations."
        else:
            added = f"Each sum lies in {parts} slots in parts, which whoever decrypts sees and adds up."
        self.show(picture, f"The table takes {packing.ciphertext_count:,} ciphertexts. {added}")
