"""A drawing board measured in inches, and lettering that is measured before it is placed."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import FancyBboxPatch

from he_helpers.lab.figures.theme import DOTS_PER_INCH, OKABE_ITO, STYLE, WIDTH_INCHES

INK = "#111111"
FAINT = "#555555"
TEXT_POINTS = 9.5
SMALL_POINTS = 8.5
_POINTS_PER_INCH = 72
_LINE = 1.35  # height of a line of text in units of its font size


def tint(number: int, share: float = 0.45) -> tuple[float, float, float]:
    """The colour of that number, mixed with white so that dark text on it can be read; the eight repeat."""
    red, green, blue = (share * part + 1 - share for part in to_rgb(OKABE_ITO[number % len(OKABE_ITO)]))
    return red, green, blue


class Canvas:
    """A figure of the notebooks' width, drawn on in inches from the lower left corner."""

    figure: Figure
    axes: Axes

    def __init__(self, height: float, width: float = WIDTH_INCHES) -> None:
        with plt.rc_context(STYLE):
            self.figure = Figure(figsize=(width, height))
            self.figure.set_layout_engine("none")
            FigureCanvasAgg(self.figure)
            self.axes = self.figure.add_axes((0, 0, 1, 1))
            self.axes.set(xlim=(0, width), ylim=(0, height))
            self.axes.set_axis_off()

    def text(self, x: float, y: float, words: str, **options: Any) -> None:
        """Words centred at this point, unless ``options`` (those of matplotlib's text) say otherwise."""
        chosen: dict[str, Any] = {
            "ha": "center",
            "va": "center",
            "fontsize": TEXT_POINTS,
            "color": INK,
            "linespacing": _LINE,
            # All of the common style that it would take; to enter the style takes three times as long as the words.
            "family": STYLE["font.family"],
        } | options
        self.axes.text(x, y, words, **chosen)

    def box(self, left: float, bottom: float, width: float, height: float, **options: Any) -> None:
        """A rectangle with slightly rounded corners."""
        chosen: dict[str, Any] = {"facecolor": "white", "edgecolor": INK, "linewidth": 1.0} | options
        shape = "round,pad=0,rounding_size=0.06"
        # As any artist: a patch would have its outline measured, for limits of the axes that are set already.
        self.axes.add_artist(FancyBboxPatch((left, bottom), width, height, boxstyle=shape, **chosen))


def lines_high(lines: float, points: float = TEXT_POINTS) -> float:
    """The height of so many lines of text, in inches."""
    return lines * points * _LINE / _POINTS_PER_INCH


@lru_cache(maxsize=4096)
def text_width(words: str, points: float = TEXT_POINTS, weight: str = "normal") -> float:
    """The width of one line of text, in inches."""
    font = FontProperties(family=STYLE["font.family"], size=points, weight=weight)
    return _measuring().get_text_width_height_descent(words, font, ismath=False)[0] / DOTS_PER_INCH


@lru_cache(maxsize=1)
def _measuring() -> RendererAgg:
    return RendererAgg(1, 1, DOTS_PER_INCH)


def wrapped(words: str, width: float, points: float = TEXT_POINTS, weight: str = "normal") -> str:
    """The words on as many lines as the width, in inches, asks for; a word is never broken."""
    lines: list[str] = []
    for word in words.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, points, weight) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(lines)
