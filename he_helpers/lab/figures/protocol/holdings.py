"""Who holds what: a box for each role, with the trust boundary between them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from he_helpers.lab.figures.canvas import FAINT, INK, Canvas, lines_high, wrapped
from he_helpers.lab.figures.picture import Picture
from he_helpers.lab.figures.protocol.course import ROLES, Role, article_of
from he_helpers.lab.figures.protocol.role_columns import BOUNDARY_HIGH, Columns
from he_helpers.lab.figures.theme import WIDTH_INCHES

_SECRET_KEY = "secret key"
_PAD = 0.12
_BETWEEN = 0.06
_KEY_WIDE = 0.34
_BULLET_WIDE = 0.14
_BASELINE = 0.7  # of a line's height, from its top


def who_holds_what(here: str | None = None, roles: Sequence[Role] = ROLES) -> Picture:
    """Draws what each role holds and can read.

    here: the name of the role that the reader plays, such as ``seat.role``; None marks nobody. roles: 2 to 4, from left
    to right.

    Raises ValueError for another number of roles, two of one name, or a name in ``here`` that is none of theirs.
    """
    columns = Columns(roles, here, WIDTH_INCHES)
    inner = columns.width - 2 * _PAD
    held = [[wrapped(thing, inner - _BULLET_WIDE) for thing in role.holds] for role in roles]
    reads = [wrapped(f"can read: {role.reads}", inner, weight="bold") for role in roles]
    held_high = max(sum(_high(thing) + _BETWEEN for thing in things) for things in held)
    reads_high = max(_high(words) for words in reads) + 2 * _BETWEEN
    body_high = lines_high(1) + 2 * _PAD + held_high + _PAD + reads_high
    height = columns.top_high + body_high + BOUNDARY_HIGH + 2 * _PAD
    bottom = BOUNDARY_HIGH + _PAD
    canvas = Canvas(height)
    top = height - _PAD - columns.top_high
    for role, left, things, words in zip(roles, columns.lefts, held, reads, strict=True):
        line = 2.6 if role.name == here else 1.0
        canvas.box(left, bottom, columns.width, body_high, linewidth=line)
        y = top - _PAD - lines_high(1) / 2
        _draw_key(canvas, left + _PAD, y, role.secret_key)
        said = _SECRET_KEY if role.secret_key else f"no {_SECRET_KEY}"
        canvas.text(left + _PAD + _KEY_WIDE, y, said, ha="left", weight="bold" if role.secret_key else "normal")
        y -= lines_high(1) / 2 + _PAD
        for thing in things:
            _draw_thing(canvas, left + _PAD, y, thing)
            y -= _high(thing) + _BETWEEN
        across = [left + _PAD, left + columns.width - _PAD]
        canvas.axes.plot(across, [bottom + reads_high] * 2, color=FAINT, linewidth=0.8)
        canvas.text(left + columns.width / 2, bottom + reads_high / 2, words, weight="bold")
    columns.draw_boundary(canvas, height - _PAD)
    columns.draw_heads(canvas, height - _PAD)
    return Picture(canvas.figure, _in_words(columns), _as_table(roles))


def _high(words: str) -> float:
    return lines_high(words.count("\n") + 1)


def _draw_thing(canvas: Canvas, left: float, top: float, words: str) -> None:
    """A point and the words beside it. Line by line on its baseline: a block of text has the height of its letters."""
    for number, line in enumerate(words.split("\n")):
        y = top - lines_high(number + _BASELINE)
        if number == 0:
            canvas.text(left, y, "•", ha="left", va="baseline")
        canvas.text(left + _BULLET_WIDE, y, line, ha="left", va="baseline")


def _draw_key(canvas: Canvas, left: float, y: float, held: bool) -> None:
    """A key, for whoever has none in an outline that is struck through."""
    colour = INK if held else FAINT
    radius = 0.055
    canvas.axes.plot([left + radius], [y], marker="o", markersize=8, markeredgewidth=2, color=colour, fillstyle="none")
    canvas.axes.plot([left + 2 * radius + 0.01, left + 0.26], [y, y], color=colour, linewidth=2)
    for x in (left + 0.19, left + 0.25):
        canvas.axes.plot([x, x], [y, y - 0.05], color=colour, linewidth=2)
    if not held:
        canvas.axes.plot([left, left + 0.26], [y - 0.08, y + 0.08], color="#B00020", linewidth=2)


def _in_words(columns: Columns) -> str:
    said = [columns.in_words()]
    for role in columns.roles:
        key = f"the {_SECRET_KEY}" if role.secret_key else f"no {_SECRET_KEY}"
        who = f"{article_of(role.title)}{role.title}"
        said.append(f"{who[:1].upper()}{who[1:]} holds {', '.join([key, *role.holds])}, and can read {role.reads}.")
    return " ".join(said)


def _as_table(roles: Sequence[Role]) -> pd.DataFrame:
    """A column for each role; a row for each thing that any of them holds, and one for what they can read."""
    held = {role.title: [*([_SECRET_KEY] if role.secret_key else []), *role.holds] for role in roles}
    things = dict.fromkeys([_SECRET_KEY, *(thing for role in roles for thing in role.holds)])
    rows = {thing: {title: "yes" if thing in of_role else "no" for title, of_role in held.items()} for thing in things}
    return pd.DataFrame({**rows, "can read": {role.title: role.reads for role in roles}}).T
