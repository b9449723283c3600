"""A picture: a drawing with its alternative text, and a table of what it shows."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from IPython.display import display
from matplotlib.figure import Figure

from he_helpers.lab.figures.style import image


@dataclass(frozen=True, eq=False, repr=False)
class Picture:
    """What the drawing functions return. As the last line of a cell it displays itself, and its table right after.

    figure: the drawing; alt: what it shows, in words; table: the same as a DataFrame.
    """

    figure: Figure
    alt: str
    table: pd.DataFrame

    def __repr__(self) -> str:
        return self.alt

    def _ipython_display_(self) -> None:
        display(image(self.figure, self.alt), raw=True)
        display(self.table)
