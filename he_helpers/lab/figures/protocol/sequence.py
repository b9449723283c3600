"""The sequence of a request: arrows between roles, with what travels, from top to bottom."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from he_helpers.lab.figures.canvas import FAINT, INK, Canvas, lines_high, tint, wrapped
from he_helpers.lab.figures.picture import Picture
from he_helpers.lab.figures.protocol.course import REQUEST, ROLES, Role, Step
from he_helpers.lab.figures.protocol.role_columns import BOUNDARY_HIGH, Columns
from he_helpers.lab.figures.theme import WIDTH_INCHES

_PAD = 0.12
_ARROW_HIGH = 0.2  # below the words of a message
_WORK_PAD = 0.07
_BETWEEN = 0.08
_MOST_STEPS = 14


def sequence(here: str | None = None, steps: Sequence[Step] = REQUEST, roles: Sequence[Role] = ROLES) -> Picture:
    """Draws what travels between roles, and what each of them does, one step after the other.

    here: the name of the role that the reader plays; None marks nobody. steps: 1 to 14, from top to bottom. roles: 2 to
    4, from left to right.

    Raises ValueError for another number of steps or roles, two roles of one name, a name that is none of theirs.
    """
    columns = Columns(roles, here, WIDTH_INCHES)
    if not 1 <= len(steps) <= _MOST_STEPS:
        raise ValueError(
            f"A sequence has 1 to {_MOST_STEPS} steps, not {len(steps)}. Draw a longer one in two pictures."
        )
    for name in (name for step in steps for name in (step.sender, step.receiver)):
        if name not in columns.centres:
            raise ValueError(f"No role is called {name!r}. The roles are {', '.join(columns.centres)}.")
    words = [wrapped(f"{number}. {step.what}", _room(step, columns)) for number, step in enumerate(steps, start=1)]
    heights = [
        lines_high(said.count("\n") + 1) + (2 * _WORK_PAD if step.sender == step.receiver else _ARROW_HIGH) + _BETWEEN
        for step, said in zip(steps, words, strict=True)
    ]
    height = columns.top_high + sum(heights) + BOUNDARY_HIGH + 3 * _PAD
    canvas = Canvas(height)
    y = height - _PAD - columns.top_high
    for x in columns.centres.values():
        canvas.axes.plot([x, x], [BOUNDARY_HIGH + _PAD, y], color="#999999", linewidth=1.0, zorder=1)
    y -= _PAD
    for step, said, high in zip(steps, words, heights, strict=True):
        _draw_step(canvas, columns, step, said, y, high - _BETWEEN)
        y -= high
    columns.draw_boundary(canvas, height - _PAD)
    columns.draw_heads(canvas, height - _PAD)
    return Picture(canvas.figure, _in_words(columns, steps), _as_table(columns, steps))


def _room(step: Step, columns: Columns) -> float:
    if step.sender == step.receiver:
        return columns.width - 4 * _WORK_PAD
    return abs(columns.centres[step.sender] - columns.centres[step.receiver]) - 0.3


def _draw_step(canvas: Canvas, columns: Columns, step: Step, said: str, top: float, high: float) -> None:
    start, end = columns.centres[step.sender], columns.centres[step.receiver]
    if step.sender == step.receiver:
        colour = tint(columns.colours[step.sender], 0.2)
        width = columns.width - 2 * _WORK_PAD
        canvas.box(start - width / 2, top - high, width, high, facecolor=colour, edgecolor=FAINT, zorder=2)
        canvas.text(start, top - high / 2, said, zorder=3)
        return
    ground = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "white"}
    canvas.text((start + end) / 2, top, said, va="top", zorder=3, bbox=ground)
    arrow = {"arrowstyle": "-|>", "color": INK, "linewidth": 1.6, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 13}
    y = top - high + _ARROW_HIGH / 3
    canvas.axes.annotate("", xy=(end, y), xytext=(start, y), arrowprops=arrow, zorder=3)


def _in_words(columns: Columns, steps: Sequence[Step]) -> str:
    said = [columns.in_words()]
    for number, step in enumerate(steps, start=1):
        sender = columns.title_of(step.sender)
        to = "" if step.sender == step.receiver else f" to {columns.title_of(step.receiver)}"
        said.append(f"{number}. {sender}{to}: {step.what}.")
    return " ".join(said)


def _as_table(columns: Columns, steps: Sequence[Step]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "who": [columns.title_of(step.sender) for step in steps],
            "to": ["" if step.sender == step.receiver else columns.title_of(step.receiver) for step in steps],
            "what": [step.what for step in steps],
        },
        index=pd.RangeIndex(1, len(steps) + 1, name="step"),
    )
