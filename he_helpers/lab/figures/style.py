"""Figures that carry alternative text.

A figure is displayed as an HTML image, because JupyterLab shows the alternative text of those only: it drops
the one that stands in the metadata of a plain PNG output.
"""

from __future__ import annotations

import base64
import html
import io

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import display
from matplotlib.figure import Figure

from he_helpers.lab.figures.theme import DOTS_PER_INCH, OKABE_ITO, STYLE

_DOTS_APART = 0.1  # of the distance between two places
_MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")
_CSS_PIXELS_PER_INCH = 96


def show(figure: Figure, alt: str) -> None:
    """Displays `figure` with the alternative text `alt`, and closes it.

    alt: what the figure says, for those who do not see it; it is also the output's plain text, which is
    compared.

    Raises ValueError when `alt` is empty.
    """
    shown = image(figure, alt)
    plt.close(figure)
    display(shown, raw=True)


def image(figure: Figure, alt: str) -> dict[str, str]:
    """`figure` as an HTML image with the alternative text `alt`: what Jupyter displays, by MIME type.

    Raises ValueError when `alt` is empty.
    """
    if not alt.strip():
        raise ValueError("A figure needs alternative text: say in a sentence what it shows.")
    content = io.BytesIO()
    with plt.rc_context(STYLE):
        figure.savefig(content, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    width = round(figure.get_figwidth() * _CSS_PIXELS_PER_INCH)
    source = base64.b64encode(content.getvalue()).decode("ascii")
    element = f'<img src="data:image/png;base64,{source}" alt="{html.escape(alt)}" width="{width}">'
    return {"text/html": element, "text/plain": alt}


def dots(frame: pd.DataFrame, xlabel: str, ylabel: str, alt: str, log: bool = True) -> None:
    """Displays a chart of `frame` with a dot for each number: a place for each row, a colour and mark for each column.

    For numbers of very different size: a bar has no length on a logarithmic axis, which has no zero.
    frame: numbers, with the names of the places as index; at most 8 columns.
    xlabel, ylabel: axis labels with their units; alt: alternative text; log: whether the y axis is logarithmic.

    Raises ValueError on an empty frame, a column that is not numeric, more than 8 columns, an empty label, and for zero
    or a negative value on a logarithmic axis.
    """
    _check_chart(frame, xlabel, ylabel)
    if log and (frame <= 0).any(axis=None):
        raise ValueError("A logarithmic axis has no place for zero or negative values; use log=False.")
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots()
        for number, (name, mark) in enumerate(zip(frame.columns, _MARKS, strict=False)):
            # Side by side: equal numbers would lie one upon the other.
            beside = (number - (len(frame.columns) - 1) / 2) * _DOTS_APART
            axes.plot([row + beside for row in range(len(frame))], frame[name], mark, markersize=8, label=str(name))
        axes.set(yscale="log" if log else "linear", xlim=(-0.5, len(frame) - 0.5), xlabel=xlabel, ylabel=ylabel)
        axes.set_xticks(range(len(frame)), [str(name) for name in frame.index])
        axes.grid(visible=False, axis="x")
        if len(frame.columns) > 1:
            axes.legend()
        show(figure, alt)


def _check_chart(frame: pd.DataFrame, xlabel: str, ylabel: str) -> None:
    if frame.empty:
        raise ValueError("There is nothing to draw: the frame needs at least one row and one column.")
    if len(frame.columns) > len(OKABE_ITO):
        raise ValueError(f"{len(frame.columns)} columns cannot be told apart; draw at most {len(OKABE_ITO)}.")
    words = [str(name) for name in frame.columns if not pd.api.types.is_numeric_dtype(frame[name])]
    if words:
        raise ValueError(f"These columns are not numeric: {', '.join(words)}. Set them as index or leave them out.")
    if not (xlabel.strip() and ylabel.strip()):
        raise ValueError("Both axes need a label with the unit, such as 'encrypted table [bytes]'.")
